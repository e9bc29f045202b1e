//! Reads layers from untrusted bytes: constant memory, no panic, one spelling accepted.

use std::collections::BTreeMap;
use std::io::{self, Read};

use super::header::{BLOCK, Header, MAX_OCTAL, checksum};
use crate::base::digest::Hasher;
use crate::formats::manifest::{EntryKind, Manifest, ManifestEntry, check_path, parents};

/// PAX records larger than this are refused, in bytes; paths end at 4096.
const MAX_RECORDS: u64 = 64 * 1024;
/// A file larger than this is refused, in bytes: nothing we build comes near.
const MAX_FILE: u64 = 1 << 40;

/// What a layer says about one path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerEntry {
    /// Path relative to the root, checked: it stays inside, and its directory came before.
    pub path: String,
    /// Permission bits.
    pub mode: u32,
    /// What it is.
    pub kind: LayerKind,
    /// Seconds since 1970.
    pub mtime: u64,
    /// Where its first header begins, in bytes.
    pub offset: u64,
    /// PAX records were needed.
    pub extended: bool,
}

/// What a path in a layer is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LayerKind {
    /// A directory.
    Dir,
    /// A file; its bytes come from [`LayerReader::content`].
    File {
        /// Length in bytes.
        size: u64,
    },
    /// A symbolic link.
    Symlink {
        /// The link's text.
        target: String,
    },
}

impl LayerKind {
    /// One short word for dumps.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Dir => "dir",
            Self::File { .. } => "file",
            Self::Symlink { .. } => "symlink",
        }
    }
}

/// Why a layer is refused, and where.
#[derive(Debug, thiserror::Error)]
#[error("the layer is damaged at byte {offset}: {reason}")]
pub struct LayerError {
    offset: u64,
    #[source]
    reason: Reason,
}

/// What is wrong with a layer.
#[derive(Debug, thiserror::Error)]
pub enum Reason {
    /// Reading failed; includes an early end.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The header's sum is wrong.
    #[error("the header's checksum is {found:?}, its bytes sum up to {expected}")]
    Checksum {
        /// What the header says.
        found: Option<u64>,
        /// What it should say.
        expected: u32,
    },
    /// Anything that we never write.
    #[error("{0}")]
    Form(String),
}

impl LayerError {
    pub(super) fn new(offset: u64, reason: Reason) -> Self {
        Self { offset, reason }
    }
}

fn form<T>(text: impl Into<String>) -> Result<T, Reason> {
    Err(Reason::Form(text.into()))
}

/// Reads a layer entry by entry.
#[derive(Debug)]
pub struct LayerReader<R: Read> {
    input: R,
    offset: u64,
    /// Bytes of the current file's content not read yet, and of its padding.
    content: u64,
    padding: u64,
    /// Path to "is a directory".
    seen: BTreeMap<String, bool>,
    finished: bool,
}

impl<R: Read> LayerReader<R> {
    /// A reader at the beginning of a layer.
    pub fn new(input: R) -> Self {
        Self { input, offset: 0, content: 0, padding: 0, seen: BTreeMap::new(), finished: false }
    }

    /// Bytes consumed so far.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The next entry, or `None` after a proper end. Content not read is skipped.
    pub fn next_entry(&mut self) -> Result<Option<LayerEntry>, LayerError> {
        if self.finished {
            return Ok(None);
        }
        let result = self.advance();
        // After an error the position means nothing: the reader stays at its end.
        self.finished = !matches!(result, Ok(Some(_)));
        result.map_err(|reason| LayerError::new(self.offset, reason))
    }

