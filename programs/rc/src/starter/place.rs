//! Where the starter listens, and who needs it: what both sides know.

use crate::paths::Paths;
use std::path::PathBuf;
use std::time::Duration;

/// A request must be complete after this.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// Set for what the starter runs, which asks nobody else again. A caller who sets it himself runs his command himself.
pub const STARTED: &str = "RC_OF_STARTER";

/// As the kernel writes it where nobody logged in.
const NOBODY: &str = "4294967295";

/// Closed to all but root: whoever reaches the socket starts services.
pub fn directory(paths: &Paths) -> PathBuf {
    paths.state.join("starter")
}

/// Whether audit has a number of a login for this process. A kernel without audit has none for anybody.
pub fn is_of_a_login(paths: &Paths) -> bool {
    let number = std::fs::read_to_string(paths.root.join("proc/self/loginuid")).unwrap_or_default();
    !matches!(number.trim_end(), "" | NOBODY)
}

pub fn socket(paths: &Paths) -> PathBuf {
    directory(paths).join("socket")
}
