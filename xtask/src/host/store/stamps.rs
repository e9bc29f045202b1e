//! Which files of the store were hashed before, by this run or an earlier one, and have not been written since.
//!
//! Without stamps, a run with nothing to do would read every file of the store. Code that uses a file still hashes what it reads; a
//! stamp only saves reading the files that are not used.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::Result;
use ashlar_core::base::digest::Digest;
use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};

/// What a file system changes when a file is written or replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Stamp {
    inode: u64,
    bytes: u64,
    /// Seconds and nanoseconds.
    written: (i64, i64),
    changed: (i64, i64),
    digest: Digest,
}

impl Stamp {
    fn of(path: &Utf8Path, digest: Digest) -> Option<Self> {
        let about = path.symlink_metadata().ok()?;
        Some(Self {
            inode: about.ino(),
            bytes: about.size(),
            written: (about.mtime(), about.mtime_nsec()),
            changed: (about.ctime(), about.ctime_nsec()),
            digest,
        })
    }
}

/// Stamps by path, kept in a file of the store.
#[derive(Debug)]
pub struct Stamps {
    file: Utf8PathBuf,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    stamps: BTreeMap<Utf8PathBuf, Stamp>,
    /// Those that the file does not have yet.
    fresh: BTreeMap<Utf8PathBuf, Stamp>,
}

impl Stamps {
    /// The stamps in `file`; none when it is not there or damaged, for it only saves time.
    pub fn open(file: Utf8PathBuf) -> Self {
        let known = Known { stamps: read(&file), fresh: BTreeMap::new() };
        Self { file, known: Mutex::new(known) }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the file at `path` was found to have this digest, and was not written since.
    pub fn hold(&self, path: &Utf8Path, digest: &Digest) -> bool {
        let known = self.known();
        let stamp = known.fresh.get(path).or_else(|| known.stamps.get(path));
        stamp.is_some_and(|stamp| stamp.digest == *digest && Stamp::of(path, *digest) == Some(*stamp))
    }

    /// Notes that a file was found to have this digest.
    pub fn note(&self, path: &Utf8Path, digest: Digest) {
        if let Some(stamp) = Stamp::of(path, digest) {
            self.known().fresh.insert(path.to_owned(), stamp);
        }
    }

    /// Writes what is new, beside what other runs wrote meanwhile; what is gone is left out.
    fn save(&self) -> Result<()> {
        let fresh = std::mem::take(&mut self.known().fresh);
        if fresh.is_empty() {
            return Ok(());
        }
        let mut all = read(&self.file);
        all.extend(fresh);
        all.retain(|path, _| path.exists());
        let parent = self.file.parent().unwrap_or(Utf8Path::new("."));
        let file = tempfile::NamedTempFile::new_in(parent)?;
        fs_err::write(file.path(), serde_json::to_vec(&all)?)?;
        file.persist(&self.file)?;
        Ok(())
    }
}

impl Drop for Stamps {
    fn drop(&mut self) {
        if let Err(error) = self.save() {
            eprintln!("warning: {} is not written, so the next run hashes more: {error:#}", self.file);
        }
    }
}

fn read(file: &Utf8Path) -> BTreeMap<Utf8PathBuf, Stamp> {
    fs_err::read(file).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_holds_until_the_file_is_written() {
        let guard = tempfile::tempdir().unwrap();
        let dir = Utf8Path::from_path(guard.path()).unwrap();
        let (path, file) = (dir.join("x"), dir.join("stamps"));
        fs_err::write(&path, "bytes").unwrap();
        let digest = Digest::of("bytes");
        let stamps = Stamps::open(file.clone());
        assert!(!stamps.hold(&path, &digest));
        stamps.note(&path, digest);
        assert!(stamps.hold(&path, &digest) && !stamps.hold(&path, &Digest::of("other")));
        drop(stamps);
        assert!(Stamps::open(file.clone()).hold(&path, &digest));
        fs_err::write(&path, "bytez").unwrap();
        assert!(!Stamps::open(file.clone()).hold(&path, &digest));
        // Replaced by a file with the same bytes: it is hashed again.
        fs_err::remove_file(&path).unwrap();
        fs_err::write(&path, "bytes").unwrap();
        assert!(!Stamps::open(file.clone()).hold(&path, &digest));
        fs_err::write(&file, "{ damaged").unwrap();
        assert!(!Stamps::open(file).hold(&path, &digest));
    }
}
