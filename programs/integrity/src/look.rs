//! Reads the state of one path.

use std::fs::{self, FileType, Metadata, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::entry::{Attributes, Content, Entry, Kind, Sum};

/// The entry for `place`; the content of files longer than `most` is not read.
pub fn look(place: &Path, found: &Metadata, most: u64) -> Entry {
    let kind = kind(found.file_type());
    let content = match kind {
        Kind::File => content(place, most).unwrap_or(Content::Unreadable),
        Kind::Link => {
            fs::read_link(place).map_or(Content::Unreadable, |to| Content::Target(to.into_os_string().into_vec()))
        }
        Kind::Block | Kind::Char => {
            Content::Device { major: libc::major(found.rdev()), minor: libc::minor(found.rdev()) }
        }
        Kind::Dir | Kind::Fifo | Kind::Socket => Content::None,
    };
    let size = if kind == Kind::File { found.len() } else { 0 };
    let attributes = match sys::attributes(place) {
        Ok(pairs) if pairs.is_empty() => Attributes::None,
        Ok(pairs) => Attributes::Digest(attributes_digest(&pairs)),
        Err(_) => Attributes::Unreadable,
    };
    Entry { kind, mode: found.mode() & 0o7777, uid: found.uid(), gid: found.gid(), size, content, attributes }
}

fn kind(found: FileType) -> Kind {
    match found {
        kind if kind.is_file() => Kind::File,
        kind if kind.is_dir() => Kind::Dir,
        kind if kind.is_symlink() => Kind::Link,
        kind if kind.is_block_device() => Kind::Block,
        kind if kind.is_char_device() => Kind::Char,
        kind if kind.is_fifo() => Kind::Fifo,
        _ => Kind::Socket,
    }
}

/// Names and values, each after its length, so that they are unambiguous.
fn attributes_digest(pairs: &std::collections::BTreeMap<Vec<u8>, Vec<u8>>) -> Sum {
    let mut sum = Sha256::new();
    for part in pairs.iter().flat_map(|(name, value)| [name, value]) {
        sum.update((part.len() as u64).to_le_bytes());
        sum.update(part);
    }
    sum.finalize().into()
}

/// Digest of a file's content, if it is no longer than `most`. A file that was replaced by a link or pipe meanwhile is
/// not read.
fn content(place: &Path, most: u64) -> io::Result<Content> {
    let file =
        OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY).open(place)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("no file any more"));
    }
    // One byte more than allowed shows that a file is too long, even if it grows meanwhile.
    let mut file = file.take(most + 1);
    let (mut sum, mut length) = (Sha256::new(), 0);
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(Content::Digest(sum.finalize().into())),
            Ok(read) => {
                length += read as u64;
                if length > most {
                    return Ok(Content::TooLong);
                }
                sum.update(buffer.get(..read).unwrap_or_default());
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
