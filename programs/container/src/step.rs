//! The change that an entry of a layer makes to the tree: a pure function of its header, and the only place that
//! validates names.

use std::ffi::{CString, OsStr};
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

use crate::archive::{Entry, Kind};
use crate::problem::{Outcome, problem};

/// Components of a path: none is empty, `.` or `..`, or contains a slash or NUL.
pub type Path = Vec<CString>;

/// The deepest tree, as written and as unpacked.
pub const MAX_DEPTH: usize = 64;
const MAX_NAME: usize = 255;
const MAX_PATH: usize = 4000;

/// One change of the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A directory with these mode bits. The root itself has no components.
    Directory(Path, u32),
    /// A file; its content follows.
    File(Path, u32),
    /// A symbolic link with this text; following it later stays inside the root.
    Symlink(Path, CString),
    /// A hard link.
    HardLink(Path, Path),
    /// Removes an entry of lower layers.
    Remove(Path),
    /// Removes all entries of lower layers in a directory.
    Empty(Path),
    /// A device or pipe, ignored: the runtime makes those of a container.
    LeaveOut(Path),
}

/// The change that an entry makes. Drops set-user-ID and set-group-ID bits; keeps sticky for directories.
pub fn step(entry: &Entry) -> Outcome<Step> {
    let path = components(&entry.name)?;
    if let Some(name) = path.last().map(|name| name.as_bytes()).and_then(|name| name.strip_prefix(b".wh.")) {
        let mut path = path.clone();
        path.pop();
        if name == b".wh..opq" {
            return Ok(Step::Empty(path));
        }
        if name.is_empty() || name == b"." || name == b".." {
            return refuse(&entry.name, "a whiteout without a name");
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
            if entry.link.is_empty() || entry.link.len() > MAX_PATH {
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

/// The components of a path in an archive. Ignores a leading slash and single dots; refuses `..`.
pub fn components(written: &[u8]) -> Outcome<Path> {
    let mut path = Path::new();
    for name in written.split(|byte| *byte == b'/').filter(|name| !name.is_empty() && *name != b".") {
        if name == b".." {
            return refuse(written, "it leads upwards");
        }
        if name.len() > MAX_NAME {
            return refuse(written, "a name in it is longer than 255 bytes");
        }
        path.push(c_string(name)?);
    }
    if path.len() > MAX_DEPTH || written.len() > MAX_PATH {
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
