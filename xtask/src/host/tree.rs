//! Trees on disk: inventory, layer out of a tree, tree out of a layer. No symlink is ever followed.
//!
//! It refuses everything but files, directories and symlinks, and normalises modes and owners, so that no trace of the builder's file
//! system reaches a layer. `ashlar_core::formats::layer` is the form of a layer.

mod scan;
mod unpack;
mod walk;

pub use scan::{Directory, scan};
pub use unpack::{DamagedEntry, unpack_layer};
pub use walk::{give, occupied};

use std::io::{self, BufWriter, Write as _};

use anyhow::{Context as _, Result};
use ashlar_core::base::digest::{Digest, Hasher};
use ashlar_core::base::name::Epoch;
use ashlar_core::formats::layer;
use ashlar_core::formats::manifest::{Manifest, ManifestEntry};
use camino::Utf8Path;

/// Writes the entries of `manifest`, contents from below `root`, as a layer to `out`; gives its digest.
///
/// `out` appears complete or not at all, and is on the disk when this returns. Fails when a file is not what the manifest says.
pub fn write_layer(root: &Utf8Path, manifest: &Manifest, epoch: Epoch, out: &Utf8Path) -> Result<Digest> {
    let doing = || format!("writing the layer {out}");
    let folder = out.parent().with_context(|| format!("{out} has no directory"))?;
    let mut file = tempfile::Builder::new().prefix(".layer-").tempfile_in(folder).with_context(doing)?;
    let directory = Directory::new(root);
    let writer = Hashing { out: BufWriter::with_capacity(1 << 20, file.as_file_mut()), hasher: Hasher::default() };
    let open = |entry: &ManifestEntry| -> io::Result<Box<dyn io::Read>> { Ok(Box::new(directory.open(&entry.path)?)) };
    let mut writer = layer::write(manifest, epoch, writer, open).with_context(doing)?;
    writer.flush().with_context(doing)?;
    let digest = writer.finish();
    file.as_file().sync_all().with_context(doing)?;
    file.persist(out).with_context(doing)?;
    sync_directory(folder).with_context(doing)?;
    Ok(digest)
}

/// One file out of a layer whose digest must be `expected`.
pub fn read_file(layer: &Utf8Path, expected: Digest, path: &str) -> Result<Vec<u8>> {
    let bytes = fs_err::read(layer)?;
    let found = Digest::of(&bytes);
    if found != expected {
        return Err(DamagedEntry { layer: layer.to_owned(), expected, found }.into());
    }
    let mut reader = layer::LayerReader::new(bytes.as_slice());
    while let Some(entry) = reader.next_entry()? {
        if entry.path == path {
            let mut content = Vec::new();
            io::Read::read_to_end(&mut reader.content(), &mut content)?;
            return Ok(content);
        }
    }
    anyhow::bail!("there is no /{path} in {layer}")
}

fn sync_directory(path: &Utf8Path) -> io::Result<()> {
    fs_err::File::open(path)?.sync_all()
}

/// Hashes what passes through.
struct Hashing<W> {
    out: W,
    hasher: Hasher,
}

impl<W> Hashing<W> {
    fn finish(self) -> Digest {
        self.hasher.finish()
    }
}

impl<W: io::Write> io::Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.out.write(bytes)?;
        self.hasher.update(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests;
