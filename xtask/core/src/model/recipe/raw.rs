//! `pkg.toml` as written: every key optional, every value with its place in the text, nothing validated.
//!
//! Only shape lives here (which keys exist, which type they have). `validate` decides what a value means and whether a key may be
//! absent, so that one run can report every mistake. `schema` makes the JSON schema and the page `docs/recipe.md` of these types, so
//! the text above a field here is for people who write recipes.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::spanned::Spanned;
use super::style;
use crate::base::name::Phase;

/// More leading components than any tarball has.
pub const MAX_STRIP: i64 = 8;

/// A text with its byte range in the file.
pub type Text = Spanned<String>;

/// A whole `pkg.toml`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["name", "version", "summary", "license"]))]
pub struct RawRecipe {
    /// The package's name, equal to the folder's name: lower-case letters, digits, `+`, `-`, `.`.
    #[schemars(extend("pattern" = "^[a-z0-9][a-z0-9+.-]{0,63}$"))]
    pub name: Option<Text>,
    /// Upstream's version, without a leading `v`.
    pub version: Option<Text>,
    /// One line of at most 80 characters, without an article before it and a full stop behind it.
    #[schemars(extend("maxLength" = 80))]
    pub summary: Option<Text>,
    /// SPDX expression.
    pub license: Option<Text>,
    /// Licence texts below `$SRC`; the phase `install` ends with copying them to `usr/share/licenses/NAME`. A recipe with a
    /// `[[source]]` names at least one, unless a phase installs it.
    pub license_files: Vec<Text>,
    /// Home page, https. Programs without a source elsewhere have none.
    pub upstream: Option<Text>,
    /// `vendor:product`, for matching known vulnerabilities.
    pub cpe: Option<Text>,
    /// Packages composed, with all that they need, into `$SYSROOT`.
    pub libs: Vec<Text>,
    /// Packages composed, with all that they need, into `$TOOLS`.
    pub tools: Vec<Text>,
    /// Files in `patches/`, written for Ashlar, applied with `-p1` in this order, after those of `[[patch]]`.
    pub patches: Vec<Text>,
    /// A pinned file, fetched and unpacked into `$SRC`.
    pub source: Vec<Spanned<RawSource>>,
    /// Patches that others wrote: a pinned file, fetched as a source is, and what of it is applied with `-p1`.
    pub patch: Vec<Spanned<RawPatch>>,
    /// How the package is built.
    pub build: Option<Spanned<RawBuild>>,
    /// The phase `install` as a table: place below the root = files that were built. A place that ends with `/` is a directory for
    /// all of them, another is the new name of one. Files are relative to the directory of the build, or begin with `$SRC/`,
    /// `$OBJ/` or `$FILES/`; `*` stands for a part of a name.
    pub install: BTreeMap<Text, Vec<Text>>,
    /// Symbolic links that `[install]` makes: place below the root = target.
    pub links: BTreeMap<Text, Text>,
    /// Scripts for `/bin/sh -eu`. One written here replaces the style's; one of comments only switches the style's off.
    pub phases: RawPhases,
    /// A compiler flag that this package cannot have.
    pub hardening: Vec<Spanned<RawOptOut>>,
    /// Path of an installed file = octal permission bits, where they are neither 0644 nor 0755: `"var/tmp" = "1777"`.
    pub modes: BTreeMap<Text, Text>,
    /// A split package: files taken out of the main one.
    pub output: Vec<Spanned<RawOutput>>,
    /// A test of what is installed. It runs after `install`, with the package's files at `/dest`.
    pub test: Vec<Spanned<RawTest>>,
    /// Where new versions come from.
    pub update: RawUpdate,
}

/// `[[source]]`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["sha256"]))]
pub struct RawSource {
    /// Upstream's addresses of the same file, tried in order. Never a Debian mirror.
    pub url: Vec<Text>,
    /// Path of the file in Debian's package pool. It is tried at the mirror that the host's apt uses (or
    /// `ASHLAR_DEBIAN_MIRROR`), then at Debian's snapshot service.
    pub debian: Option<Text>,
    /// `name@version` of a crate in the crate registry, where `cargo` finds it. Its checksum there is the sha256.
    #[serde(rename = "crate")]
    pub krate: Option<Text>,
    /// sha256 of the file.
    #[schemars(extend("pattern" = "^[0-9a-f]{64}$"))]
    pub sha256: Option<Text>,
    /// Leading path components dropped, 1 unless given.
    #[schemars(extend("minimum" = 0, "maximum" = MAX_STRIP))]
    pub strip: Option<Spanned<i64>>,
    /// Unpack only these files and directories, named by whole path components, after `strip`.
    pub include: Vec<Text>,
    /// Directory below `$SRC`, `.` unless given.
    pub to: Option<Text>,
}

