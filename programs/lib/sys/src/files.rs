//! Calls about files: beneath a directory, locks, descriptors, attributes.

use std::collections::BTreeMap;
use std::ffi::{OsStr, c_int};
use std::fs::File;
use std::io;
use std::os::fd::{BorrowedFd, FromRawFd as _, RawFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use rustix::fs::{
    Access, AtFlags, CWD, FileType, FlockOperation, Gid, MemfdFlags, Mode, SealFlags, Uid, XattrFlags, flock,
};
use rustix::io::{Errno, FdFlags, fcntl_setfd, retry_on_intr};
use rustix::pipe::PipeFlags;

pub use rustix::fs::OFlags;

use crate::result::check;

/// Opens relative to a directory; links in the last component are not followed.
pub fn open_at(directory: &File, name: &OsStr, flags: OFlags, mode: u32) -> io::Result<File> {
    let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(rustix::fs::openat(directory, name, flags, Mode::from_raw_mode(mode))?.into())
}

/// Makes a directory relative to another.
pub fn mkdir_at(directory: &File, name: &OsStr, mode: u32) -> io::Result<()> {
    Ok(rustix::fs::mkdirat(directory, name, Mode::from_raw_mode(mode))?)
}

/// Makes a named pipe relative to a directory.
pub fn mkfifo_at(directory: &File, name: &OsStr, mode: u32) -> io::Result<()> {
    Ok(rustix::fs::mknodat(directory, name, FileType::Fifo, Mode::from_raw_mode(mode), 0)?)
}

/// Makes a named pipe.
pub fn make_pipe(path: &Path) -> io::Result<()> {
    Ok(rustix::fs::mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)?)
}

/// Removes a file (or an empty directory) relative to a directory; links are not followed.
pub fn unlink_at(directory: &File, name: &OsStr, is_directory: bool) -> io::Result<()> {
    let flags = if is_directory { AtFlags::REMOVEDIR } else { AtFlags::empty() };
    Ok(rustix::fs::unlinkat(directory, name, flags)?)
}

/// Changes owner and group of exactly the file that is open, also if it was opened with `O_PATH`. The highest number leaves it.
pub fn chown(file: &File, uid: u32, gid: u32) -> io::Result<()> {
    let (uid, gid) = ((uid != u32::MAX).then(|| Uid::from_raw(uid)), (gid != u32::MAX).then(|| Gid::from_raw(gid)));
    Ok(rustix::fs::chownat(file, c"", uid, gid, AtFlags::EMPTY_PATH)?)
}

/// Whether a path can be written by this process; also false on a file system that is read-only.
pub fn is_writable(path: &OsStr) -> bool {
    rustix::fs::accessat(CWD, path, Access::WRITE_OK, AtFlags::EACCESS).is_ok()
}

/// Whether a path lies in a ramfs or tmpfs.
pub fn is_in_memory(path: &str) -> io::Result<bool> {
    const RAMFS: i64 = 0x8584_58f6;
    const TMPFS: i64 = 0x0102_1994;
    Ok(matches!(rustix::fs::statfs(path)?.f_type as i64, RAMFS | TMPFS))
}

/// Percent of a file system that anybody but root can still fill.
pub fn free_percent(path: &Path) -> io::Result<u64> {
    let found = rustix::fs::statvfs(path)?;
    Ok(found.f_bavail * 100 / found.f_blocks.max(1))
}

/// A file in memory, to append to, whose growth can be ended with [`no_more_growth`].
pub fn memory_file(name: &str) -> io::Result<File> {
    let file = rustix::fs::memfd_create(name, MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
    rustix::fs::fcntl_setfl(&file, OFlags::APPEND)?;
    Ok(file.into())
}

/// From now on nobody who has this memory file open can make it longer: writing to its end fails.
pub fn no_more_growth(file: &File) -> io::Result<()> {
    Ok(rustix::fs::fcntl_add_seals(file, SealFlags::GROW)?)
}

/// Takes an exclusive lock of a file without waiting.
pub fn lock_exclusive(file: &File) -> io::Result<()> {
    Ok(flock(file, FlockOperation::NonBlockingLockExclusive)?)
}

/// Takes an exclusive lock of a file when nobody else has it.
pub fn lock_when_free(file: &File) -> io::Result<()> {
    Ok(retry_on_intr(|| flock(file, FlockOperation::LockExclusive))?)
}

/// Takes the lock of a file, if nobody holds it. It is held until the file is closed.
pub fn try_lock(file: &File) -> io::Result<bool> {
    match lock_exclusive(file) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
        other => other.map(|()| true),
    }
}

