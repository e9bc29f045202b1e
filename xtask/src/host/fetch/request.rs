//! The request for a file, the events of a fetch, and why one location failed.

use std::time::Duration;

use ashlar_core::base::digest::Digest;

use crate::host::mirror::Location;

/// No source is near this size: the largest, LLVM's, has 165 MB. A location that goes on and on would fill the disk before its
/// bytes are found to be the wrong ones.
const FILE_LIMIT: u64 = 2 << 30;

/// What a fetch tells while it works. Called from several threads.
pub trait FetchEvents: Sync {
    /// `done` bytes of `label` are here, of `total` when that is known.
    fn progress(&self, label: &str, done: u64, total: Option<u64>);
    /// Something worth knowing that is not an error.
    fn note(&self, text: &str);
    /// `label` is complete.
    fn done(&self, label: &str, bytes: u64);
}

/// A file that is needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Name for people, usually the file name.
    pub label: String,
    /// What its bytes must hash to.
    pub sha256: Digest,
    /// Its length in bytes, when known.
    pub size: Option<u64>,
    /// Where to look, in order.
    pub locations: Vec<Location>,
}

/// How long to wait, and how much to take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// For a connection.
    pub connect: Duration,
    /// For the next bytes of an answer.
    pub stall: Duration,
    /// Bytes of a file whose length is not known beforehand.
    pub file: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connect: Duration::from_secs(5), stall: Duration::from_secs(30), file: FILE_LIMIT }
    }
}

/// Why one location did not give the file.
pub(super) enum Failure {
    /// The location's fault: the next one is tried.
    Location(String),
    /// The location has other bytes than are wanted: the next one is tried.
    WrongBytes(String),
    /// No connection to the host: the next location is tried, and this host is not asked again.
    Unreachable(String),
    /// Our own disk's fault: no other location would help.
    Local(anyhow::Error),
}
