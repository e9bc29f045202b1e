//! `pkg.toml` as written: every key optional, every value with its place in the text, nothing judged.
//!
//! Only shape lives here (which keys exist, which type they have). What a value means, and whether a key may be absent,
//! is `validate`'s business, so that one run can report every mistake.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use crate::base::name::Phase;

/// A text with its byte range in the file.
pub type Text = Spanned<String>;

/// A whole `pkg.toml`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawRecipe {
    /// Package name.
    pub name: Option<Text>,
    /// Upstream version.
    pub version: Option<Text>,
    /// One line about the package.
    pub summary: Option<Text>,
    /// SPDX expression.
    pub license: Option<Text>,
    /// Home page.
    pub upstream: Option<Text>,
    /// `vendor:product`.
    pub cpe: Option<Text>,
    /// Packages for `/sysroot`.
    pub libs: Vec<Text>,
    /// Packages for `/tools`.
    pub tools: Vec<Text>,
    /// File names below `patches/`.
    pub patches: Vec<Text>,
    /// `[[source]]`.
    pub source: Vec<Spanned<RawSource>>,
    /// `[build]`.
    pub build: Option<Spanned<RawBuild>>,
    /// `[phases]`.
    pub phases: RawPhases,
    /// `[[hardening]]`.
    pub hardening: Vec<Spanned<RawOptOut>>,
    /// `[modes]`.
    pub modes: BTreeMap<Text, Text>,
    /// `[[output]]`.
    pub output: Vec<Spanned<RawOutput>>,
    /// `[[test]]`.
    pub test: Vec<Spanned<RawTest>>,
    /// `[update]`.
    pub update: RawUpdate,
}

/// `[[source]]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawSource {
    /// Upstream locations.
    pub url: Vec<Text>,
    /// Path in Debian's package pool.
    pub debian: Option<Text>,
    /// Hex digest of the file.
    pub sha256: Option<Text>,
    /// Leading path components dropped.
    pub strip: Option<Spanned<i64>>,
    /// Prefixes that are unpacked.
    pub include: Vec<Text>,
    /// Directory below the source root.
    pub to: Option<Text>,
}

/// `[build]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawBuild {
    /// Name of the build style; `shell` when absent.
    pub style: Option<Text>,
    /// Extra arguments of the style.
    pub args: Vec<Text>,
    /// Cargo.lock beside the recipe.
    pub cargo_lock: Option<Text>,
    /// `[build.env]`.
    pub env: BTreeMap<Text, Text>,
}

/// `[phases]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawPhases {
    /// Script of the phase of that name.
    pub prepare: Option<Text>,
    /// Script of the phase of that name.
    pub configure: Option<Text>,
    /// Script of the phase of that name.
    pub build: Option<Text>,
    /// Script of the phase of that name.
    pub check: Option<Text>,
    /// Script of the phase of that name.
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
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawOptOut {
    /// Name of the flag.
    pub off: Option<Text>,
    /// Why.
    pub reason: Option<Text>,
}

/// `[[output]]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawOutput {
    /// Package name.
    pub name: Option<Text>,
    /// One line about the package.
    pub summary: Option<Text>,
    /// Globs of the files it takes.
    pub files: Vec<Text>,
}

/// `[[test]]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawTest {
    /// What is tested.
    pub name: Option<Text>,
    /// Shell script.
    pub run: Option<Text>,
}

/// `[update]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawUpdate {
    /// Where new versions are announced.
    pub watch: Option<Text>,
}
