//! `layers.toml`: each layer in words, and the options by which a profile changes its defaults.
//!
//! An option is a list of replacements in the layers' data, made before anything is rendered. So configuration, checks and reasons
//! of an image follow from it as they do from the data as written.

use std::ops::Range;

use camino::{Utf8Path, Utf8PathBuf};
use serde::Deserialize;
use toml::de::DeTable;

use super::layer::{Texts, text_of};
use crate::base::diag::{Diagnostic, suggest};
use crate::base::schema::{self, Document};

const LAYERS: &str = "hardening/layers.toml";

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Layers {
    pub layer: Vec<LayerEntry>,
}

/// A layer in words.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct LayerEntry {
    pub folder: String,
    pub title: String,
    pub summary: String,
    pub option: Vec<HardeningOption>,
}

/// A default that a profile, or the builder by hand, can change.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct HardeningOption {
    /// How a profile names it in `options`; empty when it takes more than replacements in the layer's data.
    pub name: String,
    pub what: String,
    pub cost: String,
    /// What holds instead, or how to change it by hand.
    pub otherwise: String,
    pub replace: Vec<Replacement>,
}

/// A text of the data that becomes another wherever it is.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Replacement {
    /// Within the layer's folder.
    file: String,
    from: String,
    to: String,
}

/// The form of this file and of those beside it.
pub const DOCUMENT: Document = Document {
    noun: "documentation",
    syntax: "docs::syntax",
    invisible: "docs::invisible",
    unknown_key: "docs::unknown-key",
    duplicate_key: "docs::duplicate-key",
    wrong_type: "docs::wrong-type",
    synonyms: &[("why", "reason")],
};

pub(super) fn read(texts: &Texts, findings: &mut Vec<Diagnostic>) -> Layers {
    let Some((file, text)) = text_of(texts, LAYERS, findings) else { return Layers::default() };
    let layers: Layers = schema::read(text, file, &DOCUMENT).unwrap_or_else(|finding| {
        findings.push(finding);
        Layers::default()
    });
    for entry in &layers.layer {
        findings.extend(twice(entry, text).into_iter().map(|finding| finding.in_file(file)));
    }
    layers
}

/// A finding for each name that a layer gives to several of its options.
fn twice(entry: &LayerEntry, text: &str) -> Vec<Diagnostic> {
    let names: Vec<&str> = entry.option.iter().map(|option| option.name.as_str()).collect();
    let again = names.iter().enumerate().filter(|(number, name)| !name.is_empty() && names[..*number].contains(*name));
    let finding = |(number, name): (usize, &&str)| {
        let message = format!("layer `{}` has two options `{name}`", entry.folder);
        let finding = Diagnostic::error("option::twice", message).help("give one of them another name, or take it out");
        match name_of_option(text, &entry.folder, number) {
            Some(place) => finding.at(place).label("second mention"),
            None => finding,
        }
    };
    again.map(finding).collect()
}

/// Where the name of a layer's option stands.
fn name_of_option(text: &str, folder: &str, number: usize) -> Option<Range<usize>> {
    let document = DeTable::parse(text).ok()?;
    let mut layers = document.get_ref().get("layer")?.get_ref().as_array()?.iter();
    let layer = layers.find_map(|layer| {
        let layer = layer.get_ref().as_table()?;
        (layer.get("folder")?.get_ref().as_str()? == folder).then_some(layer)
    })?;
    let option = layer.get("option")?.get_ref().as_array()?.get(number)?;
    Some(option.get_ref().as_table()?.get("name")?.span())
}

/// The names of all options, in order of layer.
///
/// # Errors
/// What is wrong with `layers.toml`.
pub fn names(texts: &Texts) -> Result<Vec<String>, Vec<Diagnostic>> {
    let mut findings = Vec::new();
    let layers = read(texts, &mut findings);
    let named = |entry: LayerEntry| entry.option.into_iter().map(|option| option.name).filter(|name| !name.is_empty());
    if findings.is_empty() { Ok(layers.layer.into_iter().flat_map(named).collect()) } else { Err(findings) }
}

