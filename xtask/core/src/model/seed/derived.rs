//! A seed made from another one: some of its packages stay out, programs of Python wheels and scripts take their place.
//!
//! The packages are those of the other seed's lock, so a derived lock pins the wheels alone.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use camino::Utf8Path;
use serde::Deserialize;

use super::resolved::{PinnedWheel, ResolvedSeed};
use super::{SCHEMA, SeedName, is_place, read_lock, shape};
use crate::base::diag::{Diagnostic, suggest};
use crate::base::digest::Digest;

/// A seed.toml with `base` as written.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct DerivedDef {
    /// The name of its folder.
    #[serde(skip)]
    pub name: SeedName,
    /// The seed whose packages it takes; one with packages of its own.
    pub base: SeedName,
    /// Packages of the base that stay out.
    #[serde(default)]
    pub without: Vec<String>,
    /// Further globs of paths that are not unpacked.
    #[serde(default)]
    pub drop: Vec<String>,
    /// Further symbolic links, path to target.
    #[serde(default)]
    pub links: BTreeMap<String, String>,
    /// Wheels of the Python package index.
    #[serde(default, rename = "wheel")]
    pub wheels: Vec<Wheel>,
    /// Scripts, path in the tree to a file beside the definition.
    #[serde(default)]
    pub scripts: BTreeMap<String, String>,
}

/// A wheel as written.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wheel {
    /// Name of the project.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The members that are unpacked, as executables, and their places in the tree.
    pub files: BTreeMap<String, String>,
}

/// The seed.lock of a derived seed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DerivedLock {
    schema: u32,
    /// Content digest of the unpacked tree.
    tree: Digest,
    /// [`ResolvedSeed::key`] at the time `tree` was recorded: shows when a definition changed since.
    #[serde(rename = "tree-key")]
    tree_key: Digest,
    /// In the definition's order.
    #[serde(rename = "wheel", default)]
    wheels: Vec<LockedWheel>,
}

/// The pin of a wheel.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct LockedWheel {
    name: String,
    version: String,
    sha256: Digest,
}

impl DerivedDef {
    /// Reads the definition of the seed `name` and checks its meaning; all findings at once.
    ///
    /// # Errors
    /// The findings.
    pub fn parse(text: &str, name: &SeedName) -> Result<Self, Vec<Diagnostic>> {
        let def: Self = toml::from_str(text).map_err(|error| vec![shape(&name.def_file(), "seed::shape", &error)])?;
        let def = Self { name: name.clone(), ..def };
        let findings = def.findings();
        if findings.is_empty() { Ok(def) } else { Err(findings) }
    }

    fn finding(&self, code: &'static str, message: String, help: impl Into<String>) -> Diagnostic {
        Diagnostic::error(code, message).in_file(self.name.def_file()).help(help)
    }

    fn findings(&self) -> Vec<Diagnostic> {
        let mut findings = Vec::new();
        if self.base == self.name {
            let help = "write the name of a seed that has packages of its own";
            findings.push(self.finding("seed::base", "`base` names this seed itself".to_owned(), help));
        }
        let members = self.wheels.iter().flat_map(|wheel| wheel.files.values());
        let places = members.chain(self.links.keys()).chain(self.scripts.keys());
        for place in places.filter(|place| !is_place(place)) {
            let help = "write a path such as `usr/bin/cc`";
            findings.push(self.finding("seed::place", format!("`{place}` is not a path inside the tree"), help));
        }
        for file in self.scripts.values().filter(|file| Utf8Path::new(file).file_name() != Some(file.as_str())) {
            let help = format!("put the script into {} and write its name alone", self.name.folder());
            findings.push(self.finding("seed::script", format!("`{file}` is not the name of a file"), help));
        }
        findings
    }

