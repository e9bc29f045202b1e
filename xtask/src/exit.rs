//! Exit codes: a documented part of the interface. Which code an error has is said where the error arises, or by its type
//! (`report::failure`).

use std::process::ExitCode;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// All good.
    Good = 0,
    /// Machinery broke: I/O, a bug, something unforeseen.
    Broken = 1,
    /// The command line names something that is not there. Clap ends with the same code for what it finds itself.
    Usage = 2,
    /// A recipe or another file of the tree is invalid.
    Invalid = 10,
    /// A lock, the ledger or a generated file is out of date.
    OutOfDate = 11,
    /// A source could not be had, or had other bytes than pinned; or the package index is an old one.
    Source = 20,
    /// A build step failed, or a check of its output found something.
    Build = 30,
    /// Not reproducible.
    Differs = 40,
    /// It could not be decided whether it reproduces.
    Unchecked = 41,
    /// A boot test failed.
    Boot = 42,
    /// A host tool is missing or too old.
    Host = 50,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

impl Exit {
    /// An error with this message that ends the program with this code.
    pub fn error(self, message: String) -> anyhow::Error {
        anyhow::Error::new(Coded(self)).context(message)
    }
}

/// Carries an exit code in an error's chain; says nothing itself.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("exit code {}", .0.to_owned() as u8)]
pub struct Coded(pub Exit);
