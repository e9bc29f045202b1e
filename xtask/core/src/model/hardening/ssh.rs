//! Layer 4: `sshd.toml`, rendered as `/etc/ssh/sshd_config`, and one check of the running server's settings per entry.

use camino::Utf8Path;
use serde::Deserialize;

use super::check::HardeningCheck;
use super::layer::{Layer, Texts, text_of};
use super::rendered::Hardening;
use crate::base::diag::Diagnostic;
use crate::base::schema::{self, Document};

const SETTINGS: &str = "hardening/4-ssh/sshd.toml";
const FILE: &str = "etc/ssh/sshd_config";

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Comment at the head of the file.
    about: String,
    /// What a server needs to run at all; all that is left of the file when the layer is off.
    essential: Vec<[String; 2]>,
    section: Vec<Section>,
    /// Last lines of the file, as they are.
    last: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Section {
    /// Why these settings are as they are.
    reason: String,
    /// Setting and value.
    set: Vec<[String; 2]>,
    /// How `sshd -T` writes a setting of this section, where that is neither the same value nor lower case alone.
    effective: std::collections::BTreeMap<String, String>,
}

const DOCUMENT: Document = Document {
    noun: "sshd setting",
    syntax: "sshd::syntax",
    invisible: "sshd::invisible",
    unknown_key: "sshd::unknown-key",
    duplicate_key: "sshd::duplicate-key",
    wrong_type: "sshd::wrong-type",
    synonyms: &[("why", "reason")],
};

pub(super) fn render(into: &mut Hardening, texts: &Texts, findings: &mut Vec<Diagnostic>) {
    let Some(settings) = read(texts, findings) else { return };
    let mut written = comment(&format!("Written from {SETTINGS}.")) + &comment(&settings.about);
    for section in &settings.section {
        written += &format!("\n{}", comment(&section.reason));
        for [key, value] in &section.set {
            written += &format!("{key} {value}\n");
            into.checks.push(setting(key, value, section));
        }
    }
    written += &format!("\n{}", essential(&settings));
    into.put(FILE, 0o600, written);
}

/// The file of a system without this layer: sshd's own defaults.
pub(super) fn render_essential(into: &mut Hardening, texts: &Texts, findings: &mut Vec<Diagnostic>) {
    if let Some(settings) = read(texts, findings) {
        into.put(FILE, 0o600, essential(&settings));
    }
}

fn read(texts: &Texts, findings: &mut Vec<Diagnostic>) -> Option<Settings> {
    let (file, text) = text_of(texts, SETTINGS, findings)?;
    match schema::read::<Settings>(text, file, &DOCUMENT) {
        Ok(settings) => {
            validate(&settings, file, findings);
            Some(settings)
        }
        Err(finding) => {
            findings.push(finding);
            None
        }
    }
}

fn essential(settings: &Settings) -> String {
    let lines = settings.essential.iter().map(|[key, value]| format!("{key} {value}"));
    lines.chain(settings.last.iter().cloned()).map(|line| line + "\n").collect()
}

/// sshd takes the first value of a setting, so a second mention would be a lie.
fn validate(settings: &Settings, file: &Utf8Path, findings: &mut Vec<Diagnostic>) {
    let mut seen = std::collections::BTreeSet::new();
    let mut add = |code, message: String, help: &str| {
        findings.push(Diagnostic::error(code, message).in_file(file).help(help));
    };
    for section in &settings.section {
        if section.reason.len() < 10 {
            add("sshd::reason", "a [[section]] has no reason".to_owned(), "say why its settings are as they are");
        }
        for [key, _] in &section.set {
            if !seen.insert(key.to_lowercase()) {
                add("sshd::twice", format!("`{key}` is set twice"), "sshd takes the first; keep one");
            }
        }
        for key in section.effective.keys().filter(|key| !section.set.iter().any(|[set, _]| set == *key)) {
            add(
                "sshd::effective",
                format!("`{key}` has an effective value and is not set here"),
                "remove it, or set it",
            );
        }
    }
}

fn setting(key: &str, value: &str, section: &Section) -> HardeningCheck {
    let effective = section.effective.get(key).map_or(value, String::as_str);
    let keys = [("argv", "/usr/bin/sshd"), ("argv", "-T"), ("line", &format!("{} {effective}", key.to_lowercase()))]
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect();
    HardeningCheck {
        layer: Layer::Ssh,
        id: key.to_lowercase(),
        summary: format!("sshd's {key} is {value}"),
        reason: section.reason.split_whitespace().collect::<Vec<_>>().join(" "),
        kind: "command".to_owned(),
        keys,
    }
}

/// Lines of a comment.
fn comment(text: &str) -> String {
    text.trim().lines().map(|line| format!("# {}\n", line.trim())).collect()
}