/// `[[patch]]`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["sha256"]))]
pub struct RawPatch {
    /// Addresses of the same file, tried in order.
    pub url: Vec<Text>,
    /// Path of the file in Debian's package pool, such as a `….debian.tar.xz`.
    pub debian: Option<Text>,
    /// sha256 of the file.
    #[schemars(extend("pattern" = "^[0-9a-f]{64}$"))]
    pub sha256: Option<Text>,
    /// Patches in the archive, in the order they are applied. Without it, the file itself is the patch.
    pub members: Vec<Text>,
}

/// `[build]`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawBuild {
    /// Build style: supplies the phases that the recipe does not write. `shell` when the recipe writes the
    /// phase `install` itself, or the phase `build` and a table `[install]`.
    #[schemars(extend("enum" = style::ALL.map(|style| style.name)))]
    pub style: Option<Text>,
    /// Arguments added to the style's own.
    pub args: Vec<Text>,
    /// What make builds, instead of everything.
    pub targets: Vec<Text>,
    /// What make runs as the phase `check`: `check` for `autotools`; `configure` and `make` test nothing unless it is given.
    pub check_targets: Vec<Text>,
    /// Lock file in the package's folder whose crates are provided; `Cargo.lock` for style `cargo`.
    pub cargo_lock: Option<Text>,
    /// For a crate that is a member of the workspace in the folder above: the shared crates that it depends on, such as
    /// `"lib/testkit"`. The build gets these and the part of the workspace that the crate needs; `$SRC` is the crate's folder.
    pub workspace: Option<Spanned<Vec<Text>>>,
    /// Variables for all phases, except those of the build contract.
    pub env: BTreeMap<Text, Text>,
}

/// `[phases]`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawPhases {
    /// Runs once, after unpacking and patching.
    pub prepare: Option<Text>,
    /// Detection and configuration.
    pub configure: Option<Text>,
    /// Compilation.
    pub build: Option<Text>,
    /// Upstream's own tests, where they are cheap.
    pub check: Option<Text>,
    /// Writes below `$DESTDIR`.
    pub install: Option<Text>,
}

impl RawPhases {
    /// The phases that are written, in the order they run.
    pub fn all(&self) -> Vec<(Phase, &Text)> {
        let written = [&self.prepare, &self.configure, &self.build, &self.check, &self.install];
        Phase::ALL.into_iter().zip(written).filter_map(|(phase, text)| Some((phase, text.as_ref()?))).collect()
    }
}

/// `[[hardening]]`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["off", "reason"]))]
pub struct RawOptOut {
    /// Name of a flag in `toolchain/hardening.toml`.
    pub off: Option<Text>,
    /// What breaks, and where.
    pub reason: Option<Text>,
}

/// `[[output]]`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["name", "summary", "files"]))]
pub struct RawOutput {
    /// The split package's name.
    pub name: Option<Text>,
    /// One line, as for the package.
    pub summary: Option<Text>,
    /// Globs relative to the root: `*` within a path component, `**` across them.
    pub files: Vec<Text>,
}

/// `[[test]]`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["name"]))]
pub struct RawTest {
    /// What is tested.
    pub name: Option<Text>,
    /// Script for `/bin/sh -eu`.
    pub run: Option<Text>,
    /// In place of `run`: a C program in the package's folder, which is compiled with the installed headers, linked with the
    /// installed libraries, and run. It ends with 0 when all is well.
    pub program: Option<Text>,
    /// Libraries that `program` is linked with: `cap` for `-lcap`.
    pub links: Vec<Text>,
}

/// `[update]`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawUpdate {
    /// The series of releases that the recipe follows: `6.12` for 6.12.1, 6.12.2 and so on.
    pub series: Option<Text>,
    /// Why the recipe stays at its version although a newer one can be had; `cargo xtask outdated` prints it.
    pub hold: Option<Text>,
}
