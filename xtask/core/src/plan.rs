//! The inputs and commands of a build, complete, before anything runs.
//!
//! A [`BuildPlan`] is everything that may influence the bytes of a package; its digest is the input key. How a build is run
//! on one machine (paths, core count) is in [`Variations`], which must never matter.

pub mod containerfile;
pub mod env;
pub mod hint;
pub mod image;
pub mod iso;
pub mod key;
pub mod policy;
pub mod steps;
pub mod variations;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::base::digest::Digest;
use crate::base::name::{Arch, Epoch, Phase, PkgName};
use crate::model::recipe::{CrateName, Output, Recipe, Source};
pub use key::Keyed;
pub use variations::Variations;

/// The version of the build contract (ARCHITECTURE.md). Raising it rebuilds everything.
pub const CONTRACT: u32 = 1;

/// Everything a package's build reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuildPlan {
    /// [`CONTRACT`].
    pub contract: u32,
    /// Package name.
    pub package: PkgName,
    /// Upstream version.
    pub version: String,
    /// SPDX expression, written into the image's labels.
    pub license: String,
    /// Target architecture.
    pub arch: Arch,
    /// `SOURCE_DATE_EPOCH`.
    pub epoch: Epoch,
    /// Content digest of the seed env.
    pub seed: Digest,
    /// Sources in the order they are unpacked.
    pub sources: Vec<PlannedSource>,
    /// Crates for `/build/vendor`.
    pub crates: Vec<PlannedCrate>,
    /// Files with the patches of others: those that `include` names, or the file itself. `to` is its number, from 1.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub patch_files: Vec<PlannedSource>,
    /// Our own patches in order, applied after those.
    pub patches: Vec<PlannedFile>,
    /// The package's own files, for `/files`.
    pub files: Vec<PlannedFile>,
    /// Whether the package's own files are also the start of the source tree (style `cargo`).
    pub files_are_source: bool,
    /// For a member of a workspace: the rest of that workspace, as far as this package's build sees it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace: Option<PlannedWorkspace>,
    /// Packages in `/sysroot`, in the order they are unpacked.
    pub libs: Vec<Input>,
    /// Packages in `/tools`, in the order they are unpacked.
    pub tools: Vec<Input>,
    /// Files in `/toolchain` by name. `@ROOT@` stands for the build's root directory.
    pub toolchain: BTreeMap<String, String>,
    /// The recipe's own variables.
    pub env: BTreeMap<String, String>,
    /// Scripts by phase.
    pub phases: BTreeMap<Phase, String>,
    /// Permission bits of paths that are neither 0644 nor 0755.
    pub modes: BTreeMap<String, u32>,
    /// Tests of the installed result, as (name, script).
    pub tests: Vec<(String, String)>,
    /// Split packages: name and globs.
    pub outputs: Vec<(PkgName, Vec<String>)>,
}

/// A source in a plan: no locations, because where bytes come from does not matter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedSource {
    /// sha256 of the file.
    pub sha256: Digest,
    /// File name: tells the archive's kind.
    pub file: String,
    /// Leading components dropped.
    pub strip: u32,
    /// Prefixes kept.
    pub include: Vec<String>,
    /// Directory below the source root.
    pub to: String,
}

impl PlannedSource {
    /// The patches that a file of `patch_files` brings, relative to where patches are.
    pub fn members(&self) -> Vec<String> {
        let files = if self.include.is_empty() { std::slice::from_ref(&self.file) } else { self.include.as_slice() };
        files.iter().map(|file| format!("{}/{file}", self.to)).collect()
    }
}

/// A crate in a plan.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PlannedCrate {
    /// Crate name.
    pub name: String,
    /// Crate version.
    pub version: String,
    /// sha256 of the `.crate` file.
    pub sha256: Digest,
}

impl PlannedCrate {
    /// The crates that are sources of a recipe.
    pub fn sources_of(recipe: &Recipe) -> impl Iterator<Item = Self> {
        let planned = |source: &Source| {
            let CrateName { name, version } = source.krate.clone()?;
            Some(Self { name, version, sha256: source.sha256 })
        };
        recipe.sources.iter().filter_map(planned)
    }
}

impl From<crate::formats::cargo_lock::Crate> for PlannedCrate {
    fn from(krate: crate::formats::cargo_lock::Crate) -> Self {
        Self { name: krate.name, version: krate.version, sha256: krate.sha256 }
    }
}

/// A file of the package's folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PlannedFile {
    /// Path relative to the package's folder.
    pub path: String,
    /// sha256 of what the build sees.
    pub sha256: Digest,
    /// Whether it is executable.
    pub executable: bool,
}

