//! Mistakes in a document, with their places: collected, so that one run reports all of them.

use std::fmt;

/// Whether the configuration can still be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// The whole volume is ignored.
    Refused,
    /// A warning; the rest is used.
    Ignored,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The document's name.
    pub file: &'static str,
    /// Its line, from 1; 0 speaks of the whole document.
    pub line: usize,
    /// Its effect on the rest.
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
    /// No findings.
    pub fn of(file: &'static str) -> Self {
        Self { file, list: Vec::new() }
    }

    /// Adds a mistake that invalidates the whole configuration.
    pub fn refuse(&mut self, line: usize, message: impl Into<String>) {
        self.list.push(Finding { file: self.file, line, weight: Weight::Refused, message: message.into() });
    }

    /// Adds a warning about a part that is ignored.
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

    /// All findings, in the order of the document.
    pub fn into_list(mut self) -> Vec<Finding> {
        self.list.sort_by_key(|finding| finding.line);
        self.list
    }
}

/// Whether one of them keeps the configuration from being used.
pub fn refused(findings: &[Finding]) -> bool {
    findings.iter().any(|finding| finding.weight == Weight::Refused)
}
