//! Writes layers: checks what it is given against the manifest while it copies.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};

use super::header::{BLOCK, Header};
use crate::base::digest::Hasher;
use crate::base::name::Epoch;
use crate::formats::manifest::{Entry, Kind, Manifest, check_entry, parents};

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
    pub fn append(&mut self, entry: &Entry, content: &mut dyn Read) -> io::Result<()> {
        let refuse = |message: String| io::Error::new(io::ErrorKind::InvalidData, message);
        check_entry(entry).map_err(|error| refuse(error.to_string()))?;
        for parent in parents(&entry.path) {
            if self.written.get(parent) != Some(&true) {
                return Err(refuse(format!("`{}` comes before its directory `{parent}`", entry.path)));
            }
        }
        if self.written.insert(entry.path.clone(), matches!(entry.kind, Kind::Dir)).is_some() {
            return Err(refuse(format!("`{}` is in the layer twice", entry.path)));
        }
        let (typeflag, target, size) = match &entry.kind {
            Kind::Dir => (b'5', "", 0),
            Kind::File { size, .. } => (b'0', "", *size),
            Kind::Symlink { target } => (b'2', target.as_str(), 0),
        };
        let header = Header { path: &entry.path, mode: entry.mode, typeflag, target, size, mtime: self.epoch.0 };
        self.out.write_all(&header.encode())?;
        match &entry.kind {
            Kind::File { size, sha256 } => self.copy(entry, *size, sha256, content),
            Kind::Dir | Kind::Symlink { .. } => Ok(()),
        }
    }

    fn copy(
        &mut self,
        entry: &Entry,
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
    mut open: impl FnMut(&Entry) -> io::Result<Box<dyn Read + 'a>>,
) -> io::Result<W> {
    let mut writer = LayerWriter::new(out, epoch);
    for entry in manifest.clone().with_parents().entries() {
        let mut content = match entry.kind {
            Kind::File { .. } => open(entry)?,
            Kind::Dir | Kind::Symlink { .. } => Box::new(io::empty()),
        };
        writer.append(entry, &mut content)?;
    }
    writer.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fails(entries: &[(Entry, &[u8])]) -> String {
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
        assert!(fails(&[(Entry::file("a/b", 0o644, b""), b"")]).contains("before its directory `a`"));
        assert!(fails(&[(Entry::symlink("a", "x"), b""), (Entry::dir("a/b"), b"")]).contains("before its directory"));
        assert!(fails(&[(Entry::dir("a"), b""), (Entry::dir("a"), b"")]).contains("twice"));
        assert!(fails(&[(Entry::dir("/a"), b"")]).contains("absolute"));
    }

    #[test]
    fn refuses_content_that_is_not_what_was_listed() {
        assert!(fails(&[(Entry::file("a", 0o644, b"four"), b"five!")]).contains("4 bytes were listed, 5 were read"));
        assert!(fails(&[(Entry::file("a", 0o644, b"four"), b"fou")]).contains("3 were read"));
        assert!(fails(&[(Entry::file("a", 0o644, b"four"), b"five")]).contains("changed while"));
    }
}