/// A workspace as the build of one member sees it. It is laid into the source tree, the member's folder below it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedWorkspace {
    /// Text of `Cargo.toml`, for this member alone.
    pub manifest: String,
    /// Text of `Cargo.lock`: the part that this member needs.
    pub lock: String,
    /// The files of shared crates, relative to the workspace.
    pub files: Vec<PlannedFile>,
}

/// A package that a build reads, by what it *is*, not by how it was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// Package name.
    pub name: PkgName,
    /// sha256 of the package's uncompressed layer.
    pub diff_id: Digest,
}

impl Input {
    /// The step that puts it into a tree.
    pub fn unpacked(&self) -> String {
        format!("unpack {self}")
    }
}

impl std::fmt::Display for Input {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.name, self.diff_id.short())
    }
}

/// What the shell found on disk for one recipe.
#[derive(Debug, Clone, Default)]
pub struct PackageFiles {
    /// Patches in the recipe's order.
    pub patches: Vec<PlannedFile>,
    /// All other files of the folder but the recipe itself.
    pub files: Vec<PlannedFile>,
    /// Crates named by the Cargo.lock.
    pub crates: Vec<PlannedCrate>,
    /// For a member of a workspace.
    pub workspace: Option<PlannedWorkspace>,
}

/// What a plan needs beside the recipe.
#[derive(Debug, Clone)]
pub struct BuildInputs {
    /// Content digest of the seed env.
    pub seed: Digest,
    /// Packages for `/sysroot`.
    pub libs: Vec<Input>,
    /// Packages for `/tools`.
    pub tools: Vec<Input>,
    /// Files of `/toolchain`.
    pub toolchain: BTreeMap<String, String>,
}

impl BuildPlan {
    /// The plan of `recipe` from these inputs.
    pub fn new(recipe: &Recipe, files: PackageFiles, inputs: BuildInputs, arch: Arch) -> Self {
        let planned = |source: &Source| PlannedSource {
            sha256: source.sha256,
            file: source.file_name(),
            strip: source.strip,
            include: source.include.clone(),
            to: source.to.clone(),
        };
        let split = |output: &Output| (output.name.clone(), output.files.clone());
        Self {
            contract: CONTRACT,
            package: recipe.name.clone(),
            version: recipe.version.clone(),
            license: recipe.license.clone(),
            arch,
            epoch: Epoch::RELEASE,
            seed: inputs.seed,
            sources: recipe.sources.iter().map(planned).collect(),
            crates: files.crates,
            patch_files: recipe.patch_files.iter().map(planned).collect(),
            patches: files.patches,
            files: files.files,
            files_are_source: recipe.style.is_crate,
            workspace: files.workspace,
            libs: inputs.libs,
            tools: inputs.tools,
            toolchain: inputs.toolchain,
            env: recipe.env.clone(),
            phases: recipe.phases.clone(),
            modes: recipe.modes.clone(),
            tests: recipe.tests.iter().map(|test| (test.name.clone(), test.run.clone())).collect(),
            outputs: recipe.outputs.iter().map(split).collect(),
        }
    }

    /// The canonical text that is hashed: JSON with fixed field order and sorted maps.
    pub fn canonical(&self) -> String {
        // Serialising plain structs, strings and maps with string keys has no failure case.
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// The input key.
    pub fn key(&self) -> Digest {
        Digest::of(self.canonical())
    }

    /// As the store has it.
    pub fn keyed(&self) -> Keyed {
        Keyed::new(self.package.to_string(), self.canonical())
    }

    /// All packages the plan makes: itself, then its splits.
    pub fn package_names(&self) -> impl Iterator<Item = &PkgName> {
        std::iter::once(&self.package).chain(self.outputs.iter().map(|(name, _)| name))
    }

    /// The split packages whose globs match a path of the staging tree, when they are several.
    pub fn rivals(&self, path: &str) -> Vec<&PkgName> {
        let matches = |globs: &[String]| globs.iter().any(|glob| crate::base::glob::matches(glob, path));
        let all: Vec<&PkgName> =
            self.outputs.iter().filter(|(_, globs)| matches(globs)).map(|(name, _)| name).collect();
        if all.len() > 1 { all } else { Vec::new() }
    }

    /// `$SRC` below the build's root: a member of a workspace has it at its place in the workspace.
    pub fn source_folder(&self) -> String {
        match &self.workspace {
            Some(_) => format!("src/{}", self.package),
            None => "src".to_owned(),
        }
    }

    /// Which package a path of the staging tree belongs to: the first split whose glob matches, else the package itself.
    pub fn owner(&self, path: &str) -> &PkgName {
        self.outputs
            .iter()
            .find(|(_, globs)| globs.iter().any(|glob| crate::base::glob::matches(glob, path)))
            .map_or(&self.package, |(name, _)| name)
    }
}

#[cfg(test)]
mod tests;
