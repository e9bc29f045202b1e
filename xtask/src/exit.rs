//! Exit codes: a documented part of the interface. The place where an error arises attaches its code, or its type has one
//! (`report::failure`). `docs/cli.md` and the manual pages list them from here.

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
    /// A source could not be fetched, or had other bytes than pinned; or the package index is an old one.
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
    /// Ctrl-C or SIGTERM ended it.
    Stopped = 130,
}

impl Exit {
    /// All codes, in ascending order.
    pub const ALL: [Self; 12] = [
        Self::Good,
        Self::Broken,
        Self::Usage,
        Self::Invalid,
        Self::OutOfDate,
        Self::Source,
        Self::Build,
        Self::Differs,
        Self::Unchecked,
        Self::Boot,
        Self::Host,
        Self::Stopped,
    ];

    /// What a script that got this code may conclude.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Good => "The command did what it was asked, and found nothing wrong.",
            Self::Broken => "Something unforeseen failed: input or output, or a bug of xtask.",
            Self::Usage => "The command line is wrong.",
            Self::Invalid => "A recipe or another file of the tree is invalid.",
            Self::OutOfDate => "A lock file, the ledger, an inventory or a generated file is out of date.",
            Self::Source => {
                "A source could not be fetched, or is not the pinned one; or the package index is older than the committed one."
            }
            Self::Build => {
                "A build step, or a command that it needs, failed; or a check of its output found something."
            }
            Self::Differs => {
                "A build did not reproduce, or made other bytes than the ledger has for the same inputs; or `oracle` found a \
                 difference without a documented reason."
            }
            Self::Unchecked => {
                "It could not be decided: the second build failed or lacked a source, this host cannot start a machine, the real \
                 OpenRC is missing, or a grader did not run."
            }
            Self::Boot => "A boot test failed, or a grader's target was missed.",
            Self::Host => "A host tool is missing or too old.",
            Self::Stopped => "Ctrl-C or SIGTERM ended the command. What was built is kept.",
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_listed_once() {
        let codes = Exit::ALL.map(|exit| exit as u8);
        assert!(codes.is_sorted_by(|a, b| a < b), "{codes:?}");
        // The compiler asks for a meaning of each; a code that `ALL` lacks would be missing from the pages.
        let source = include_str!("exit.rs").split("pub enum Exit").nth(1).unwrap().split('}').next().unwrap();
        assert_eq!(source.matches(" = ").count(), codes.len());
    }
}
