//! Writes layers: checks what it is given against the manifest while it copies.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};

use super::header::{BLOCK, Header};
use crate::base::digest::Hasher;
use crate::base::name::Epoch;
use crate::formats::manifest::{EntryKind, Manifest, ManifestEntry, check_entry, parents};

/// Writes a layer entry by entry. The result is complete only after [`LayerWriter::finish`].
#[derive(Debug)]
pub struct LayerWriter<W: Write> {
    out: W,
    epoch: Epoch,
    /// Path to "is a directory".
    written: BTreeMap<String, bool>,
}

impl<W: Write> LayerWriter<W> {
    /// A writer whose every time is `epoch`.
    pub fn new(out: W, epoch: Epoch) -> Self {
        Self { out, epoch, written: BTreeMap::new() }
    }

    /// Adds an entry; `content` is read for files only, to its end.
    ///
    /// Fails when the parent was not added before, the path is a duplicate, or the content is not what the entry says.
    pub fn append(&mut self, entry: &ManifestEntry, content: &mut dyn Read) -> io::Result<()> {
        let refuse = |message: String| io::Error::new(io::ErrorKind::InvalidData, message);
        check_entry(entry).map_err(|error| refuse(error.to_string()))?;
        for parent in parents(&entry.path) {
            if self.written.get(parent) != Some(&true) {
                return Err(refuse(format!("`{}` comes before its directory `{parent}`", entry.path)));
            }
        }
        if self.written.insert(entry.path.clone(), matches!(entry.kind, EntryKind::Dir)).is_some() {
            return Err(refuse(format!("`{}` is in the layer twice", entry.path)));
        }
        let (typeflag, target, size) = match &entry.kind {
            EntryKind::Dir => (b'5', "", 0),
            EntryKind::File { size, .. } => (b'0', "", *size),
            EntryKind::Symlink { target } => (b'2', target.as_str(), 0),
        };
        let header = Header { path: &entry.path, mode: entry.mode, typeflag, target, size, mtime: self.epoch.0 };
        self.out.write_all(&header.encode())?;
        match &entry.kind {
            EntryKind::File { size, sha256 } => self.copy(entry, *size, sha256, content),
            EntryKind::Dir | EntryKind::Symlink { .. } => Ok(()),
        }
    }

    fn copy(
        &mut self,
        entry: &ManifestEntry,
        size: u64,
        expected: &crate::base::digest::Digest,
        content: &mut dyn Read,
    ) -> io::Result<()> {
        let mut hasher = Hasher::default();
        let mut buffer = vec![0u8; 128 * 1024];
        let mut copied = 0u64;
        loop {
            let count = match content.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            hasher.update(&buffer[..count]);
            self.out.write_all(&buffer[..count])?;
            copied += count as u64;
        }
        if copied != size || hasher.finish() != *expected {
            let path = &entry.path;
            let message = format!("`{path}` changed while it was packed: {size} bytes were listed, {copied} were read");
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        let padding = size.next_multiple_of(BLOCK as u64) - size;
        self.out.write_all(&[0u8; BLOCK][..padding as usize])
    }

    /// Writes the end and gives the output back, not flushed.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.write_all(&[0u8; 2 * BLOCK])?;
        Ok(self.out)
    }
}

/// Writes a whole layer: the manifest's entries and the directories above them, contents from `open`.
pub fn write<'a, W: Write>(
    manifest: &Manifest,
    epoch: Epoch,
    out: W,
    mut open: impl FnMut(&ManifestEntry) -> io::Result<Box<dyn Read + 'a>>,
) -> io::Result<W> {
    let mut writer = LayerWriter::new(out, epoch);
    for entry in manifest.clone().with_parents().entries() {
        let mut content = match entry.kind {
            EntryKind::File { .. } => open(entry)?,
            EntryKind::Dir | EntryKind::Symlink { .. } => Box::new(io::empty()),
        };
        writer.append(entry, &mut content)?;
    }
    writer.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fails(entries: &[(ManifestEntry, &[u8])]) -> String {
        let mut writer = LayerWriter::new(Vec::new(), Epoch(0));
        for (entry, content) in entries {
            if let Err(error) = writer.append(entry, &mut &content[..]) {
                return error.to_string();
            }
        }
        "no error".to_owned()
    }

    #[test]
    fn refuses_what_cannot_be_read_back() {
        assert!(fails(&[(ManifestEntry::file("a/b", 0o644, b""), b"")]).contains("before its directory `a`"));
        assert!(
            fails(&[(ManifestEntry::symlink("a", "x"), b""), (ManifestEntry::dir("a/b"), b"")])
                .contains("before its directory")
        );
        assert!(fails(&[(ManifestEntry::dir("a"), b""), (ManifestEntry::dir("a"), b"")]).contains("twice"));
        assert!(fails(&[(ManifestEntry::dir("/a"), b"")]).contains("absolute"));
    }

    #[test]
    fn refuses_content_that_is_not_what_was_listed() {
        assert!(
            fails(&[(ManifestEntry::file("a", 0o644, b"four"), b"five!")]).contains("4 bytes were listed, 5 were read")
        );
        assert!(fails(&[(ManifestEntry::file("a", 0o644, b"four"), b"fou")]).contains("3 were read"));
        assert!(fails(&[(ManifestEntry::file("a", 0o644, b"four"), b"five")]).contains("changed while"));
    }
}
