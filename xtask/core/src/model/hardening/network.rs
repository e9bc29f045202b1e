//! Layer 3: `nftables.conf`, which is the file of the running system as it is, and a check for each rule.
//!
//! This reads the file by lines only: the comment before a rule is its reason. `programs/nft` knows what the rules mean and whether
//! they are right. The file has the rules as `nft list` prints them, so that listing them is the check.

use std::collections::BTreeSet;

use camino::Utf8Path;

use super::check::HardeningCheck;
use super::layer::{Layer, Texts, text_of};
use super::rendered::Hardening;
use crate::base::diag::Diagnostic;
use crate::base::digest::Digest;

const RULES: &str = "hardening/3-network/nftables.conf";
const FILE: &str = "etc/nftables.conf";
/// Stands in a check for the ports that the rules admit.
const ADMITTED: &str = "admitted";
/// Lists the rules without counters and without who was seen.
const LIST: [&str; 5] = ["nft", "-s", "-t", "list", "ruleset"];

pub(super) fn render(into: &mut Hardening, texts: &Texts, findings: &mut Vec<Diagnostic>) {
    let Some((file, text)) = text_of(texts, RULES, findings) else { return };
    let rules = rules(text, file, findings);
    into.checks.push(whole(text));
    into.checks.extend(rules.into_iter().map(Rule::check));
    into.put(FILE, 0o600, text.to_owned());
}

/// A rule, or the first line of a base chain.
#[derive(Debug, PartialEq, Eq)]
struct Rule {
    /// Chain and place in it.
    id: String,
    text: String,
    reason: String,
}

impl Rule {
    fn check(self) -> HardeningCheck {
        let Self { id, text, reason } = self;
        let argv = LIST.iter().map(|word| ("argv".to_owned(), (*word).to_owned()));
        let keys = argv.chain([("line".to_owned(), text.clone())]).collect();
        HardeningCheck {
            layer: Layer::Network,
            id,
            summary: format!("`{text}`"),
            reason,
            kind: "command".to_owned(),
            keys,
        }
    }
}

/// Writes the ports that the chain `input` admits in the place of [`ADMITTED`], so that a service's port has one place.
pub(super) fn name_admitted(checks: &mut [HardeningCheck], texts: &Texts, findings: &mut Vec<Diagnostic>) {
    for check in checks.iter_mut().filter(|check| check.keys.iter().any(|(_, value)| value == ADMITTED)) {
        let Some((file, text)) = text_of(texts, RULES, findings) else { return };
        let ports = admitted(text, file, findings);
        let value = |(key, value): (String, String)| match value == ADMITTED {
            true => ports.iter().map(|port| (key.clone(), port.clone())).collect(),
            false => vec![(key, value)],
        };
        check.keys = std::mem::take(&mut check.keys).into_iter().flat_map(value).collect();
    }
}

/// The ports that the chain `input` accepts packets to, as `tcp 22`, in the order of protocol and number.
fn admitted(text: &str, file: &Utf8Path, findings: &mut Vec<Diagnostic>) -> Vec<String> {
    let mut ports = BTreeSet::new();
    // A rule without a reason is another's finding.
    let rules = rules(text, file, &mut Vec::new());
    for Rule { text, .. } in rules.iter().filter(|rule| rule.id.starts_with("input-") && rule.text.ends_with(" accept"))
    {
        let words: Vec<&str> = text.split(&[' ', ','][..]).filter(|word| !word.is_empty()).collect();
        for (at, _) in words.windows(2).enumerate().filter(|(_, two)| matches!(two, ["tcp" | "udp", "dport"])) {
            let value = &words[at + 2..];
            let list = match value.iter().position(|word| *word == "}") {
                Some(end) if value.first() == Some(&"{") => &value[1..end],
                _ => &value[..1.min(value.len())],
            };
            match list.iter().map(|word| word.parse::<u16>()).collect::<Result<Vec<_>, _>>() {
                Ok(numbers) => ports.extend(numbers.into_iter().map(|number| (words[at], number))),
                Err(_) => findings.push(
                    Diagnostic::error("nftables::ports", format!("`{text}` does not list its ports by number"))
                        .in_file(file)
                        .help(
                            "write each port, such as `tcp dport { 80, 443 }`: a check compares what listens with them",
                        ),
                ),
            }
        }
    }
    ports.into_iter().map(|(protocol, number)| format!("{protocol} {number}")).collect()
}