    /// The seed: `base` with what this definition changes. `scripts` has the text of each script by the name of its file,
    /// `wheels` the hash of each wheel in order.
    ///
    /// # Errors
    /// Packages in `without` that the base does not have.
    pub fn resolve(
        &self,
        base: ResolvedSeed,
        scripts: &BTreeMap<String, String>,
        wheels: &[Digest],
    ) -> Result<ResolvedSeed, Vec<Diagnostic>> {
        let known = || base.packages.iter().map(|package| package.name.as_str());
        let mut findings = Vec::new();
        for name in self.without.iter().filter(|name| known().all(|known| known != name.as_str())) {
            let message = format!("`without` names package `{name}`, which the seed `{}` does not have", self.base);
            let finding = self.finding("seed::unknown-package", message, "remove it from `without`");
            let close = suggest(name, known()).map(|close| format!("did you mean `{close}`?"));
            findings.push(match close {
                Some(label) => finding.label(label),
                None => finding,
            });
        }
        if !findings.is_empty() {
            return Err(findings);
        }
        let mut seed = ResolvedSeed { name: self.name.clone(), tree: None, ..base };
        seed.packages.retain(|package| !self.without.contains(&package.name));
        seed.drop.extend(self.drop.iter().cloned());
        seed.links.extend(self.links.clone());
        let pinned = |(wheel, sha256): (&Wheel, &Digest)| PinnedWheel {
            name: wheel.name.clone(),
            version: wheel.version.clone(),
            sha256: *sha256,
            files: wheel.files.clone(),
        };
        seed.wheels.extend(self.wheels.iter().zip(wheels).map(pinned));
        let text = |(place, file): (&String, &String)| Some((place.clone(), scripts.get(file)?.clone()));
        seed.scripts.extend(self.scripts.iter().filter_map(text));
        Ok(seed)
    }
}

impl DerivedLock {
    /// The lock of a seed whose tree is known.
    pub fn new(seed: &ResolvedSeed, tree: Digest) -> Self {
        let wheel = |wheel: &PinnedWheel| LockedWheel {
            name: wheel.name.clone(),
            version: wheel.version.clone(),
            sha256: wheel.sha256,
        };
        Self { schema: SCHEMA, tree, tree_key: seed.key(), wheels: seed.wheels.iter().map(wheel).collect() }
    }

    /// Reads the lock of the seed `name`.
    ///
    /// # Errors
    /// One finding: the shape is wrong or the schema is another one.
    pub fn parse(text: &str, name: &SeedName) -> Result<Self, Vec<Diagnostic>> {
        read_lock(text, name, |lock: &Self| lock.schema)
    }

    /// The file's text. `parse` of it gives an equal lock.
    pub fn print(&self, name: &SeedName) -> String {
        let mut out = format!(
            "# Written by `{}`. Do not edit: review the difference.\nschema = {}\ntree = \"{}\"\ntree-key = \"{}\"\n",
            name.lock_command(),
            self.schema,
            self.tree,
            self.tree_key
        );
        for LockedWheel { name, version, sha256 } in &self.wheels {
            let _infallible =
                write!(out, "\n[[wheel]]\nname = {name:?}\nversion = {version:?}\nsha256 = \"{sha256}\"\n");
        }
        out
    }

    /// The hash of a wheel, when the lock pins this version of it.
    pub fn pin(&self, wheel: &Wheel) -> Option<Digest> {
        let same = |locked: &&LockedWheel| locked.name == wheel.name && locked.version == wheel.version;
        self.wheels.iter().find(same).map(|locked| locked.sha256)
    }

    /// The hashes of a definition's wheels.
    ///
    /// # Errors
    /// The wheels that the lock does not pin.
    pub fn pins(&self, def: &DerivedDef) -> Result<Vec<Digest>, Vec<Diagnostic>> {
        let mut findings = Vec::new();
        let mut pins = Vec::new();
        for wheel in &def.wheels {
            match self.pin(wheel) {
                Some(sha256) => pins.push(sha256),
                None => findings.push(stale(
                    def,
                    "seed::stale-lock",
                    format!("seed.toml names wheel `{}` {}, which is not in seed.lock", wheel.name, wheel.version),
                )),
            }
        }
        if findings.is_empty() { Ok(pins) } else { Err(findings) }
    }

    /// The seed with what this lock says of its tree.
    ///
    /// # Errors
    /// When a definition or the base's lock changed since this lock was written.
    pub fn confirm(&self, def: &DerivedDef, seed: ResolvedSeed) -> Result<ResolvedSeed, Vec<Diagnostic>> {
        if self.tree_key == seed.key() {
            return Ok(ResolvedSeed { tree: Some(self.tree), ..seed });
        }
        let message = format!("this seed or `{}` changed since seed.lock was written", def.base);
        Err(vec![stale(def, "seed::stale-tree", message)])
    }
}

fn stale(def: &DerivedDef, code: &'static str, message: String) -> Diagnostic {
    def.finding(code, message, format!("run `{}` and commit seed.lock", def.name.lock_command()))
}

#[cfg(test)]
mod tests;
