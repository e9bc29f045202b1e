//! Reads a composed root for `ashlar_core::verify::inventory` and `ashlar_core::verify::lint::report`, which make texts of it.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use ashlar_core::base::name::PkgName;
use ashlar_core::formats::manifest::{EntryKind, Manifest};
use ashlar_core::model::hardening::check::HardeningCheck;
use ashlar_core::model::profile::IsoProfile;
use ashlar_core::plan::Input;
use ashlar_core::verify::inventory::{self, LAYER, Root};
use ashlar_core::verify::lint::report::Row;
use camino::Utf8Path;

use crate::build::session::Session;
use crate::compose::{self, root};
use crate::host::repository::Repository;
use crate::host::store::Store;
use crate::host::tree;
use ashlar_core::plan::iso::IsoBuild;

/// The package of every path that is not a directory.
pub fn owners(store: &Store, inputs: &[Input]) -> Result<BTreeMap<String, String>> {
    let mut owners = BTreeMap::new();
    for input in inputs {
        let manifest = root::manifest_of(store, input)?;
        let paths =
            manifest.entries().iter().filter(|entry| entry.kind != EntryKind::Dir).map(|entry| entry.path.clone());
        owners.extend(paths.map(|path| (path, input.name.to_string())));
    }
    Ok(owners)
}

/// The inventory of the image that profile `name` makes of a tree: its manifest, with modes, and where its files lie.
pub fn text_of(
    name: &str,
    (manifest, files): (&Manifest, &Utf8Path),
    owners: &BTreeMap<String, String>,
    checks: &[HardeningCheck],
    profiles: &[(String, String)],
) -> Result<String> {
    let mut texts = BTreeMap::new();
    for entry in manifest.entries() {
        if matches!(entry.kind, EntryKind::File { .. }) && inventory::is_text(&entry.path) {
            texts.insert(entry.path.clone(), fs_err::read_to_string(files.join(&entry.path))?);
        }
    }
    Ok(inventory::render(name, &Root { manifest, owners, texts: &texts, checks, profiles }))
}

/// The text of the inventory that an ISO was made with.
pub fn made(store: &Store, iso: &IsoBuild) -> Result<String> {
    Ok(fs_err::read_to_string(store.artifact(&iso.output("inventory")?))?)
}

/// What an ISO holds, beside what is committed.
#[derive(Debug, PartialEq, Eq)]
pub enum Committed {
    /// Nothing is: the profile is for tests.
    Unpublished,
    /// The same.
    Current,
    /// Something else: every line, and the command that takes it over.
    Differs(String),
}

/// Compares what an ISO was made with to what is committed.
pub fn compare(repository: &Repository, store: &Store, name: &str, iso: &IsoBuild) -> Result<Committed> {
    let profiles = compose::profiles(repository)?;
    if !profiles.get(name).is_some_and(|profile| profile.published) {
        return Ok(Committed::Unpublished);
    }
    let file = repository.root.join(inventory::path(name));
    let committed = if file.exists() { fs_err::read_to_string(&file)? } else { String::new() };
    Ok(beside(name, &committed, &made(store, iso)?))
}

fn beside(name: &str, committed: &str, made: &str) -> Committed {
    let difference = inventory::difference(committed, made);
    if difference.is_empty() {
        return Committed::Current;
    }
    let path = inventory::path(name);
    let help = format!("review each line; if the changes are intended, run `cargo xtask inventory {name}`");
    Committed::Differs(format!(
        "the image does not hold what {path} says (- committed, + this image):\n{difference}help: {help}"
    ))
}

/// A row for each ELF file of a composed root.
///
/// # Errors
/// When a file cannot be read as what it begins like.
pub fn rows(session: &Session<'_>, repository: &Repository, profile: &IsoProfile, iso: &IsoBuild) -> Result<Vec<Row>> {
    let store = session.store();
    let inputs = iso.inputs(&profile.root_names())?;
    let owners = owners(store, &inputs)?;
    let digest = iso.output("root")?;
    let room = tempfile::Builder::new().prefix("elf-").tempdir_in(session.scratch())?;
    let files = Utf8Path::from_path(room.path()).context("the store's path is not UTF-8")?.join("root");
    tree::unpack_layer(&store.artifact(&digest), digest, &files)?;
    let mut rows = Vec::new();
    for entry in tree::scan(&files)?.entries() {
        if !matches!(entry.kind, EntryKind::File { .. }) {
            continue;
        }
        let package = owners.get(&entry.path).map_or(LAYER, String::as_str);
        let is_rust = match package.parse::<PkgName>() {
            Ok(name) => repository.recipe_of(&name)?.style.is_crate,
            Err(_) => false,
        };
        let bytes = fs_err::read(files.join(&entry.path))?;
        rows.extend(Row::of(&entry.path, package, is_rust, &bytes).transpose().map_err(anyhow::Error::msg)?);
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_told_with_what_to_do() {
        assert_eq!(beside("minimal", "a\n", "a\n"), Committed::Current);
        let Committed::Differs(text) = beside("minimal", "a\n", "b\n") else { panic!("it differs") };
        assert_eq!(
            text,
            "the image does not hold what digests/inventory-minimal.txt says (- committed, + this image):\n- a\n+ b\n\
             help: review each line; if the changes are intended, run `cargo xtask inventory minimal`"
        );
    }
}
