//! Errors for the person who meets them: what, where, why, and what to do now.

use std::fmt;
use std::io;
use std::path::Path;

/// One failure, as a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem(pub String);

/// The result of anything that can fail.
pub type Outcome<T> = Result<T, Problem>;

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// A failure from a message.
pub fn problem<T>(message: impl Into<String>) -> Outcome<T> {
    Err(Problem(message.into()))
}

/// Adds what the program was doing when the system refused.
pub trait Doing<T> {
    /// `what` is a phrase such as "reading the index".
    fn doing(self, what: &str) -> Outcome<T>;

    /// The same with a path.
    fn doing_at(self, what: &str, path: &Path) -> Outcome<T>;
}

impl<T> Doing<T> for io::Result<T> {
    fn doing(self, what: &str) -> Outcome<T> {
        self.map_err(|error| Problem(format!("{what}: {error}")))
    }

    fn doing_at(self, what: &str, path: &Path) -> Outcome<T> {
        self.map_err(|error| Problem(format!("{what} {}: {error}", path.display())))
    }
}
