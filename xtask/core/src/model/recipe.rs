//! Recipes: a package's `pkg.toml` as written ([`raw`]) and as resolved (this module's types).
//!
//! Text goes through `parse` (shape: keys and types, by toml) and `validate` (meaning: every finding at once).

pub mod bump;
pub mod install;
pub mod parse;
pub mod raw;
pub mod schema;
pub mod spanned;
pub mod style;
pub mod validate;

use std::collections::BTreeMap;

use camino::Utf8PathBuf;
use serde::Serialize;

use crate::base::digest::Digest;
use crate::base::name::{Phase, PkgName};
pub use style::Style;

/// A recipe that passed validation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Recipe {
    /// Package name, equal to the folder's name.
    pub name: PkgName,
    /// The package's folder, relative to the repository. Not in plans: where a package lies must not matter.
    pub folder: Utf8PathBuf,
    /// Upstream version.
    pub version: String,
    /// One line, no full stop.
    pub summary: String,
    /// SPDX expression.
    pub license: String,
    /// Home page; empty for programs of our own.
    pub upstream: String,
    /// `vendor:product` for vulnerability matching.
    pub cpe: Option<String>,
    /// Packages composed, with all they need, into `/sysroot`.
    pub libs: Vec<PkgName>,
    /// Packages composed, with all they need, into `/tools`.
    pub tools: Vec<PkgName>,
    /// Pinned files with the patches of others: those named by `include`, or the file itself. `to` is its number, from 1.
    pub patch_files: Vec<Source>,
    /// Patch files below `patches/`, in order, applied after those of `patch_files`.
    pub patches: Vec<String>,
    /// Pinned sources.
    pub sources: Vec<Source>,
    /// The build style that supplies phases.
    pub style: Style,
    /// Extra arguments of the style.
    pub args: Vec<String>,
    /// Extra environment of all phases: the style's, then the recipe's. Paths of the build are [`rooted`].
    pub env: BTreeMap<String, String>,
    /// Crates to provide in `/build/vendor`, as a Cargo.lock beside the recipe.
    pub cargo_lock: Option<String>,
    /// For a member of the workspace in the folder above: the shared crates, relative to that folder, that its build sees.
    pub workspace: Option<Vec<String>>,
    /// The phases that run, after style and overrides were merged. Empty scripts are absent.
    pub phases: BTreeMap<Phase, String>,
    /// Hardening flags switched off.
    pub hardening: Vec<OptOut>,
    /// Permission bits of paths that are neither 0644 nor 0755.
    pub modes: BTreeMap<String, u32>,
    /// Split packages.
    pub outputs: Vec<Output>,
    /// Tests of the installed result.
    pub tests: Vec<InstallTest>,
    /// The series of releases that it follows.
    pub series: Option<String>,
    /// Why the recipe stays at its version.
    pub hold: Option<String>,
}

impl Recipe {
    /// Path of the `pkg.toml`, relative to the repository.
    pub fn file(&self) -> Utf8PathBuf {
        self.folder.join("pkg.toml")
    }

    /// The names of all packages the recipe makes: itself first, then its splits.
    pub fn package_names(&self) -> impl Iterator<Item = &PkgName> {
        std::iter::once(&self.name).chain(self.outputs.iter().map(|output| &output.name))
    }

    /// Everything that is fetched by hash: sources, then files with patches.
    pub fn files(&self) -> impl Iterator<Item = &Source> {
        self.sources.iter().chain(&self.patch_files)
    }

    /// The packages that a build of it reads.
    pub fn inputs(&self) -> impl Iterator<Item = &PkgName> {
        self.libs.iter().chain(&self.tools)
    }
}

/// A pinned source tarball.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Source {
    /// Upstream locations, tried in order.
    pub urls: Vec<String>,
    /// Path in Debian's package pool, where the same bytes are kept.
    pub debian: Option<String>,
    /// The crate that the file is.
    pub krate: Option<CrateName>,
    /// sha256 of the file.
    pub sha256: Digest,
    /// Leading path components dropped when unpacking.
    pub strip: u32,
    /// When not empty: only these prefixes are unpacked (after stripping).
    pub include: Vec<String>,
    /// Directory below the source root that receives the files.
    pub to: String,
}

impl Source {
    /// The file name shown to people: last component of the first location.
    pub fn file_name(&self) -> String {
        match (&self.krate, self.debian.as_ref().or(self.urls.first())) {
            (Some(CrateName { name, version }), _) => format!("{name}-{version}.crate"),
            (None, Some(location)) => location.rsplit('/').next().unwrap_or(location).to_owned(),
            (None, None) => "source".to_owned(),
        }
    }

    /// The first location, as a bill of materials gives it.
    pub fn location(&self) -> String {
        match &self.krate {
            Some(CrateName { name, version }) => format!("pkg:cargo/{name}@{version}"),
            None => self.urls.first().or(self.debian.as_ref()).cloned().unwrap_or_default(),
        }
    }
}

/// A crate of the crate registry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CrateName {
    /// Name.
    pub name: String,
    /// Version.
    pub version: String,
}

/// A hardening flag switched off, with its reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OptOut {
    /// Name of the flag in `toolchain/hardening.toml`.
    pub off: String,
    /// Why this package cannot have it.
    pub reason: String,
}

/// A split package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Output {
    /// Package name.
    pub name: PkgName,
    /// One line, no full stop.
    pub summary: String,
    /// Globs, relative to the root, of the files it takes.
    pub files: Vec<String>,
}

/// A test of the installed result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InstallTest {
    /// What is tested.
    pub name: String,
    /// Shell script; `$DESTDIR` holds the installed files.
    pub run: String,
}

/// A text with the build's directories (`/build/src` and so on, as recipes write them) made relative to `@ROOT@`, which stands
/// for the root that the engine chooses: `/build`, or another to show that nothing depends on it.
pub fn rooted(text: &str) -> String {
    let mut text = text.to_owned();
    // Most texts name none of them.
    if text.contains("/build/") {
        for directory in ["src", "obj", "home", "vendor"] {
            text = text.replace(&format!("/build/{directory}"), &format!("@ROOT@/{directory}"));
        }
    }
    text
}