    /// The current file's bytes; empty for everything else.
    pub fn content(&mut self) -> Content<'_, R> {
        Content(self)
    }

    fn advance(&mut self) -> Result<Option<LayerEntry>, Reason> {
        io::copy(&mut self.content(), &mut io::sink())?;
        let padding = std::mem::take(&mut self.padding);
        if self.take(padding as usize)?.iter().any(|byte| *byte != 0) {
            return form("the padding after a file is not zero");
        }
        let start = self.offset;
        let mut block = self.block()?;
        if block == [0; BLOCK] {
            return self.end().map(|()| None);
        }
        let mut records = Vec::new();
        if block[156] == b'x' {
            let size = octal(&block[124..136]).unwrap_or(0);
            if size == 0 || size > MAX_RECORDS {
                return form(format!("PAX records of {size} bytes"));
            }
            let raw = self.take((size as usize).next_multiple_of(BLOCK))?;
            records.extend_from_slice(&block);
            records.extend_from_slice(&raw);
            block = self.block()?;
        }
        let mut entry = decode(&block, &records)?;
        entry.offset = start;
        if let LayerKind::File { size } = entry.kind {
            self.content = size;
            self.padding = size.next_multiple_of(BLOCK as u64) - size;
        }
        self.admit(&entry)?;
        Ok(Some(entry))
    }

    /// Refuses duplicates and paths whose directory did not come before.
    fn admit(&mut self, entry: &LayerEntry) -> Result<(), Reason> {
        check_path(&entry.path).map_err(|error| Reason::Form(error.to_string()))?;
        if let Some(parent) = parents(&entry.path).find(|parent| self.seen.get(*parent) != Some(&true)) {
            return form(format!("`{}` comes before its directory `{parent}`", entry.path));
        }
        if self.seen.insert(entry.path.clone(), entry.kind == LayerKind::Dir).is_some() {
            return form(format!("`{}` is in the layer twice", entry.path));
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), Reason> {
        if self.block()? != [0; BLOCK] {
            return form("one zero block where the end has two");
        }
        match self.input.read(&mut [0])? {
            0 => Ok(()),
            _ => form("there are bytes after the end"),
        }
    }

    fn block(&mut self) -> Result<[u8; BLOCK], Reason> {
        let mut block = [0; BLOCK];
        self.input.read_exact(&mut block)?;
        self.offset += BLOCK as u64;
        Ok(block)
    }

    /// At most 64 KiB and a block: the callers have checked.
    fn take(&mut self, length: usize) -> Result<Vec<u8>, Reason> {
        let mut bytes = vec![0; length];
        self.input.read_exact(&mut bytes)?;
        self.offset += length as u64;
        Ok(bytes)
    }
}

/// The bytes of the current file.
#[derive(Debug)]
pub struct Content<'a, R: Read>(&'a mut LayerReader<R>);

impl<R: Read> Read for Content<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let limit = usize::try_from(self.0.content).unwrap_or(usize::MAX).min(buffer.len());
        if limit == 0 {
            return Ok(0);
        }
        let count = self.0.input.read(&mut buffer[..limit])?;
        if count == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the layer ends inside a file"));
        }
        self.0.content -= count as u64;
        self.0.offset += count as u64;
        Ok(count)
    }
}

/// The values of a header and the records before it. Everything is encoded again and compared, so nothing that we would
/// write differently, and no field that we do not look at, gets through.
fn decode(block: &[u8; BLOCK], records: &[u8]) -> Result<LayerEntry, Reason> {
    let (expected, found) = (checksum(block), octal(&block[148..155]));
    if found != Some(u64::from(expected)) {
        return Err(Reason::Checksum { found, expected });
    }
    let pax = parse_records(records.get(BLOCK..).unwrap_or_default())?;
    let field = |range: std::ops::Range<usize>| {
        let bytes = &block[range];
        let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
        std::str::from_utf8(&bytes[..end]).or_else(|_| form("a name is not UTF-8"))
    };
    let (name, prefix) = (field(0..100)?, field(345..500)?);
    let path = match pax.get("path") {
        Some(path) => path.clone(),
        None if prefix.is_empty() => name.to_owned(),
        None => format!("{prefix}/{name}"),
    };
    let target = match pax.get("linkpath") {
        Some(target) => target.clone(),
        None => field(157..257)?.to_owned(),
    };
    let Some((mode, octal_size, mtime)) = octal(&block[100..108])
        .zip(octal(&block[124..136]))
        .zip(octal(&block[136..148]))
        .map(|((mode, size), mtime)| (mode as u32, size, mtime))
    else {
        return form("a number in the header is not octal");
    };
    let size = match pax.get("size") {
        Some(text) => text.parse().or_else(|_| form("the size record is not a number"))?,
        None => octal_size,
    };
    if size > MAX_FILE || mode > 0o7777 || mtime > MAX_OCTAL {
        return form(format!("`{path}` has size {size}, mode {mode:o} and time {mtime}: out of range"));
    }
    let typeflag = block[156];
    let path = if typeflag == b'5' { path.strip_suffix('/').unwrap_or(&path).to_owned() } else { path };
    let again = Header { path: &path, mode, typeflag, target: &target, size, mtime }.encode();
    if again.len() != records.len() + BLOCK || !again.starts_with(records) || !again.ends_with(block) {
        return form(format!("the header of `{path}` is written in another way than ours"));
    }
    let kind = match (typeflag, size, target.is_empty()) {
        (b'5', 0, true) => LayerKind::Dir,
        (b'0', _, true) => LayerKind::File { size },
        (b'2', 0, false) => LayerKind::Symlink { target },
        _ => return form(format!("`{path}` has type `{}`, which is not used here", typeflag.escape_ascii())),
    };
    Ok(LayerEntry { path, mode, kind, mtime, offset: 0, extended: !records.is_empty() })
}