/// All rules are there, in this order, and no others.
fn whole(text: &str) -> HardeningCheck {
    let listing = format!("{} | sha256sum", LIST.join(" "));
    let keys = [
        ("argv", "sh".to_owned()),
        ("argv", "-c".to_owned()),
        ("argv", listing),
        ("equals", format!("{}  -", Digest::of(listed(text)))),
    ];
    HardeningCheck {
        layer: Layer::Network,
        id: "ruleset".to_owned(),
        summary: "The kernel's rules are those that the image was made with, in their order, and no others".to_owned(),
        reason: "The first rule that matches decides: one more, or another order, is another policy.".to_owned(),
        kind: "command".to_owned(),
        keys: keys.map(|(key, value)| (key.to_owned(), value)).into(),
    }
}

/// The file as `nft list ruleset` prints its rules: without comments, and without what comes before the first table.
fn listed(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
    lines.skip_while(|line| !line.starts_with("table ")).map(|line| format!("{line}\n")).collect()
}

/// The rules of all chains; a finding for each that has no reason.
fn rules(text: &str, file: &Utf8Path, findings: &mut Vec<Diagnostic>) -> Vec<Rule> {
    let mut rules = Vec::new();
    let mut chain: Option<(&str, u32)> = None;
    let mut reason = String::new();
    let mut end = 0;
    for line in text.split_inclusive('\n') {
        let begin = end;
        end += line.len();
        let line = line.trim();
        if let Some(comment) = line.strip_prefix('#') {
            // Of several lines; the first one after a rule begins anew.
            if rules.last().is_some_and(|rule: &Rule| rule.reason == reason) {
                reason.clear();
            }
            reason = format!("{reason} {}", comment.trim()).trim().to_owned();
        } else if let Some(name) = line.strip_prefix("chain ").and_then(|rest| rest.strip_suffix(" {")) {
            (chain, reason) = (Some((name, 0)), String::new());
        } else if line == "}" || line.ends_with('{') || line.is_empty() {
            chain = chain.filter(|_| line != "}");
            reason.clear();
        } else if let Some((name, number)) = &mut chain {
            *number += 1;
            if reason.len() < 10 {
                let message = format!("`{line}` has no reason");
                let help = "write it as a comment before the rule; it goes into docs/hardening.md";
                findings.push(Diagnostic::error("nftables::reason", message).in_file(file).at(begin..end).help(help));
            }
            rules.push(Rule { id: format!("{name}-{number}"), text: line.to_owned(), reason: reason.clone() });
        }
    }
    rules
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# About this file\nflush ruleset\n\ntable inet filter {\n\t# Who came\n\tset a {\n\t\ttype ipv4_addr\n\t}\n\n\
        \tchain input {\n\t\t# What is not let in\n\t\t# is dropped\n\t\ttype filter hook input priority filter; policy drop;\n\
        \t\t# One and the other\n\t\tiif \"lo\" accept\n\t\tcounter\n\t}\n}\n";

    #[test]
    fn comments_are_the_reasons_of_the_rules_after_them() {
        let mut findings = Vec::new();
        let found = rules(TEXT, Utf8Path::new("f"), &mut findings);
        let line = |rule: &Rule| format!("{}: {} ({})", rule.id, rule.text, rule.reason);
        insta::assert_snapshot!(found.iter().map(line).collect::<Vec<_>>().join("\n"), @r#"
        input-1: type filter hook input priority filter; policy drop; (What is not let in is dropped)
        input-2: iif "lo" accept (One and the other)
        input-3: counter (One and the other)
        "#);
        assert!(findings.is_empty());
    }

    #[test]
    fn a_rule_without_a_reason_is_a_finding() {
        let mut findings = Vec::new();
        rules("table ip a {\n\tchain b {\n\t\tdrop\n\t}\n}\n", Utf8Path::new("f"), &mut findings);
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].message, "`drop` has no reason");
    }

    #[test]
    fn the_listing_is_the_file_without_words() {
        let listed = listed(TEXT);
        assert!(listed.starts_with("table inet filter {\n\tset a {\n"), "{listed}");
        assert!(!listed.contains('#'));
        let other = whole(&TEXT.replace("counter", "accept")).keys;
        assert_ne!(whole(TEXT).keys, other);
    }

    #[test]
    fn ports_are_those_that_input_accepts() {
        let text = "table inet filter {\n\tchain input {\n\t\tudp sport 67 udp dport 68 accept\n\
            \t\ttcp dport { 443, 80 } ct state new accept\n\t\ttcp dport 22 jump ssh\n\t\ttcp dport 25 drop\n\
            \t\tudp dport @many accept\n\t}\n\tchain output {\n\t\tudp dport 53 accept\n\t}\n}\n";
        let mut findings = Vec::new();
        assert_eq!(admitted(text, Utf8Path::new("f"), &mut findings), ["tcp 80", "tcp 443", "udp 68"]);
        let found: Vec<&str> = findings.iter().map(|finding| finding.message.as_str()).collect();
        assert_eq!(found, ["`udp dport @many accept` does not list its ports by number"]);
    }
}
