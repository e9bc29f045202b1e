//! Puts a layer's files into a directory, verifying the layer while it is read.

use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result, bail};
use ashlar_core::base::digest::{Digest, Hasher};
use ashlar_core::formats::layer::{LayerEntry, LayerKind, LayerReader};
use camino::{Utf8Path, Utf8PathBuf};
use fs_err::os::unix::fs::OpenOptionsExt as _;

/// A store entry whose bytes are not what its name says. The entry is to be dropped and made again.
#[derive(Debug, thiserror::Error)]
#[error("{layer} is damaged: its sha256 is {found}, expected {expected}")]
pub struct DamagedEntry {
    /// The layer's file.
    pub layer: Utf8PathBuf,
    /// The digest it is stored under.
    pub expected: Digest,
    /// The digest of its bytes.
    pub found: Digest,
}

/// Unpacks a layer into `dest`, which may hold other packages already; directories may be shared, nothing else.
///
/// When the layer's digest is not `expected`, everything this call made is removed and the error is a [`DamagedEntry`].
pub fn unpack_layer(layer: &Utf8Path, expected: Digest, dest: &Utf8Path) -> Result<()> {
    let file = fs_err::File::open(layer)?;
    let mut input = Hashing { input: io::BufReader::with_capacity(1 << 20, file), hasher: Hasher::default() };
    let mut made = UnpackedPaths::default();
    made.directory(dest)?;
    let unpacked = unpack(&mut input, dest, &mut made);
    // The rest after an error, so that the digest says whether the layer or the writing is at fault.
    let drained = io::copy(&mut input, &mut io::sink()).with_context(|| format!("reading {layer}"));
    let found = input.hasher.finish();
    let result = match drained {
        Err(error) => Err(error),
        Ok(_) if found != expected => Err(DamagedEntry { layer: layer.to_owned(), expected, found }.into()),
        Ok(_) => unpacked.with_context(|| format!("unpacking {layer} into {dest}")),
    };
    match result {
        Ok(()) => Ok(()),
        Err(error) => Err(made.remove(error)),
    }
}

fn unpack(input: &mut impl Read, dest: &Utf8Path, made: &mut UnpackedPaths) -> Result<()> {
    let mut reader = LayerReader::new(input);
    while let Some(entry) = reader.next_entry()? {
        // The reader has checked that the path stays inside and that each directory above it came before in this layer;
        // `made.directory` has checked that each of those is a real directory here. So joining cannot lead elsewhere.
        let path = dest.join(&entry.path);
        match &entry.kind {
            LayerKind::Dir => made.directory(&path)?,
            LayerKind::Symlink { target } => {
                fs_err::os::unix::fs::symlink(target, &path).map_err(|error| conflict(error, &entry))?;
                made.paths.push((path, false));
            }
            LayerKind::File { .. } => {
                let mut file = fs_err::OpenOptions::new()
                    .write(true)
                    .create_new(true)
                    .mode(0o600)
                    .open(&path)
                    .map_err(|error| conflict(error, &entry))?;
                made.paths.push((path, false));
                io::copy(&mut reader.content(), &mut file).with_context(|| format!("writing {}", entry.path))?;
                file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(entry.mtime))?;
                file.set_permissions(std::fs::Permissions::from_mode(entry.mode))?;
            }
        }
    }
    Ok(())
}

fn conflict(error: io::Error, entry: &LayerEntry) -> anyhow::Error {
    match error.kind() {
        io::ErrorKind::AlreadyExists => {
            anyhow::anyhow!("`{}` is there already: two packages hold the same path", entry.path)
        }
        _ => anyhow::Error::new(error),
    }
}

/// What one call has made, so that it can be taken back.
#[derive(Debug, Default)]
struct UnpackedPaths {
    /// Path and "is a directory", in the order they were made.
    paths: Vec<(Utf8PathBuf, bool)>,
}

impl UnpackedPaths {
    fn directory(&mut self, path: &Utf8Path) -> Result<()> {
        match fs_err::create_dir(path) {
            Ok(()) => {
                self.paths.push((path.to_owned(), true));
                // Not the entry's mode: a directory that its owner cannot write could not be filled or removed.
                Ok(fs_err::set_permissions(path, std::fs::Permissions::from_mode(0o755))?)
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                if fs_err::symlink_metadata(path)?.is_dir() {
                    return Ok(());
                }
                bail!("`{path}` exists already and is not a directory: two packages disagree about it");
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Removes everything, latest first; gives the error back with what could not be removed.
    fn remove(self, error: anyhow::Error) -> anyhow::Error {
        let mut stuck = Vec::new();
        for (path, directory) in self.paths.iter().rev() {
            let removed = if *directory { fs_err::remove_dir(path) } else { fs_err::remove_file(path) };
            stuck.extend(removed.err().map(|error| error.to_string()));
        }
        if stuck.is_empty() { error } else { error.context(format!("could not clean up: {}", stuck.join("; "))) }
    }
}

/// Hashes what passes through.
struct Hashing<R> {
    input: R,
    hasher: Hasher,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(buffer)?;
        self.hasher.update(&buffer[..count]);
        Ok(count)
    }
}
