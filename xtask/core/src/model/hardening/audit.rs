//! Layer 5: `rules.toml` rendered as `/etc/audit/audit.rules`, `auditd.toml` as `/etc/audit/auditd.conf`, and a check per
//! line of either. This does not know what the daemon and the kernel do with them: the service `auditrules` finds a rule that the
//! kernel refuses when the system starts.

use std::collections::{BTreeMap, BTreeSet};

use camino::Utf8Path;
use serde::Deserialize;

use super::check::HardeningCheck;
use super::layer::{Layer, Texts, text_of};
use super::rendered::Hardening;
use super::setting;
use crate::base::diag::Diagnostic;
use crate::base::schema::{self, Document};

const RULES: &str = "hardening/5-audit/rules.toml";
const DAEMON: &str = "hardening/5-audit/auditd.toml";
/// The kernel takes no more bytes of a key.
const MAX_KEY_LENGTH: usize = 31;

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Rules {
    /// Lines before the rules.
    control: Vec<Control>,
    rule: Vec<Rule>,
    /// Lines behind the rules.
    finally: Vec<Control>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Control {
    text: String,
    reason: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Rule {
    key: String,
    /// In the syntax of auditctl, without a key.
    text: Vec<String>,
    reason: String,
    /// How `auditctl -l` lists a text, where it is not the same.
    listed: BTreeMap<String, String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Daemon {
    set: Vec<Setting>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Setting {
    key: String,
    value: String,
    reason: String,
}

const DOCUMENT: Document = Document {
    noun: "audit rule",
    syntax: "audit::syntax",
    invisible: "audit::invisible",
    unknown_key: "audit::unknown-key",
    duplicate_key: "audit::duplicate-key",
    wrong_type: "audit::wrong-type",
    synonyms: &[("why", "reason"), ("name", "key"), ("rules", "text"), ("effective", "listed")],
};

pub(super) fn render(into: &mut Hardening, texts: &Texts, findings: &mut Vec<Diagnostic>) {
    if let Some((file, text)) = text_of(texts, RULES, findings) {
        match schema::read::<Rules>(text, file, &DOCUMENT) {
            Ok(rules) => {
                validate(&rules, file, findings);
                into.put("etc/audit/audit.rules", 0o600, rules_file(&rules));
                into.checks.extend(rule_checks(&rules));
            }
            Err(finding) => findings.push(finding),
        }
    }
    if let Some((file, text)) = text_of(texts, DAEMON, findings) {
        match schema::read::<Daemon>(text, file, &DOCUMENT) {
            Ok(daemon) => settings(into, &daemon, file, findings),
            Err(finding) => findings.push(finding),
        }
    }
}

/// A rule as the kernel gets it, and as it is listed when there is no other spelling.
fn with_key(text: &str, key: &str) -> String {
    format!("{text} -F key={key}")
}

fn rules_file(rules: &Rules) -> String {
    let mut written = format!("# Written from {RULES}.\n");
    for control in &rules.control {
        written += &format!("# {}\n{}\n", control.reason, control.text);
    }
    for rule in &rules.rule {
        written += &format!("\n# {}\n", rule.reason);
        for text in &rule.text {
            written += &format!("{}\n", with_key(text, &rule.key));
        }
    }
    written += "\n";
    for control in &rules.finally {
        written += &format!("# {}\n{}\n", control.reason, control.text);
    }
    written
}

/// One check per line, numbered within its key.
fn rule_checks(rules: &Rules) -> Vec<HardeningCheck> {
    let mut numbers: BTreeMap<&str, usize> = BTreeMap::new();
    let mut checks = Vec::new();
    for rule in &rules.rule {
        for text in &rule.text {
            let number = numbers.entry(&rule.key).or_default();
            *number += 1;
            let line = with_key(rule.listed.get(text).unwrap_or(text), &rule.key);
            checks.push(check(
                format!("rule-{}-{number}", rule.key),
                format!("The kernel records {} ({number})", rule.key),
                &rule.reason,
                "command",
                &[("argv", "/usr/bin/auditctl"), ("argv", "-l"), ("line", &line)],
            ));
        }
    }
    checks
}

fn settings(into: &mut Hardening, daemon: &Daemon, file: &Utf8Path, findings: &mut Vec<Diagnostic>) {
    let mut seen = BTreeSet::new();
    let mut written = format!("# Written from {DAEMON}.\n");
    for Setting { key, value, reason } in &daemon.set {
        findings.extend(setting::faults("audit::setting", (key, value, reason), &mut seen, file));
        let line = format!("{key} = {value}");
        written += &format!("# {reason}\n{line}\n");
        let keys = [("path", "/etc/audit/auditd.conf"), ("line", line.as_str())];
        let summary = format!("auditd's {key} is {value}");
        into.checks.push(check(format!("auditd-{key}"), summary, reason, "file-contains", &keys));
    }
    into.put("etc/audit/auditd.conf", 0o600, written);
}

fn check(id: String, summary: String, reason: &str, kind: &str, keys: &[(&str, &str)]) -> HardeningCheck {
    HardeningCheck {
        layer: Layer::Audit,
        id,
        summary,
        reason: reason.to_owned(),
        kind: kind.to_owned(),
        keys: keys.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
    }
}

/// Faults that auditctl would accept, or would report only on a machine that starts.
fn validate(rules: &Rules, file: &Utf8Path, findings: &mut Vec<Diagnostic>) {
    let mut add = |code, message: String, help: &str| {
        findings.push(Diagnostic::error(code, message).in_file(file).help(help));
    };
    for control in rules.control.iter().chain(&rules.finally) {
        if control.reason.len() < 10 || control.reason.contains('\n') {
            add(
                "audit::reason",
                format!("`{}` has no reason of one line", control.text),
                "say what is lost without it",
            );
        }
        if !control.text.starts_with('-') || ["-a", "-A", "-w"].iter().any(|word| first_word(&control.text) == *word) {
            add(
                "audit::control",
                format!("`{}` is not a control", control.text),
                "a rule goes into a [[rule]], with a key",
            );
        }
    }
    if rules.finally.last().map(|last| last.text.as_str()) != Some("-e 2") {
        let help = "make it the last [[finally]]: without it an attacker who becomes root takes the rules away";
        add("audit::not-locked", "the last line is not `-e 2`".to_owned(), help);
    }
    let mut seen = BTreeSet::new();
    for rule in &rules.rule {
        let good = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if rule.key.is_empty() || rule.key.len() > MAX_KEY_LENGTH || !rule.key.bytes().all(good) {
            let help = "a key is 1 to 31 letters, digits, `-` and `_`: it is what records are searched by";
            add("audit::key", format!("`{}` is not a key", rule.key), help);
        }
        if rule.reason.len() < 10 || rule.reason.contains('\n') {
            add(
                "audit::reason",
                format!("`{}` has no reason of one line", rule.key),
                "say what an attacker does unseen without it",
            );
        }
        if rule.text.is_empty() {
            add("audit::empty", format!("`{}` has no text", rule.key), "write the rule as `auditctl -l` lists it");
        }
        for text in &rule.text {
            text_of_rule(text, &mut add);
            if !seen.insert(text) {
                add("audit::twice", format!("`{text}` is here twice"), "the first that matches counts; keep one");
            }
        }
        for text in rule.listed.keys().filter(|text| !rule.text.contains(text)) {
            add(
                "audit::listed",
                format!("`{text}` is in `listed` and not in `text` of `{}`", rule.key),
                "remove it, or write the rule",
            );
        }
    }
}

fn text_of_rule(text: &str, add: &mut impl FnMut(&'static str, String, &str)) {
    if first_word(text) == "-w" {
        let help = "write `-a always,exit -F arch=b64 -F path=… -F perm=…`: -w looks at every system call";
        return add("audit::watch", format!("`{text}` is a watch in the old form"), help);
    }
    if !text.starts_with("-a always,exit -F arch=b") && !text.starts_with("-a never,exit -F arch=b") {
        let help =
            "begin with `-a always,exit -F arch=b64`; a number of a system call means nothing without its architecture";
        add("audit::form", format!("`{text}` does not say when, and for which architecture"), help);
    }
    if text.contains("-k ") || text.contains("key=") {
        add("audit::key-in-text", format!("`{text}` has a key of its own"), "the rule's `key` is added to each text");
    }
    if text.contains("auid>=") && !text.contains("auid!=-1") {
        let help = "add `-F auid!=-1`: unset is the largest number, so services would match";
        add("audit::unset", format!("`{text}` means services too"), help);
    }
}

fn first_word(text: &str) -> &str {
    text.split_whitespace().next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use camino::Utf8PathBuf;

    fn rendered(rules: &str, daemon: &str) -> (Hardening, String) {
        let texts: Texts =
            [(RULES, rules), (DAEMON, daemon)].map(|(path, text)| (Utf8PathBuf::from(path), text.to_owned())).into();
        let (mut made, mut findings) = (Hardening::default(), Vec::new());
        render(&mut made, &texts, &mut findings);
        (made, findings.iter().map(|finding| finding.render(None) + "\n").collect())
    }

    const LAST: &str = "[[finally]]\ntext = '-e 2'\nreason = 'Nothing changes any more.'\n";

    #[test]
    fn rules_keep_their_order_and_get_their_keys() {
        let (made, findings) = rendered(
            &format!(
                "[[control]]\ntext = '-D'\nreason = 'Start from nothing.'\n\
                 [[rule]]\nkey = 'power'\ntext = ['-a always,exit -F arch=b64 -S reboot']\nreason = 'Ends recording.'\n\
                 listed = {{ '-a always,exit -F arch=b64 -S reboot' = '-a always,exit -F arch=x -S reboot' }}\n\
                 [[rule]]\nkey = 'etc'\nreason = 'Configuration.'\n\
                 text = ['-a always,exit -F arch=b64 -F dir=/etc', '-a always,exit -F arch=b64 -F dir=/usr']\n\
                 [[rule]]\nkey = 'power'\ntext = ['-a always,exit -F arch=b64 -S swapon']\nreason = 'Memory on disks.'\n{LAST}"
            ),
            "[[set]]\nkey = 'num_logs'\nvalue = '4'\nreason = 'Files kept.'\n",
        );
        assert_eq!(findings, "");
        let files = made.files.iter().map(|(path, file)| format!("== {path} {:o}\n{}\n", file.mode, file.text));
        insta::assert_snapshot!(files.collect::<String>() + &super::super::check::render(&made.checks));
    }

    #[test]
    fn every_mistake_is_told() {
        let (_, findings) = rendered(
            "[[control]]\ntext = '-w /etc'\nreason = 'short'\n\
             [[rule]]\nkey = 'a key'\ntext = ['-w /etc/passwd -p wa', '-a exit,always -S all -k x']\nreason = 'no'\n\
             [[rule]]\nkey = 'twice'\nreason = 'Long enough.'\n\
             text = ['-a always,exit -F arch=b64 -F auid>=1000', '-a always,exit -F arch=b64 -F auid>=1000']\n\
             listed = { 'nothing' = 'something' }\n\
             [[rule]]\nkey = 'empty'\nreason = 'Long enough.'\n\
             [[finally]]\ntext = '-e 1'\nreason = 'Not locked at all.'\n",
            "[[set]]\nkey = 'num_logs'\nreason = 'x'\n[[set]]\nkey = 'num_logs'\nvalue = '4'\nreason = 'Files kept.'\n",
        );
        insta::assert_snapshot!(findings);
    }

    #[test]
    fn the_committed_data_renders_and_ends_locked() {
        let (made, findings) = rendered(
            include_str!("../../../../../hardening/5-audit/rules.toml"),
            include_str!("../../../../../hardening/5-audit/auditd.toml"),
        );
        assert_eq!(findings, "");
        let rules = &made.files["etc/audit/audit.rules"];
        assert_eq!((rules.mode, rules.text.lines().last()), (0o600, Some("-e 2")));
        assert!(made.checks.len() > 60, "{}", made.checks.len());
    }
}
