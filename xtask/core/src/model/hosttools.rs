//! The programs and files that Ashlar takes from the machine it runs on: a table, and the decisions from it.
//!
//! Compilers, archivers and image tools are not here: they come from the pinned seed env. Looking a tool up and asking
//! its version are effects (`xtask/src/host/tools.rs`); this module knows what to look for and what to install.

use std::cmp::Ordering;
use std::fmt;

use serde::{Serialize, Serializer};

mod table;
mod tool;

pub use table::{OVMF, SECURE_BOOT_OVMF, TOOLS};
pub use tool::{Distro, Look, Need, Packages, Tool};

/// The packages that bring `tools` on `distro`, each once, in order of the table.
pub fn packages<'a>(distro: Distro, tools: impl IntoIterator<Item = &'a Tool>) -> Vec<&'static str> {
    let mut names: Vec<&'static str> = Vec::new();
    for name in tools.into_iter().flat_map(|tool| tool.packages.on(distro)) {
        if !names.contains(name) {
            names.push(name);
        }
    }
    names
}

/// What looking for a tool gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToolFinding {
    /// It is there, in a version that works.
    Good,
    /// It is there; what it printed holds no version.
    Unknown,
    /// It is there, but older than needed.
    Old,
    /// It is not there.
    Missing,
}

/// A dotted version, compared number by number; what follows the numbers does not count.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(Vec<u64>);

impl Version {
    /// The version that begins `text`: digits and dots, at least one dot, not more than nine digits a number.
    pub fn parse(text: &str) -> Option<Self> {
        let numbers = text.split(|c: char| !c.is_ascii_digit() && c != '.').next().unwrap_or_default();
        let numbers = numbers.trim_end_matches('.');
        if !numbers.contains('.') {
            return None;
        }
        let number = |part: &str| (part.len() <= 9).then(|| part.parse().ok()).flatten();
        numbers.split('.').map(number).collect::<Option<Vec<u64>>>().map(Self)
    }

    /// The first version in what a program printed, as `tool version v1.2.3 (built …)`.
    pub fn find(output: &str) -> Option<Self> {
        let word = |word: &str| Self::parse(word.trim_start_matches(['(', 'v']));
        output.split_whitespace().find_map(word)
    }

    /// Whether this is `minimum` or newer; missing numbers count as zero.
    pub fn satisfies(&self, minimum: &Self) -> bool {
        let length = self.0.len().max(minimum.0.len());
        let number = |list: &[u64], at: usize| list.get(at).copied().unwrap_or(0);
        (0..length)
            .map(|at| number(&self.0, at).cmp(&number(&minimum.0, at)))
            .find(|order| *order != Ordering::Equal)
            .is_none_or(|order| order == Ordering::Greater)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.iter().map(u64::to_string).collect::<Vec<_>>().join("."))
    }
}

impl Serialize for Version {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Look {
    /// Evaluates a program that printed `output` when asked for its version.
    pub fn evaluate(self, output: &str) -> (ToolFinding, Option<Version>) {
        let Self::Program { minimum: Some(minimum), .. } = self else { return (ToolFinding::Good, None) };
        match (Version::find(output), Version::parse(minimum)) {
            (Some(found), Some(minimum)) if !found.satisfies(&minimum) => (ToolFinding::Old, Some(found)),
            (Some(found), _) => (ToolFinding::Good, Some(found)),
            (None, _) => (ToolFinding::Unknown, None),
        }
    }

    /// The oldest version that works.
    pub fn minimum(self) -> Option<&'static str> {
        match self {
            Self::Program { minimum, .. } => minimum,
            Self::Files(_) => None,
        }
    }
}

#[cfg(test)]
mod tests;
