//! What is wrong with a document, with its place: collected, so that a person meets all of it at once.

use std::fmt;

/// Whether the configuration can be used all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// Nothing of the volume is used.
    Refused,
    /// It is said, and the rest is used.
    Ignored,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The document's name.
    pub file: &'static str,
    /// Its line, from 1; 0 speaks of the whole document.
    pub line: usize,
    /// What it means for the rest.
    pub weight: Weight,
    /// What is wrong, why, and what to do.
    pub message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let weight = match self.weight {
            Weight::Refused => "refused",
            Weight::Ignored => "ignored",
        };
        match self.line {
            0 => write!(to, "{}: {weight}: {}", self.file, self.message),
            line => write!(to, "{}, line {line}: {weight}: {}", self.file, self.message),
        }
    }
}

/// Findings of one document.
#[derive(Debug)]
pub struct Findings {
    file: &'static str,
    list: Vec<Finding>,
}

impl Findings {
    /// None so far.
    pub fn of(file: &'static str) -> Self {
        Self { file, list: Vec::new() }
    }

    /// Something that keeps the whole configuration from being used.
    pub fn refuse(&mut self, line: usize, message: impl Into<String>) {
        self.list.push(Finding { file: self.file, line, weight: Weight::Refused, message: message.into() });
    }

    /// Something that is left out.
    pub fn ignore(&mut self, line: usize, message: impl Into<String>) {
        self.list.push(Finding { file: self.file, line, weight: Weight::Ignored, message: message.into() });
    }

    /// The value, or a refusal.
    pub fn take<T>(&mut self, line: usize, result: Result<T, String>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(message) => {
                self.refuse(line, message);
                None
            }
        }
    }

    /// Whether one of them keeps the configuration from being used.
    pub fn any_refused(&self) -> bool {
        refused(&self.list)
    }

    /// All of them, in the order of the document.
    pub fn into_list(mut self) -> Vec<Finding> {
        self.list.sort_by_key(|finding| finding.line);
        self.list
    }
}

/// Whether one of them keeps the configuration from being used.
pub fn refused(findings: &[Finding]) -> bool {
    findings.iter().any(|finding| finding.weight == Weight::Refused)
}
