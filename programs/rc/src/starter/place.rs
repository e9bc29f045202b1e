//! Where the starter listens, and who needs it: what both sides know.

use crate::paths::Paths;
use std::path::PathBuf;
use std::time::Duration;

/// The time limit for a complete request.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// Set for the programs that the starter runs, which must not ask it again. A caller who sets it runs the command in
/// the own process.
pub const STARTED: &str = "RC_OF_STARTER";

/// The kernel's value for "not set".
const NOBODY: &str = "4294967295";

/// Only root can enter it: access to the socket starts services.
pub fn directory(paths: &Paths) -> PathBuf {
    paths.state.join("starter")
}

/// Whether this process has a login UID. A kernel without audit has none.
pub fn is_of_a_login(paths: &Paths) -> bool {
    let number = std::fs::read_to_string(paths.root.join("proc/self/loginuid")).unwrap_or_default();
    !matches!(number.trim_end(), "" | NOBODY)
}

pub fn socket(paths: &Paths) -> PathBuf {
    directory(paths).join("socket")
}
