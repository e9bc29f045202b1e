//! The sha256 of files.

use std::io::{self, BufReader};

use anyhow::Result;
use ashlar_core::base::digest::{Digest, Hasher};
use camino::Utf8Path;

/// Bytes that are read at once.
const BUFFER: usize = 1 << 18;

/// The sha256 and the size of a file's bytes.
pub fn of_file(path: &Utf8Path) -> Result<(Digest, u64)> {
    let mut hasher = Hasher::default();
    let mut file = BufReader::with_capacity(BUFFER, fs_err::File::open(path)?);
    let size = io::copy(&mut file, &mut hasher)?;
    Ok((hasher.finish(), size))
}
