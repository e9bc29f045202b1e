//! `docs/hardening.md` and `docs/provenance.md`: written from the layers' data and from what graders measured on the booted system.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use camino::Utf8Path;
use serde::Deserialize;

use super::layer::{Layer, Texts, text_of};
use super::measured::{Measured, Score};
use super::options::{self, DOCUMENT, HardeningOption, LayerEntry, Layers};
use super::rendered::Hardening;
use crate::base::diag::Diagnostic;
use crate::base::schema;

/// The pages by path.
pub type Pages = BTreeMap<&'static str, String>;

const FINDINGS: &str = "hardening/findings.toml";
const PROVENANCE: &str = "hardening/provenance.toml";
/// What was measured.
pub const MEASURED: &str = "hardening/measured.toml";

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Findings {
    finding: Vec<Finding>,
}

/// Something that a grader finds and that stays.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Finding {
    grader: String,
    id: String,
    reason: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Provenance {
    claim: Vec<Claim>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Claim {
    says: String,
    ours: String,
}

const NOTICE: &str = "<!-- Written by `cargo xtask docs` from hardening/. Do not edit. -->\n\n";

/// Both pages.
///
/// # Errors
/// Every finding in the data.
pub fn pages(hardening: &Hardening, texts: &Texts) -> Result<Pages, Vec<Diagnostic>> {
    let mut found = Vec::new();
    let layers = options::read(texts, &mut found);
    let findings: Findings = document(texts, FINDINGS, &mut found);
    let provenance: Provenance = document(texts, PROVENANCE, &mut found);
    let measured: Measured = document(texts, MEASURED, &mut found);
    let told = |layer: &Layer| layers.layer.iter().any(|entry| entry.folder == layer.folder());
    for layer in Layer::ALL.iter().filter(|layer| !told(layer)) {
        let message = format!("hardening/layers.toml says nothing of `{}`", layer.folder());
        found.push(Diagnostic::error("docs::layer", message).help("add a [[layer]] with title and summary"));
    }
    if !found.is_empty() {
        return Err(found);
    }
    let hardening = hardening_page(hardening, &layers, &findings.finding, &measured.score);
    Ok(Pages::from([("docs/hardening.md", hardening), ("docs/provenance.md", provenance_page(&provenance.claim))]))
}

/// What a grader finds and we accept: the grader's own name of it, and why.
///
/// # Errors
/// What is wrong with the file.
pub fn accepted(texts: &Texts, grader: &str) -> Result<BTreeMap<String, String>, Vec<Diagnostic>> {
    let mut found = Vec::new();
    let findings: Findings = document(texts, FINDINGS, &mut found);
    let of = |finding: Finding| (finding.grader == grader).then_some((finding.id, finding.reason));
    if found.is_empty() { Ok(findings.finding.into_iter().filter_map(of).collect()) } else { Err(found) }
}

/// What was measured until now.
///
/// # Errors
/// What is wrong with the file.
pub fn measured(texts: &Texts) -> Result<Measured, Vec<Diagnostic>> {
    let mut found = Vec::new();
    let measured = document(texts, MEASURED, &mut found);
    if found.is_empty() { Ok(measured) } else { Err(found) }
}

fn document<T: serde::de::DeserializeOwned + Default>(texts: &Texts, path: &str, found: &mut Vec<Diagnostic>) -> T {
    let Some((file, text)) = text_of(texts, path, found) else { return T::default() };
    schema::read(text, Utf8Path::new(file), &DOCUMENT).unwrap_or_else(|finding| {
        found.push(finding);
        T::default()
    })
}

fn hardening_page(hardening: &Hardening, layers: &Layers, findings: &[Finding], scores: &[Score]) -> String {
    let mut page = format!(
        "{NOTICE}# Hardening\n\nSix layers; none trusts the others. This page, the configuration in the image and the {} checks that \
         `ashlar-audit` makes on the running system are rendered from the same data.\n\n## Scores\n\n\
         | grader | version | result |\n|---|---|---|\n",
        hardening.checks.len()
    );
    for Score { grader, version, result } in scores {
        let _ = writeln!(page, "| {grader} | {version} | {result} |");
    }
    for entry in &layers.layer {
        if let Some(layer) = Layer::named(&entry.folder) {
            layer_section(&mut page, layer, entry, hardening);
        }
    }
    page += "\n## Accepted findings\n\n| grader | finding | why it stays |\n|---|---|---|\n";
    for Finding { grader, id, reason } in findings {
        let _ = writeln!(page, "| {grader} | {} | {} |", cell(id), cell(reason));
    }
    page
}

fn layer_section(page: &mut String, layer: Layer, entry: &LayerEntry, hardening: &Hardening) {
    let _ = write!(page, "\n## {} {}\n\n{}\n", layer.number(), entry.title, entry.summary.trim());
    if !entry.option.is_empty() {
        *page += "\n| option | cost of the default | how to change it |\n|---|---|---|\n";
        for HardeningOption { name, what, cost, otherwise, .. } in &entry.option {
            let how = if name.is_empty() {
                cell(otherwise)
            } else {
                format!("`{name}` in the profile's `options`: {}", cell(otherwise))
            };
            let _ = writeln!(page, "| {} | {} | {how} |", cell(what), cell(cost));
        }
    }
    let checks = hardening.checks.iter().filter(|check| check.layer == layer);
    let (options, others): (Vec<_>, Vec<_>) = checks.partition(|check| check.kind == "kconfig");
    let _ = write!(
        page,
        "\n{} checks on the running system:\n\n| check | what is so | why |\n|---|---|---|\n",
        options.len() + others.len()
    );
    for check in others {
        let _ = writeln!(page, "| {} | {} | {} |", cell(&check.id), cell(&check.summary), cell(&check.reason));
    }
    let mut by_reason: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for check in options {
        let value = check.keys.iter().find(|(key, _)| key == "value").map_or("", |(_, value)| value);
        let name = check.id.trim_start_matches("CONFIG_");
        by_reason.entry(&check.reason).or_default().push(format!("{name}={value}"));
    }
    for (reason, options) in by_reason {
        let _ = write!(page, "\n{reason} {} options of the kernel:\n`{}`\n", options.len(), options.join("` `"));
    }
}

fn provenance_page(claims: &[Claim]) -> String {
    let mut page = format!(
        "{NOTICE}# What JefeLinux claims, and what is so here\n\nAshlar's six layers come from the published architecture of JefeLinux. \
         Line by line:\n\n| JefeLinux says | here |\n|---|---|\n"
    );
    for Claim { says, ours } in claims {
        let _ = writeln!(page, "| {} | {} |", cell(says), cell(ours));
    }
    page
}

/// Text within a table.
fn cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}
