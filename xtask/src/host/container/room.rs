//! How much of the disk a build occupies. A walk through its tree is dear, so there is one only when the disk as a whole has lost
//! as much room as one build may take.

use std::time::{Duration, Instant};

use anyhow::Result;
use ashlar_core::sandbox::limits::{DISK, too_much_disk};
use camino::{Utf8Path, Utf8PathBuf};

use crate::exit::Exit;
use crate::host::tree;

/// Between two walks.
const PAUSE: Duration = Duration::from_secs(5);

/// Watches one build's directory.
#[derive(Debug, Clone)]
pub struct Room {
    dir: Utf8PathBuf,
    /// Free bytes below which a walk is worth it.
    suspicious: u64,
    walked: Option<Instant>,
}

impl Room {
    /// Begins to watch `dir`.
    pub fn of(dir: &Utf8Path) -> Self {
        let suspicious = free(dir).map_or(u64::MAX, |free| free.saturating_sub(DISK));
        Self { dir: dir.to_owned(), suspicious, walked: None }
    }

    /// Looks at it.
    ///
    /// # Errors
    /// When the build occupies more than it may, or made a tree that cannot be walked through.
    pub fn look(&mut self) -> Result<()> {
        let recent = self.walked.is_some_and(|walked| walked.elapsed() < PAUSE);
        if recent || free(&self.dir)? > self.suspicious {
            return Ok(());
        }
        self.walked = Some(Instant::now());
        match tree::occupied(&self.dir)? {
            bytes if bytes > DISK => Err(Exit::Build.error(too_much_disk(bytes))),
            _ => Ok(()),
        }
    }
}

fn free(dir: &Utf8Path) -> Result<u64> {
    let disk = rustix::fs::statvfs(dir.as_std_path())?;
    Ok(disk.f_bfree * disk.f_frsize)
}
