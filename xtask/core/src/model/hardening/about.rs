//! `layers.toml`: each layer in words, and the switches by which a profile has something of it otherwise.
//!
//! A switch is a list of replacements in the layers' data, made before anything is rendered. So configuration, checks and reasons
//! of an image follow from it as they do from the data as written.

use camino::{Utf8Path, Utf8PathBuf};
use serde::Deserialize;

use super::layer::{Texts, text_of};
use crate::base::diag::{Diagnostic, suggest};
use crate::base::schema::{self, Document};

const LAYERS: &str = "hardening/layers.toml";

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Layers {
    pub layer: Vec<About>,
}

/// A layer in words.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct About {
    pub folder: String,
    pub title: String,
    /// Nothing of it is there yet.
    pub planned: bool,
    pub summary: String,
    pub switch: Vec<Switch>,
}

/// Something that can be had the other way.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Switch {
    /// How a profile names it in `switches`; empty when it takes more than a change of the layer's data.
    pub name: String,
    pub what: String,
    pub cost: String,
    /// What one has without it, or how it is undone by hand.
    pub undo: String,
    pub change: Vec<Change>,
}

/// A text of the data that becomes another wherever it is.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Change {
    /// Within the layer's folder.
    file: String,
    from: String,
    to: String,
}

/// The form of this file and of those beside it.
pub const DOCUMENT: Document = Document {
    noun: "documentation",
    syntax: "docs::syntax",
    unknown_key: "docs::unknown-key",
    duplicate_key: "docs::duplicate-key",
    wrong_type: "docs::wrong-type",
    synonyms: &[("why", "reason")],
};

pub(super) fn read(texts: &Texts, findings: &mut Vec<Diagnostic>) -> Layers {
    let Some((file, text)) = text_of(texts, LAYERS, findings) else { return Layers::default() };
    schema::read(text, file, &DOCUMENT).unwrap_or_else(|finding| {
        findings.push(finding);
        Layers::default()
    })
}

/// The names of all switches, in order of layer.
///
/// # Errors
/// What is wrong with `layers.toml`.
pub fn switches(texts: &Texts) -> Result<Vec<String>, Vec<Diagnostic>> {
    let mut findings = Vec::new();
    let layers = read(texts, &mut findings);
    let named = |about: About| about.switch.into_iter().map(|switch| switch.name).filter(|name| !name.is_empty());
    if findings.is_empty() { Ok(layers.layer.into_iter().flat_map(named).collect()) } else { Err(findings) }
}

/// The layers' data with the switches that the profile in `file` names.
///
/// # Errors
/// A finding for each name that is no switch, and each change that finds nothing to change.
pub fn switched(texts: &Texts, names: &[String], file: &Utf8Path) -> Result<Texts, Vec<Diagnostic>> {
    let mut texts = texts.clone();
    if names.is_empty() {
        return Ok(texts);
    }
    let mut findings = Vec::new();
    let layers = read(&texts, &mut findings);
    let all: Vec<(&About, &Switch)> =
        layers.layer.iter().flat_map(|about| about.switch.iter().map(move |switch| (about, switch))).collect();
    for name in names {
        // One name in several layers is one choice, which all of them follow.
        let named: Vec<_> = all.iter().filter(|(_, switch)| switch.name == *name && !name.is_empty()).collect();
        if named.is_empty() {
            findings.push(unknown(name, &all).in_file(file));
        }
        for (about, switch) in named {
            change(&mut texts, about, switch, &mut findings);
        }
    }
    if findings.is_empty() { Ok(texts) } else { Err(findings) }
}

fn unknown(name: &str, all: &[(&About, &Switch)]) -> Diagnostic {
    let names: Vec<&str> = all.iter().map(|(_, switch)| switch.name.as_str()).filter(|name| !name.is_empty()).collect();
    let help = match suggest(name, names.iter().copied()) {
        Some(close) => format!("did you mean `{close}`?"),
        None => format!("switches: {}", names.join(", ")),
    };
    Diagnostic::error("profile::unknown-switch", format!("there is no switch `{name}`")).help(help)
}

fn change(texts: &mut Texts, about: &About, switch: &Switch, findings: &mut Vec<Diagnostic>) {
    for Change { file, from, to } in &switch.change {
        let path = Utf8PathBuf::from(format!("hardening/{}/{file}", about.folder));
        match texts.get_mut(&path) {
            Some(text) if !from.is_empty() && text.contains(from.as_str()) => *text = text.replace(from.as_str(), to),
            _ => {
                let message = format!("switch `{}` finds no `{}` in {path}", switch.name, from.escape_debug());
                let help = "write the text as it is there now, or take the change out";
                findings.push(Diagnostic::error("switch::nothing", message).in_file(LAYERS).help(help));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAYERS_TEXT: &str = "[[layer]]\nfolder = '1-kernel'\n\
        [[layer.switch]]\nname = 'debugger'\nchange = [{ file = 'sysctl.toml', from = '3', to = '2' }]\n\
        [[layer.switch]]\nwhat = 'by hand'\n\
        [[layer]]\nfolder = '4-ssh'\n\
        [[layer.switch]]\nname = 'stale'\n\
        change = [{ file = 'sshd.toml', from = 'a b', to = 'c' }, { file = 'gone.toml', from = 'x', to = 'y' }]\n";

    fn texts() -> Texts {
        let files = [
            (LAYERS, LAYERS_TEXT),
            ("hardening/1-kernel/sysctl.toml", "value = 3, and 3"),
            ("hardening/4-ssh/sshd.toml", "3"),
        ];
        files.map(|(path, text)| (Utf8PathBuf::from(path), text.to_owned())).into()
    }

    fn with(names: &[&str]) -> Result<Texts, String> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        switched(&texts(), &names, Utf8Path::new("iso/x/profile.toml"))
            .map_err(|found| found.iter().map(|finding| finding.render(None) + "\n").collect())
    }

    #[test]
    fn a_switch_changes_its_layers_data_and_nothing_else() {
        assert_eq!(with(&[]).unwrap(), texts());
        let mut wanted = texts();
        wanted.insert("hardening/1-kernel/sysctl.toml".into(), "value = 2, and 2".to_owned());
        assert_eq!(with(&["debugger"]).unwrap(), wanted);
        assert_eq!(switches(&texts()).unwrap(), ["debugger", "stale"]);
    }

    #[test]
    fn every_mistake_is_told() {
        insta::assert_snapshot!(with(&["debuger", "", "stale", "debugger"]).unwrap_err());
    }
}
