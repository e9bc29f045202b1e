//! What is asked for.

use crate::getopt::Parsed;
use crate::paths::Paths;
use crate::process::Pattern;

/// The command line, resolved.
pub struct Request {
    /// Its options and words.
    pub parsed: Parsed,
    /// The program's path inside the new root.
    pub exec: Option<String>,
    /// Criteria for its processes, seen from here.
    pub pattern: Pattern,
    /// The arguments of the program.
    pub args: Vec<String>,
    /// Its pid file, seen from here.
    pub pidfile: Option<String>,
    /// The service that this is for.
    pub service: Option<String>,
    /// Where everything is.
    pub paths: Paths,
}
