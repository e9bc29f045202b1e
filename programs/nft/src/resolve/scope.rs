//! What rules, sets and values are resolved with.

use std::collections::BTreeMap;

use base::findings::{Finding, Findings, Span};

use crate::facts::Facts;
use crate::ruleset::{Family, Set};

/// The names that the rules of a table can use.
pub struct Scope<'a> {
    pub facts: &'a Facts,
    pub family: Family,
    pub sets: BTreeMap<String, Set>,
    /// The chains of this file.
    pub chains: Vec<String>,
    /// Whether the file is the whole ruleset.
    pub closed: bool,
}

/// Collects findings.
pub fn collect<T>(result: Result<T, Finding>, wrong: &mut Findings) -> Option<T> {
    result.map_err(|finding| wrong.push(finding)).ok()
}

/// A finding about one place.
pub fn finding<T>(at: Span, what: impl Into<String>, remedy: impl Into<String>) -> Result<T, Finding> {
    Err(Finding::new(at, what, remedy))
}
