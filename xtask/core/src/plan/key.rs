//! The key by which the store finds a plan, and the answer of `why` about two plans.

use serde::Serialize;
use serde_json::Value;

use crate::base::digest::Digest;

/// A plan as the store has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keyed {
    /// The name under which the store notes the plan that was used last: the package, `image.hello`, `iso.minimal.security`.
    pub label: String,
    /// The input key: the digest of `text`.
    pub key: Digest,
    /// The canonical text.
    pub text: String,
}

impl Keyed {
    /// A plan whose canonical text this is.
    pub fn new(label: String, text: String) -> Self {
        Self { label, key: Digest::of(&text), text }
    }

    /// The same plan with `there` as its seed env, where this one has `here`. A digest is in a plan as its hex digits and nowhere
    /// else.
    pub fn in_seed(&self, here: &Digest, there: &Digest) -> Self {
        Self::new(self.label.clone(), self.text.replace(&here.to_string(), &there.to_string()))
    }

    /// A plan whose canonical text has its keys in alphabetical order, whatever the order of the fields.
    pub fn sorted(label: String, plan: &impl Serialize) -> Self {
        // Serialising plain structs, strings and maps with string keys has no failure case.
        Self::new(label, format!("{:#}", serde_json::to_value(plan).unwrap_or_default()))
    }
}

/// The inputs that differ between the canonical texts of two plans, one line each; the answer of `cargo xtask why`.
///
/// # Errors
/// When a text is not JSON: it was stored by another version of Ashlar, or is damaged.
pub fn explain(old: &str, new: &str) -> Result<Vec<String>, serde_json::Error> {
    let mut lines = Vec::new();
    differences("", &serde_json::from_str(old)?, &serde_json::from_str(new)?, &mut lines);
    Ok(lines)
}

fn differences(path: &str, old: &serde_json::Value, new: &serde_json::Value, lines: &mut Vec<String>) {
    let show = |value: &Value| {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let first = text.lines().next().unwrap_or_default();
        if first.len() < text.len() || first.chars().count() > 70 {
            format!("{}…", first.chars().take(70).collect::<String>())
        } else {
            first.to_owned()
        }
    };
    match (old, new) {
        (Value::Object(a), Value::Object(b)) => {
            for name in a.keys().chain(b.keys().filter(|name| !a.contains_key(*name))) {
                let step = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                let missing = Value::Null;
                differences(&step, a.get(name).unwrap_or(&missing), b.get(name).unwrap_or(&missing), lines);
            }
        }
        (Value::Array(a), Value::Array(b)) if a.iter().chain(b).all(|element| label(element).is_some()) => {
            let find = |list: &[Value], name: &str| list.iter().find(|element| label(element) == Some(name)).cloned();
            let mut names: Vec<&str> = a.iter().chain(b).filter_map(label).collect();
            names.sort_unstable();
            names.dedup();
            for name in names {
                let (a, b) = (find(a, name).unwrap_or(Value::Null), find(b, name).unwrap_or(Value::Null));
                differences(&format!("{path}[{name}]"), &a, &b, lines);
            }
        }
        (Value::Array(a), Value::Array(b)) => {
            for index in 0..a.len().max(b.len()) {
                let missing = Value::Null;
                let (a, b) = (a.get(index).unwrap_or(&missing), b.get(index).unwrap_or(&missing));
                differences(&format!("{path}[{index}]"), a, b, lines);
            }
        }
        (a, b) if a == b => {}
        (Value::String(a), Value::String(b)) if a.contains('\n') || b.contains('\n') => {
            lines.push(format!("{path}: {}", changed_line(a, b)));
        }
        (a, b) => lines.push(format!("{path}: {} -> {}", show(a), show(b))),
    }
}

/// What tells an element of a list from the others: a package's name, a file's path.
fn label(element: &Value) -> Option<&str> {
    element.get("name").or_else(|| element.get("path")).and_then(Value::as_str)
}

/// The first line that differs between two scripts.
fn changed_line(old: &str, new: &str) -> String {
    let (mut a, mut b) = (old.lines(), new.lines());
    for number in 1.. {
        match (a.next(), b.next()) {
            (None, None) => break,
            (x, y) if x == y => {}
            (x, y) => return format!("line {number}: `{}` -> `{}`", x.unwrap_or(""), y.unwrap_or("")),
        }
    }
    "line ends differ".to_owned()
}
