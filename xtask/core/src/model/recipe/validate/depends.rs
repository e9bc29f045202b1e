//! Inputs of a recipe: other packages and its own patches.

use std::collections::BTreeSet;

use super::findings::Findings;
use crate::base::diag::{Diagnostic, suggest};
use crate::base::name::PkgName;
use crate::model::recipe::raw::{RawRecipe, Text};

/// The packages of `libs` or `tools` (`key`).
pub(super) fn packages(raw: &RawRecipe, list: &[Text], key: &str, found: &mut Findings) -> Vec<PkgName> {
    let own: BTreeSet<&str> = std::iter::once(&raw.name)
        .chain(raw.output.iter().map(|output| &output.get_ref().name))
        .flatten()
        .map(|name| name.get_ref().as_str())
        .collect();
    let mut names: Vec<PkgName> = Vec::with_capacity(list.len());
    for text in list {
        let finding = match text.get_ref().parse::<PkgName>() {
            Err(error) => Diagnostic::error("recipe::bad-name", error.to_string()).label("not a package name"),
            Ok(name) if own.contains(name.as_str()) => Diagnostic::error(
                "recipe::self-dependency",
                format!("the recipe needs `{name}`, which it makes itself"),
            )
            .label("remove it"),
            Ok(name) if names.contains(&name) => {
                Diagnostic::error("recipe::duplicate-dependency", format!("`{name}` is in `{key}` twice"))
                    .label("second mention")
            }
            Ok(name) => {
                names.push(name);
                continue;
            }
        };
        found.add(finding.at(text.span()));
    }
    names
}

/// The patch files, in order. A file in `patches/` that is neither listed nor named by a phase is a finding: its
/// author believes that it is applied.
pub(super) fn patches(raw: &RawRecipe, files: &BTreeSet<String>, found: &mut Findings) -> Vec<String> {
    let present: BTreeSet<&str> = files.iter().filter_map(|file| file.strip_prefix("patches/")).collect();
    let mut listed: Vec<String> = Vec::with_capacity(raw.patches.len());
    for text in &raw.patches {
        let name = text.get_ref();
        let finding = if name.contains('/') {
            let finding = Diagnostic::error("recipe::bad-patch", format!("`{name}` is a path, not a file name"));
            finding.label("write the name of a file in `patches/`")
        } else if !present.contains(name.as_str()) {
            let finding = Diagnostic::error("recipe::missing-patch", format!("there is no file `patches/{name}`"));
            match suggest(name, present.iter().copied()) {
                Some(close) => finding.label(format!("did you mean `{close}`?")),
                None => finding.label("not found").help("put the file into the package's folder `patches`"),
            }
        } else if listed.contains(name) {
            Diagnostic::error("recipe::duplicate-patch", format!("`{name}` is applied twice")).label("second mention")
        } else {
            listed.push(name.clone());
            continue;
        };
        found.add(finding.at(text.span()));
    }
    let scripts = raw.phases.all();
    let named = |file: &str| scripts.iter().any(|(_, script)| script.get_ref().contains(file));
    for file in present.iter().filter(|file| !raw.patches.iter().any(|text| text.get_ref() == *file) && !named(file)) {
        found.add(
            Diagnostic::error("recipe::unlisted-patch", format!("`patches/{file}` is never applied"))
                .help("add it to `patches = […]` of the recipe, or delete the file"),
        );
    }
    listed
}
