//! The system calls that a container may make: from the text of the list to the rules of the runtime's configuration.
//! Pure.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::problem::{Outcome, Problem, problem};

/// The file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    #[serde(default)]
    group: Vec<Group>,
}

/// Calls allowed for one reason.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    /// For readers.
    #[allow(dead_code)]
    reason: String,
    calls: String,
    /// The argument that is compared, counted from 0; without it, arguments do not matter.
    argument: Option<u8>,
    /// Its allowed values.
    one_of: Option<Vec<u64>>,
    /// Bits that must be zero in it.
    without: Option<u64>,
}

/// Allowed calls and their condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    names: Vec<String>,
    condition: Option<(u8, Condition)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Condition {
    OneOf(Vec<u64>),
    Without(u64),
}

/// Reads the list.
pub fn read(text: &str) -> Outcome<Vec<Rule>> {
    let list: List = toml::from_str(text).map_err(|error| Problem(format!("the list of system calls: {error}")))?;
    let mut seen = BTreeSet::new();
    let mut rules = Vec::new();
    for group in list.group {
        let names: Vec<String> = group.calls.split_whitespace().map(str::to_owned).collect();
        for name in &names {
            // A call that one group allows always cannot be restricted by another.
            if !seen.insert(name.clone()) {
                return problem(format!("the list of system calls names `{name}` twice"));
            }
        }
        let condition = match (group.argument, group.one_of, group.without) {
            (None, None, None) => None,
            (Some(argument @ 0..=5), Some(values), None) if !values.is_empty() => {
                Some((argument, Condition::OneOf(values)))
            }
            (Some(argument @ 0..=5), None, Some(bits)) => Some((argument, Condition::Without(bits))),
            _ => {
                return problem(format!(
                    "the list of system calls: `argument` (0 to 5) goes with either `one_of` or `without`, at `{:.60}`",
                    group.calls
                ));
            }
        };
        rules.push(Rule { names, condition });
    }
    if seen.is_empty() {
        return problem("the list of system calls is empty, so no program could run");
    }
    Ok(rules)
}

impl Rule {
    /// Calls whose arguments do not matter.
    #[cfg(test)]
    pub fn always(names: &[&str]) -> Self {
        Self { names: names.iter().map(|name| (*name).to_owned()).collect(), condition: None }
    }

    /// The entries of the runtime's configuration; several entries of one call are alternatives.
    pub fn entries(&self) -> Vec<Value> {
        let entry = |arguments: Option<Value>| {
            let mut entry = json!({"names": self.names, "action": "SCMP_ACT_ALLOW"});
            if let Some(arguments) = arguments {
                entry["args"] = json!([arguments]);
            }
            entry
        };
        match &self.condition {
            None => vec![entry(None)],
            Some((index, Condition::OneOf(values))) => values
                .iter()
                .map(|value| entry(Some(json!({"index": index, "value": value, "op": "SCMP_CMP_EQ"}))))
                .collect(),
            Some((index, Condition::Without(bits))) => {
                vec![entry(Some(json!({"index": index, "value": bits, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"})))]
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_become_alternatives() {
        let list = "[[group]]\nreason = \"x\"\ncalls = \"read write\"\n\
                    [[group]]\nreason = \"x\"\ncalls = \"socket\"\nargument = 0\none_of = [1, 2]\n\
                    [[group]]\nreason = \"x\"\ncalls = \"sendto sendmmsg\"\nargument = 3\nwithout = 0x2000_0000\n";
        let entries: Vec<Value> = read(list).unwrap().iter().flat_map(Rule::entries).collect();
        assert_eq!(
            json!(entries),
            json!([
                {"names": ["read", "write"], "action": "SCMP_ACT_ALLOW"},
                {"names": ["socket"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}]},
                {"names": ["socket"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 2, "op": "SCMP_CMP_EQ"}]},
                {"names": ["sendto", "sendmmsg"], "action": "SCMP_ACT_ALLOW",
                 "args": [{"index": 3, "value": 0x2000_0000, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}]},
            ])
        );
    }

    #[test]
    fn lists_that_would_allow_more_than_they_seem_to() {
        let group = |more: &str| format!("[[group]]\nreason = \"x\"\ncalls = \"socket\"\n{more}\n");
        for bad in [
            String::new(),
            "calls = \"read\"".to_owned(),
            group("one_of = [1]"),
            group("argument = 0"),
            group("argument = 0\none_of = []"),
            group("argument = 6\none_of = [1]"),
            group("argument = 0\none_of = [1]\nwithout = 2"),
            group("arg = 0"),
            group("") + &group("argument = 0\none_of = [1]"),
        ] {
            assert!(read(&bad).is_err(), "{bad}");
        }
    }

    /// A container gets sockets of three families, and cannot connect by sending (MSG_FASTOPEN).
    #[test]
    fn the_list_of_the_system() {
        let path = "hardening/6-isolation/containers/seccomp.toml";
        let Some(text) = testkit::repository::file(path) else { return };
        let rules = read(&text).unwrap();
        let of = |name: &str| rules.iter().find(|rule| rule.names.iter().any(|other| other == name)).unwrap();
        for name in ["socket", "socketpair"] {
            assert_eq!(of(name).condition, Some((0, Condition::OneOf(vec![1, 2, 10]))));
        }
        for (name, flags) in [("sendto", 3), ("sendmsg", 2), ("sendmmsg", 3)] {
            assert_eq!(of(name).condition, Some((flags, Condition::Without(0x2000_0000))));
        }
    }
}
