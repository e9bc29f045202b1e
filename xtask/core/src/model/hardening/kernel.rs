//! Layer 1: `sysctl.toml`, and what the kernel's configuration fragments promise.
//!
//! The fragments themselves belong to the recipe (`pkgs/linux/config`), whose build fails when a request does not survive.

use std::collections::BTreeSet;

use camino::Utf8Path;
use serde::Deserialize;

use super::check::HardeningCheck;
use super::layer::{Layer, Texts, text_of};
use super::rendered::Hardening;
use super::setting;
use crate::base::diag::Diagnostic;
use crate::base::schema::{self, Document};
use crate::formats::kconfig::{Fragment, Value};

const SETTINGS: &str = "hardening/1-kernel/sysctl.toml";

/// The fragments whose every request is a promise, with the reason that stands for all of the fragment.
const FRAGMENTS: &[(&str, &str)] = &[
    (
        "pkgs/linux/config/20-hardening.config",
        "Self-protection of the kernel, after KSPP and kernel-hardening-checker.",
    ),
    ("pkgs/linux/config/30-cpu.config", "Answers to the processors' own faults."),
    ("pkgs/linux/config/40-surface.config", "What is not compiled in cannot be attacked."),
    ("pkgs/linux/config/50-security.config", "Security modules, audit and system call filters are in the kernel."),
];

/// The fragment that holds the built-in command line.
const COMMAND_LINE: &str = "pkgs/linux/config/10-boot.config";

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    set: Vec<Setting>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Setting {
    key: String,
    value: String,
    reason: String,
    /// The kernel's own default: checked, not written.
    default: bool,
}

const DOCUMENT: Document = Document {
    noun: "sysctl",
    syntax: "sysctl::syntax",
    invisible: "sysctl::invisible",
    unknown_key: "sysctl::unknown-key",
    duplicate_key: "sysctl::duplicate-key",
    wrong_type: "sysctl::wrong-type",
    synonyms: &[("why", "reason"), ("name", "key")],
};

pub(super) fn render(into: &mut Hardening, texts: &Texts, findings: &mut Vec<Diagnostic>) {
    if let Some((file, text)) = text_of(texts, SETTINGS, findings) {
        settings(into, text, file, findings);
    }
    for (path, reason) in FRAGMENTS {
        if let Some((file, text)) = text_of(texts, path, findings) {
            match Fragment::parse(text, file) {
                Ok(fragment) => into.checks.extend(options(&fragment, reason)),
                Err(found) => findings.extend(found),
            }
        }
    }
    if let Some((file, text)) = text_of(texts, COMMAND_LINE, findings) {
        match Fragment::parse(text, file) {
            Ok(fragment) => into.checks.extend(command_line(&fragment)),
            Err(found) => findings.extend(found),
        }
    }
}

/// `/etc/sysctl.conf` with the reasons as comments, and one check per key.
fn settings(into: &mut Hardening, text: &str, file: &Utf8Path, findings: &mut Vec<Diagnostic>) {
    let settings: Settings = match schema::read(text, file, &DOCUMENT) {
        Ok(settings) => settings,
        Err(finding) => return findings.push(finding),
    };
    let mut seen = BTreeSet::new();
    let mut written = format!("# Written from {SETTINGS}.\n");
    for Setting { key, value, reason, default } in &settings.set {
        findings.extend(setting::faults("sysctl::entry", (key, value, reason), &mut seen, file));
        if !default {
            written += &format!("# {reason}\n{key} = {value}\n");
        }
        into.checks.push(HardeningCheck {
            layer: Layer::Kernel,
            id: key.clone(),
            summary: format!("{key} is {value}"),
            reason: reason.clone(),
            kind: "sysctl".to_owned(),
            keys: pairs([("key", key), ("value", value)]),
        });
    }
    into.put("etc/sysctl.conf", 0o644, written);
}

fn options(fragment: &Fragment, reason: &str) -> Vec<HardeningCheck> {
    let check = |(option, value): (&str, &Value)| {
        let shown = value.to_string();
        let summary = if *value == Value::No { format!("{option} is not set") } else { format!("{option} is {shown}") };
        HardeningCheck {
            layer: Layer::Kernel,
            id: option.to_owned(),
            summary,
            reason: reason.to_owned(),
            kind: "kconfig".to_owned(),
            keys: pairs([("option", option), ("value", &shown)]),
        }
    };
    fragment.iter().map(check).collect()
}

/// One check per word of the built-in command line that is about security; consoles and the amount of messages are not.
fn command_line(fragment: &Fragment) -> Vec<HardeningCheck> {
    let line = fragment.get("CONFIG_CMDLINE").map(ToString::to_string).unwrap_or_default();
    let about = |word: &&str| !["console=", "loglevel=", "quiet"].iter().any(|other| word.starts_with(other));
    let check = |word: &str| HardeningCheck {
        layer: Layer::Kernel,
        id: format!("cmdline-{word}"),
        summary: format!("The kernel was started with {word}"),
        reason: "Built into the kernel, so no boot menu is needed for it to hold.".to_owned(),
        kind: "cmdline".to_owned(),
        keys: pairs([("word", word)]),
    };
    line.trim_matches('"').split_whitespace().filter(about).map(check).collect()
}

fn pairs<const N: usize>(list: [(&str, &str); N]) -> Vec<(String, String)> {
    list.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}
