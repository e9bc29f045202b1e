//! What a lint is, and which files are exempt.

use super::file::File;
pub use super::hit::Hit;
use super::needles::Needles;
use crate::base::diag::Severity;
use crate::base::glob;
use crate::formats::manifest::Manifest;

/// One rule about trees.
#[derive(Debug, Clone, Copy)]
pub struct Lint {
    /// Stable name, `lint::elf-pie` for example.
    pub name: &'static str,
    /// How bad a finding is.
    pub severity: Severity,
    /// What holds when the lint finds nothing.
    pub description: &'static str,
    /// What to do about a finding.
    pub remedy: &'static str,
    /// The rule.
    pub rule: Rule,
}

/// What a rule looks at.
#[derive(Debug, Clone, Copy)]
pub enum Rule {
    /// The whole inventory.
    Tree(fn(&Manifest, &LintPolicy) -> Vec<Hit>),
    /// One file with its bytes.
    File(fn(&File<'_>, &Needles) -> Vec<Hit>),
}

/// Deviations from the rules.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LintPolicy {
    /// Deviations.
    pub exemptions: Vec<Exemption>,
}

/// An accepted deviation, with its reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exemption {
    /// Name of the lint.
    pub lint: String,
    /// Glob of paths, as in recipes.
    pub files: String,
    /// Why.
    pub reason: String,
}

impl Exemption {
    pub(super) fn covers(&self, lint: &Lint, hit: &Hit) -> bool {
        self.lint == lint.name && glob::matches(&self.files, &hit.path)
    }
}
