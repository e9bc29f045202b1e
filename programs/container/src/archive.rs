//! Reads tar streams: ustar, with the extensions of pax and GNU for long names and large numbers.
//!
//! The bytes are untrusted. [`crate::step`] decides what the name of an entry means.

use std::io::{self, Read};

use crate::problem::{Doing as _, Outcome, problem};

const BLOCK: usize = 512;
/// Extension headers are held in memory, so they have a limit.
const EXTENSION_LIMIT: u64 = 1 << 20;

/// The type of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A hard link to an earlier entry.
    HardLink,
    /// A symbolic link.
    Symlink,
    /// A directory.
    Directory,
    /// Devices, pipes and everything else.
    Special,
}

/// One entry's header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The name as written.
    pub name: Vec<u8>,
    /// Its type.
    pub kind: Kind,
    /// Target of a link, as written.
    pub link: Vec<u8>,
    /// Permission bits as written.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Seconds since 1970.
    pub mtime: i64,
    /// Bytes of content after the header.
    pub size: u64,
}

/// A stream of entries.
pub struct Archive<R> {
    stream: R,
    /// Content of the current entry and its padding, not read yet.
    content: u64,
    padding: u64,
    /// Bytes of the stream that were consumed.
    offset: u64,
}

/// What extension headers say about the next entry.
#[derive(Default)]
struct Extension {
    name: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    size: Option<u64>,
    uid: Option<u32>,
    gid: Option<u32>,
}

impl<R: Read> Archive<R> {
    /// Starts reading.
    pub fn new(stream: R) -> Self {
        Self { stream, content: 0, padding: 0, offset: 0 }
    }

    /// The offset of the current entry's content in the stream, until it is read.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The stream, at its present position.
    pub fn into_stream(self) -> R {
        self.stream
    }

    /// The next entry; `None` at the end. Skips the unread rest of the previous one.
    pub fn next_entry(&mut self) -> Outcome<Option<Entry>> {
        let mut extension = Extension::default();
        loop {
            self.skip()?;
            let Some(header) = self.header()? else { return Ok(None) };
            let field = |from: usize, len: usize| &header[from..from + len];
            let size = number(field(124, 12))?;
            match header[156] {
                b'x' => extension.read_pax(&self.extension(size)?)?,
                // Defaults for all entries: images do not need them.
                b'g' => self.expect(size),
                b'L' => extension.name = Some(until_nul(&self.extension(size)?).to_vec()),
                b'K' => extension.link = Some(until_nul(&self.extension(size)?).to_vec()),
                flag => return self.entry(&header, flag, size, extension).map(Some),
            }
        }
    }

    fn entry(&mut self, header: &[u8; BLOCK], flag: u8, size: u64, extension: Extension) -> Outcome<Entry> {
        let field = |from: usize, len: usize| &header[from..from + len];
        let kind = match flag {
            b'0' | 0 | b'7' => Kind::File,
            b'1' => Kind::HardLink,
            b'2' => Kind::Symlink,
            b'5' => Kind::Directory,
            _ => Kind::Special,
        };
        let mut name = until_nul(field(0, 100)).to_vec();
        if field(257, 6) == b"ustar\0" && header[345] != 0 {
            name = [until_nul(field(345, 155)), b"/", &name].concat();
        }
        let size = extension.size.unwrap_or(size);
        // Links and directories have no content, whatever their size field says; pax writers put the target's size there.
        let size = if matches!(kind, Kind::File | Kind::Special) { size } else { 0 };
        self.expect(size);
        let id = |given: Option<u32>, at: usize| match given {
            Some(id) => Ok(id),
            None => number(field(at, 8)).and_then(small),
        };
        Ok(Entry {
            name: extension.name.unwrap_or(name),
            kind,
            link: extension.link.unwrap_or_else(|| until_nul(field(157, 100)).to_vec()),
            mode: small(number(field(100, 8))?)? & 0o7777,
            uid: id(extension.uid, 108)?,
            gid: id(extension.gid, 116)?,
            mtime: number(field(136, 12)).map_or(0, |seconds| i64::try_from(seconds).unwrap_or(0)),
            size,
        })
    }

