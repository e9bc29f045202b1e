//! What a lint is, what it reports, and which files are exempt.

use super::file::File;
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

/// What a rule says, before name, severity and remedy are added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// Path in the tree.
    pub path: String,
    /// What is wrong, in one sentence that names the path's part (archive member) where there is one.
    pub message: String,
    /// Byte offset and the text around it.
    pub place: Option<(u64, String)>,
}

impl Hit {
    /// About a whole path.
    pub fn new(path: &str, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), message: message.into(), place: None }
    }
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