/// A pipe: the end to read from, the end to write to; both are closed in started programs.
pub fn pipe() -> io::Result<(File, File)> {
    let (reader, writer) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?;
    Ok((reader.into(), writer.into()))
}

/// Closes all descriptors from 3 on when the next program starts.
pub fn close_on_exec_from_three() {
    // SAFETY: only sets flags. Kernels before 5.11 refuse; then what was inherited stays open, as with other programs.
    unsafe { libc::syscall(libc::SYS_close_range, 3, c_int::MAX, libc::CLOSE_RANGE_CLOEXEC) };
}

/// Leaves a descriptor open for the next program.
pub fn keep_on_exec(file: BorrowedFd<'_>) -> io::Result<()> {
    Ok(fcntl_setfd(file, FdFlags::empty())?)
}

/// Takes over a descriptor that was handed to this program by number; it closes when the next one starts.
pub fn take_descriptor(descriptor: RawFd) -> io::Result<File> {
    // SAFETY: no memory is involved.
    check(unsafe { libc::fcntl(descriptor, libc::F_SETFD, libc::FD_CLOEXEC) })?;
    // SAFETY: it is open, as the call above found, and named by whoever started us: nothing else in here knows it.
    Ok(unsafe { File::from_raw_fd(descriptor) })
}

/// The kernel allows no longer list and no longer value.
const LONGEST: usize = 64 * 1024;

/// Extended attributes of a path itself, not of what a link leads to. A file system without them has none.
pub fn attributes(path: &Path) -> io::Result<BTreeMap<Vec<u8>, Vec<u8>>> {
    let mut names = vec![0; LONGEST];
    match rustix::fs::llistxattr(path, &mut names) {
        Err(Errno::OPNOTSUPP) => return Ok(BTreeMap::new()),
        length => names.truncate(length?),
    }
    let names = names.split(|byte| *byte == 0).filter(|name| !name.is_empty());
    names
        .map(|name| {
            let mut value = vec![0; LONGEST];
            let length = rustix::fs::lgetxattr(path, OsStr::from_bytes(name), &mut value)?;
            value.truncate(length);
            Ok((name.to_vec(), value))
        })
        .collect()
}

/// Sets an extended attribute of a path itself.
pub fn set_attribute(path: &Path, name: &str, value: &[u8]) -> io::Result<()> {
    Ok(rustix::fs::lsetxattr(path, name, value, XattrFlags::empty())?)
}

/// Whether a file carries capabilities.
pub fn has_capabilities(path: &Path) -> bool {
    rustix::fs::lgetxattr_query(path, c"security.capability").is_ok_and(|size| size > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    #[test]
    fn a_lock_has_one_holder() {
        let room = testkit::TempDir::new("sys-lock");
        let path = room.join("lock");
        let (first, second) = (File::create(&path).unwrap(), File::create(&path).unwrap());
        assert!(try_lock(&first).unwrap());
        assert!(!try_lock(&second).unwrap() && lock_exclusive(&second).is_err());
        drop(first);
        assert!(try_lock(&second).unwrap());
    }

    #[test]
    fn what_is_in_memory() {
        assert!(!is_in_memory("/proc").unwrap());
        assert!(free_percent(Path::new("/")).unwrap() <= 100 && free_percent(Path::new("/no/such/path")).is_err());
        assert!(is_in_memory("/no/such/path").is_err());
    }

    #[test]
    fn a_memory_file_ends_to_grow() {
        let mut file = memory_file("test").unwrap();
        file.write_all(b"one").unwrap();
        no_more_growth(&file).unwrap();
        assert!(file.write_all(b"two").is_err());
    }

    #[test]
    fn nothing_beneath_a_directory_is_reached_through_a_link() {
        let room = testkit::TempDir::new("sys-beneath");
        let here = File::open(room.join(".")).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", room.join("link")).unwrap();
        let error = open_at(&here, OsStr::new("link"), OFlags::RDONLY, 0).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ELOOP));
        mkdir_at(&here, OsStr::new("new"), 0o700).unwrap();
        mkfifo_at(&here, OsStr::new("pipe"), 0o600).unwrap();
        let found = open_at(&here, OsStr::new("new"), OFlags::PATH, 0).unwrap();
        chown(&found, u32::MAX, u32::MAX).unwrap();
        unlink_at(&here, OsStr::new("new"), true).unwrap();
        unlink_at(&here, OsStr::new("pipe"), false).unwrap();
        assert!(is_writable(room.join(".").as_os_str()) && !is_writable(room.join("new").as_os_str()));
    }
}
