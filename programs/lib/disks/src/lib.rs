//! The disks and the firmware's variables of the machine that runs. What they mean is decided in `slots`; the effects are here.
//!
//! - [`block`]: disks, as the kernel lists them;
//! - [`variables`]: the firmware's variables;
//! - [`installed`]: the disk that the running system was started from;
//! - [`slot_files`]: the steps of an update, on that disk.

pub mod block;
pub mod installed;
pub mod slot_files;
pub mod variables;

use std::io;
use std::path::Path;

/// An error that says which path it is about.
pub fn about(path: &Path) -> impl Fn(io::Error) -> io::Error + '_ {
    |error| io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