    /// The next header block, verified; `None` at the end of the archive.
    fn header(&mut self) -> Outcome<Option<[u8; BLOCK]>> {
        let mut block = [0; BLOCK];
        let mut filled = 0;
        while filled < BLOCK {
            match self.stream.read(&mut block[filled..]).doing("reading the archive")? {
                // Many writers omit the two empty blocks at the end.
                0 if filled == 0 => return Ok(None),
                0 => return problem("the archive ends in the middle of a header"),
                count => filled += count,
            }
        }
        self.offset += BLOCK as u64;
        if block.iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        let sum: u64 = block
            .iter()
            .enumerate()
            .map(|(at, byte)| u64::from(if (148..156).contains(&at) { b' ' } else { *byte }))
            .sum();
        if number(&block[148..156])? != sum {
            return problem(format!(
                "the header at byte {} of the archive has a wrong checksum",
                self.offset - BLOCK as u64
            ));
        }
        Ok(Some(block))
    }

    fn expect(&mut self, size: u64) {
        self.content = size;
        self.padding = (BLOCK as u64 - size % BLOCK as u64) % BLOCK as u64;
    }

    fn extension(&mut self, size: u64) -> Outcome<Vec<u8>> {
        if size > EXTENSION_LIMIT {
            return problem(format!("an extension header of {size} bytes; at most {EXTENSION_LIMIT} are read"));
        }
        self.expect(size);
        let mut bytes = Vec::new();
        self.read_to_end(&mut bytes).doing("reading an extension header")?;
        Ok(bytes)
    }

    fn skip(&mut self) -> Outcome<()> {
        io::copy(self, &mut io::sink()).doing("skipping content")?;
        let mut padding = (&mut self.stream).take(self.padding);
        let skipped = io::copy(&mut padding, &mut io::sink()).doing("skipping padding")?;
        self.offset += skipped;
        if skipped != self.padding {
            return problem("the archive ends in the middle of an entry");
        }
        self.padding = 0;
        Ok(())
    }
}

impl<R: Read> Read for Archive<R> {
    /// Content of the current entry.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = buffer.len().min(usize::try_from(self.content).unwrap_or(usize::MAX));
        if most == 0 {
            return Ok(0);
        }
        let count = self.stream.read(&mut buffer[..most])?;
        if count == 0 {
            return Err(io::Error::other("the archive ends in the middle of an entry"));
        }
        self.content -= count as u64;
        self.offset += count as u64;
        Ok(count)
    }
}

impl Extension {
    /// Records `LENGTH key=value\n`.
    fn read_pax(&mut self, mut bytes: &[u8]) -> Outcome<()> {
        while !bytes.is_empty() {
            let record = bytes.iter().position(|byte| *byte == b' ').and_then(|space| {
                let length: usize = std::str::from_utf8(&bytes[..space]).ok()?.parse().ok()?;
                let record = bytes.get(space + 1..length)?.strip_suffix(b"\n")?;
                let equals = record.iter().position(|byte| *byte == b'=')?;
                Some((length, &record[..equals], &record[equals + 1..]))
            });
            let Some((length, key, value)) = record else {
                return problem("a pax header has a record that cannot be read");
            };
            let digits = || std::str::from_utf8(value).ok().and_then(|text| text.parse::<u64>().ok());
            match key {
                b"path" => self.name = Some(value.to_vec()),
                b"linkpath" => self.link = Some(value.to_vec()),
                b"size" => {
                    self.size =
                        Some(digits().map_or_else(|| problem("a pax header has a size that is not a number"), Ok)?)
                }
                b"uid" => self.uid = digits().and_then(|id| id.try_into().ok()),
                b"gid" => self.gid = digits().and_then(|id| id.try_into().ok()),
                // Fractions of a second and extended attributes are ignored on purpose.
                _ => {}
            }
            bytes = &bytes[length..];
        }
        Ok(())
    }
}

fn until_nul(field: &[u8]) -> &[u8] {
    field.split(|byte| *byte == 0).next().unwrap_or_default()
}

fn small(number: u64) -> Outcome<u32> {
    u32::try_from(number).map_or_else(|_| problem(format!("an owner or mode of {number}")), Ok)
}

/// Octal digits, or GNU's binary form for larger numbers.
fn number(field: &[u8]) -> Outcome<u64> {
    if field[0] & 0x80 != 0 {
        let bytes = field[1..].iter();
        return bytes
            .copied()
            .try_fold(u64::from(field[0] & 0x3f), |value, byte| {
                value.checked_mul(256).and_then(|value| value.checked_add(u64::from(byte)))
            })
            .map_or_else(|| problem("a number in a header is too large"), Ok);
    }
    let text = std::str::from_utf8(field).unwrap_or("?").trim_matches([' ', '\0']);
    if text.is_empty() {
        return Ok(0);
    }
    u64::from_str_radix(text, 8).map_or_else(|_| problem("a number in a header is not octal"), Ok)
}

#[cfg(test)]
#[path = "archive_tests.rs"]
mod tests;
