//! What an entry of a layer means for the tree: a pure function of its header, and the only place where names are judged.

use std::ffi::{CString, OsStr};
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

use crate::archive::{Entry, Kind};
use crate::problem::{Outcome, problem};

/// Components of a path: none is empty, `.` or `..`, or has a slash or a NUL in it.
pub type Path = Vec<CString>;

/// Deeper trees than this are refused, as written and as unpacked.
pub const DEEPEST: usize = 64;
const LONGEST_NAME: usize = 255;
const LONGEST_PATH: usize = 4000;

/// One change of the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A directory is there, with these bits. The root itself has no components.
    Directory(Path, u32),
    /// A file is there; its content follows.
    File(Path, u32),
    /// A symbolic link with this text; where it leads is decided inside the root, when it is followed.
    Symlink(Path, CString),
    /// Another name of a file.
    HardLink(Path, Path),
    /// What a lower layer had is gone.
    Remove(Path),
    /// What lower layers had in the directory is gone.
    Empty(Path),
    /// A device or pipe, left out: containers get theirs from the runtime.
    LeaveOut(Path),
}

/// The meaning of an entry. Bits for set-user-id and set-group-id are dropped; sticky is kept for directories.
pub fn step(entry: &Entry) -> Outcome<Step> {
    let path = components(&entry.name)?;
    if let Some(name) = path.last().map(|name| name.as_bytes()).and_then(|name| name.strip_prefix(b".wh.")) {
        let mut path = path.clone();
        path.pop();
        if name == b".wh..opq" {
            return Ok(Step::Empty(path));
        }
        if name.is_empty() || name == b"." || name == b".." {
            return refuse(&entry.name, "a whiteout of nothing");
        }
        if name.starts_with(b".wh.") {
            // Bookkeeping of aufs.
            return Ok(Step::LeaveOut(path));
        }
        path.push(c_string(name)?);
        return Ok(Step::Remove(path));
    }
    if path.is_empty() && entry.kind != Kind::Directory {
        return refuse(&entry.name, "the root is a directory");
    }
    Ok(match entry.kind {
        Kind::Directory => Step::Directory(path, entry.mode & 0o1777),
        Kind::File => Step::File(path, entry.mode & 0o777),
        Kind::Symlink => {
            if entry.link.is_empty() || entry.link.len() > LONGEST_PATH {
                return refuse(&entry.name, "a symbolic link without a usable target");
            }
            Step::Symlink(path, c_string(&entry.link)?)
        }
        Kind::HardLink => {
            let target = components(&entry.link)?;
            if target.is_empty() {
                return refuse(&entry.name, "a link to the root");
            }
            Step::HardLink(path, target)
        }
        Kind::Special => Step::LeaveOut(path),
    })
}

/// The components of a written path. A leading slash and single dots mean nothing; `..` is refused, never resolved.
pub fn components(written: &[u8]) -> Outcome<Path> {
    let mut path = Path::new();
    for name in written.split(|byte| *byte == b'/').filter(|name| !name.is_empty() && *name != b".") {
        if name == b".." {
            return refuse(written, "it leads upwards");
        }
        if name.len() > LONGEST_NAME {
            return refuse(written, "a name in it is longer than 255 bytes");
        }
        path.push(c_string(name)?);
    }
    if path.len() > DEEPEST || written.len() > LONGEST_PATH {
        return refuse(written, "it is too deep or too long");
    }
    Ok(path)
}

/// For messages and for comparing.
pub fn shown(path: &[CString]) -> PathBuf {
    path.iter().map(|name| OsStr::from_bytes(name.as_bytes())).collect()
}

fn c_string(bytes: &[u8]) -> Outcome<CString> {
    CString::new(bytes).map_or_else(|_| refuse(bytes, "it has a NUL in it"), Ok)
}

fn refuse<T>(path: &[u8], why: &str) -> Outcome<T> {
    let text = String::from_utf8_lossy(path);
    problem(format!("the layer's entry `{:.200}` is refused: {why}", text.escape_debug().to_string()))
}
