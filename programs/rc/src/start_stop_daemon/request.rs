//! What is asked for.

use crate::getopt::Parsed;
use crate::paths::Paths;
use crate::process::Pattern;

/// The command line, resolved.
pub struct Request {
    /// Its options and words.
    pub parsed: Parsed,
    /// The program, as it is called inside the new root.
    pub exec: Option<String>,
    /// What its processes look like from here.
    pub pattern: Pattern,
    /// The arguments of the program.
    pub args: Vec<String>,
    /// Where its number is, seen from here.
    pub pidfile: Option<String>,
    /// The service that this is for.
    pub service: Option<String>,
    /// Where everything is.
    pub paths: Paths,
}