/// The layers' data with the options that the profile in `file` names.
///
/// # Errors
/// A finding for each name that is not an option, and each replacement that finds nothing to replace.
pub fn with_options(texts: &Texts, names: &[String], file: &Utf8Path) -> Result<Texts, Vec<Diagnostic>> {
    let mut texts = texts.clone();
    if names.is_empty() {
        return Ok(texts);
    }
    let mut findings = Vec::new();
    let layers = read(&texts, &mut findings);
    let all: Vec<(&LayerEntry, &HardeningOption)> =
        layers.layer.iter().flat_map(|entry| entry.option.iter().map(move |option| (entry, option))).collect();
    for name in names {
        // One name in several layers is one choice, which all of them follow.
        let named: Vec<_> = all.iter().filter(|(_, option)| option.name == *name && !name.is_empty()).collect();
        if named.is_empty() {
            let names = all.iter().map(|(_, option)| option.name.as_str());
            findings.push(unknown(name, names).in_file(file));
        }
        for (entry, option) in named {
            replace(&mut texts, entry, option, &mut findings);
        }
    }
    if findings.is_empty() { Ok(texts) } else { Err(findings) }
}

/// That a profile names an option which is none of `names`.
pub fn unknown<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Diagnostic {
    let names: Vec<&str> = names.filter(|name| !name.is_empty()).collect();
    let help = match suggest(name, names.iter().copied()) {
        Some(close) => format!("did you mean `{close}`?"),
        None => format!("options: {}", names.join(", ")),
    };
    Diagnostic::error("profile::unknown-option", format!("there is no option `{name}`")).help(help)
}

fn replace(texts: &mut Texts, entry: &LayerEntry, option: &HardeningOption, findings: &mut Vec<Diagnostic>) {
    for Replacement { file, from, to } in &option.replace {
        let path = Utf8PathBuf::from(format!("hardening/{}/{file}", entry.folder));
        match texts.get_mut(&path) {
            Some(text) if !from.is_empty() && text.contains(from.as_str()) => *text = text.replace(from.as_str(), to),
            _ => {
                let message = format!("option `{}` finds no `{}` in {path}", option.name, from.escape_debug());
                let help = "write the text as it is there now, or take the replacement out";
                findings.push(Diagnostic::error("option::nothing", message).in_file(LAYERS).help(help));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAYERS_TEXT: &str = "[[layer]]\nfolder = '1-kernel'\n\
        [[layer.option]]\nname = 'debugger'\nreplace = [{ file = 'sysctl.toml', from = '3', to = '2' }]\n\
        [[layer.option]]\nwhat = 'by hand'\n\
        [[layer]]\nfolder = '4-ssh'\n\
        [[layer.option]]\nname = 'stale'\n\
        replace = [{ file = 'sshd.toml', from = 'a b', to = 'c' }, { file = 'gone.toml', from = 'x', to = 'y' }]\n";

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
        with_options(&texts(), &names, Utf8Path::new("iso/x/profile.toml"))
            .map_err(|found| found.iter().map(|finding| finding.render(None) + "\n").collect())
    }

    #[test]
    fn an_option_changes_its_layers_data_and_nothing_else() {
        assert_eq!(with(&[]).unwrap(), texts());
        let mut wanted = texts();
        wanted.insert("hardening/1-kernel/sysctl.toml".into(), "value = 2, and 2".to_owned());
        assert_eq!(with(&["debugger"]).unwrap(), wanted);
        assert_eq!(super::names(&texts()).unwrap(), ["debugger", "stale"]);
    }

    #[test]
    fn an_option_twice_in_its_layer_is_told() {
        let mut texts = texts();
        let copied = format!("{LAYERS_TEXT}[[layer.option]]\nname = 'debugger'\n[[layer.option]]\nname = 'stale'\n");
        texts.insert(LAYERS.into(), copied.clone());
        let found = super::names(&texts).unwrap_err();
        insta::assert_snapshot!(found.iter().map(|finding| finding.render(Some(&copied))).collect::<String>());
    }

    #[test]
    fn every_mistake_is_told() {
        insta::assert_snapshot!(with(&["debuger", "", "stale", "debugger"]).unwrap_err());
    }
}
