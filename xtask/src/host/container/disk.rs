//! How much of the disk a build occupies, in its directory and its log. A walk through its tree is slow, so one happens only when the
//! disk as a whole has lost as much room as one build may take. A walk does not find a deleted file that is still open: so a build
//! ends before the disk is full, whatever the walk finds.

use std::os::unix::fs::MetadataExt as _;
use std::time::{Duration, Instant};

use anyhow::Result;
use ashlar_core::model::sandbox::limits::{DISK, DISK_LEFT, no_room_left, too_much_disk};
use camino::{Utf8Path, Utf8PathBuf};

use crate::exit::Exit;
use crate::host::tree;

/// Between two walks.
const PAUSE: Duration = Duration::from_secs(5);

/// Watches one build's directory.
#[derive(Debug, Clone)]
pub struct DiskWatch {
    dir: Utf8PathBuf,
    /// Free bytes below which a walk is worth it.
    suspicious: u64,
    /// Free bytes below which it ends.
    least: u64,
    walked: Option<Instant>,
}

impl DiskWatch {
    /// Begins to watch `dir`.
    pub fn of(dir: &Utf8Path) -> Self {
        let free = free(dir).unwrap_or(u64::MAX);
        // Less than twice that is no disk to build on: there whoever meets its end says so.
        let least = if free > 2 * DISK_LEFT { DISK_LEFT } else { 0 };
        Self { dir: dir.to_owned(), suspicious: free.saturating_sub(DISK).max(least), least, walked: None }
    }

    /// Looks at it, and at the log that its commands write.
    ///
    /// # Errors
    /// When the build occupies more than it may, when the disk is nearly full, or when its tree cannot be walked through.
    pub fn look(&mut self, log: &Utf8Path) -> Result<()> {
        let free = free(&self.dir)?;
        if free < self.least {
            return Err(Exit::Build.error(no_room_left(free)));
        }
        let recent = self.walked.is_some_and(|walked| walked.elapsed() < PAUSE);
        if recent || free > self.suspicious {
            return Ok(());
        }
        self.walked = Some(Instant::now());
        // Blocks of 512 bytes, whatever the disk has. A log that does not exist yet occupies nothing.
        let log = log.metadata().map_or(0, |meta| meta.blocks() * 512);
        match tree::occupied(&self.dir)? + log {
            bytes if bytes > DISK => Err(Exit::Build.error(too_much_disk(bytes))),
            _ => Ok(()),
        }
    }
}

fn free(dir: &Utf8Path) -> Result<u64> {
    let disk = rustix::fs::statvfs(dir.as_std_path())?;
    Ok(disk.f_bfree * disk.f_frsize)
}