fn parse_records(mut bytes: &[u8]) -> Result<BTreeMap<&str, String>, Reason> {
    let mut records = BTreeMap::new();
    while bytes.first().is_some_and(|byte| *byte != 0) {
        let Some((record, rest)) = split_record(bytes) else {
            return form("a PAX record is not `<length> <key>=<value>`");
        };
        records.insert(record.0, record.1.to_owned());
        bytes = rest;
    }
    Ok(records)
}

fn split_record(bytes: &[u8]) -> Option<((&str, &str), &[u8])> {
    let space = bytes.iter().position(|byte| *byte == b' ')?;
    let length: usize = std::str::from_utf8(&bytes[..space]).ok()?.parse().ok()?;
    let text = std::str::from_utf8(bytes.get(space + 1..length)?).ok()?;
    Some((text.strip_suffix('\n')?.split_once('=')?, &bytes[length..]))
}

/// Octal digits up to a NUL; `None` when there is anything else.
fn octal(field: &[u8]) -> Option<u64> {
    let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
    let text = std::str::from_utf8(&field[..end]).ok()?;
    if text.starts_with('+') { None } else { u64::from_str_radix(text, 8).ok() }
}

/// The manifest of a whole layer, every file hashed.
pub fn read_manifest(input: impl Read) -> Result<Manifest, LayerError> {
    let mut reader = LayerReader::new(input);
    let mut entries = Vec::new();
    while let Some(LayerEntry { path, mode, kind, .. }) = reader.next_entry()? {
        let kind = match kind {
            LayerKind::Dir => EntryKind::Dir,
            LayerKind::Symlink { target } => EntryKind::Symlink { target },
            LayerKind::File { size } => {
                let mut hasher = Hasher::default();
                let at = reader.offset();
                io::copy(&mut reader.content(), &mut hasher).map_err(|error| LayerError::new(at, error.into()))?;
                EntryKind::File { size, sha256: hasher.finish() }
            }
        };
        entries.push(ManifestEntry { path, mode, kind, elf: None });
    }
    let end = reader.offset();
    Manifest::sorted(entries).map_err(|error| LayerError::new(end, Reason::Form(error.to_string())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(headers: &[Header<'_>]) -> String {
        let mut bytes: Vec<u8> = headers.iter().flat_map(Header::encode).collect();
        bytes.extend([0; 2 * BLOCK]);
        read_manifest(&bytes[..]).map_or_else(|error| error.to_string(), |_| "accepted".to_owned())
    }

    fn header(path: &str, typeflag: u8) -> Header<'_> {
        Header { path, mode: 0o644, typeflag, target: "", size: 0, mtime: 0 }
    }

    #[test]
    fn refuses_traversal_duplicates_and_devices() {
        assert_eq!(refusal(&[header("a", b'0')]), "accepted");
        assert!(refusal(&[header("../a", b'0')]).contains("contains `..`"));
        assert!(refusal(&[header("/a", b'0')]).contains("absolute"));
        assert!(refusal(&[header("a", b'0'), header("a", b'0')]).contains("twice"));
        assert!(refusal(&[header("a/b", b'0')]).contains("before its directory `a`"));
        assert!(refusal(&[header("null", b'3')]).contains("type `3`"));
        let link = Header { target: "/etc", ..header("a", b'2') };
        assert!(refusal(&[link, header("a/passwd", b'0')]).contains("before its directory `a`"));
    }

    #[test]
    fn refuses_sizes_out_of_range_without_allocating() {
        let huge = Header { size: MAX_FILE + 1, ..header("a", b'0') };
        assert!(refusal(&[huge]).contains("out of range"));
        let absent = Header { size: MAX_FILE, ..header("a", b'0') };
        assert!(refusal(&[absent]).contains("ends inside a file"));
        let mut records = header("a", b'x').encode();
        records[124..136].copy_from_slice(b"77777777777\0");
        assert!(read_manifest(&records[..]).unwrap_err().to_string().contains("PAX records of 8589934591 bytes"));
    }

    #[test]
    fn refuses_other_spellings() {
        let mut gnu = header("a", b'0').encode();
        gnu[257..265].copy_from_slice(b"ustar  \0");
        let block: [u8; BLOCK] = gnu[..].try_into().unwrap();
        let sum = format!("{:06o}\0 ", checksum(&block));
        gnu[148..156].copy_from_slice(sum.as_bytes());
        gnu.extend([0; 2 * BLOCK]);
        assert!(read_manifest(&gnu[..]).unwrap_err().to_string().contains("another way than ours"));
        gnu[0] = b'b';
        assert!(read_manifest(&gnu[..]).unwrap_err().to_string().contains("checksum"));
    }

    #[test]
    fn stays_at_the_end_after_an_error() {
        let mut reader = LayerReader::new(&[1u8; 4][..]);
        assert!(reader.next_entry().is_err());
        assert!(matches!(reader.next_entry(), Ok(None)));
    }
}
