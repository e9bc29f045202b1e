//! Calls about files.

use super::{c_string, check};
use std::ffi::{OsStr, c_int};
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd};

/// Opens relative to a directory; links in the last component are not followed.
pub fn open_at(directory: &File, name: &OsStr, flags: c_int, mode: u32) -> io::Result<File> {
    let name = c_string(name)?;
    let flags = flags | libc::O_NOFOLLOW | libc::O_CLOEXEC;
    // SAFETY: the name ends with NUL and lives through the call.
    let fd = check(unsafe { libc::openat(directory.as_raw_fd(), name.as_ptr(), flags, mode) })?;
    // SAFETY: the kernel just made this descriptor for us.
    Ok(unsafe { File::from_raw_fd(fd) })
}

/// Flags for [`open_at`].
pub use libc::{O_APPEND, O_CREAT, O_DIRECTORY, O_EXCL, O_NONBLOCK, O_PATH, O_RDONLY, O_RDWR, O_WRONLY};

/// Makes a directory relative to another.
pub fn mkdir_at(directory: &File, name: &OsStr, mode: u32) -> io::Result<()> {
    let name = c_string(name)?;
    // SAFETY: the name ends with NUL and lives through the call.
    check(unsafe { libc::mkdirat(directory.as_raw_fd(), name.as_ptr(), mode) }).map(drop)
}

/// Makes a named pipe relative to a directory.
pub fn mkfifo_at(directory: &File, name: &OsStr, mode: u32) -> io::Result<()> {
    let name = c_string(name)?;
    // SAFETY: the name ends with NUL and lives through the call.
    check(unsafe { libc::mknodat(directory.as_raw_fd(), name.as_ptr(), libc::S_IFIFO | mode, 0) }).map(drop)
}

/// Removes a file (or an empty directory) relative to a directory; links are not followed.
pub fn unlink_at(directory: &File, name: &OsStr, is_directory: bool) -> io::Result<()> {
    let name = c_string(name)?;
    let flags = if is_directory { libc::AT_REMOVEDIR } else { 0 };
    // SAFETY: the name ends with NUL and lives through the call.
    check(unsafe { libc::unlinkat(directory.as_raw_fd(), name.as_ptr(), flags) }).map(drop)
}

/// Changes owner and group of exactly the file that is open, also if it was opened with `O_PATH`.
pub fn chown(file: &File, uid: u32, gid: u32) -> io::Result<()> {
    // SAFETY: the empty path is a string that ends with NUL.
    check(unsafe { libc::fchownat(file.as_raw_fd(), c"".as_ptr(), uid, gid, libc::AT_EMPTY_PATH) }).map(drop)
}

/// Whether a path can be written by this process; also false on a file system that is read-only.
pub fn is_writable(path: &OsStr) -> bool {
    let Ok(path) = c_string(path) else { return false };
    // SAFETY: the path ends with NUL and lives through the call.
    unsafe { libc::faccessat(libc::AT_FDCWD, path.as_ptr(), libc::W_OK, libc::AT_EACCESS) == 0 }
}

/// A file in memory, to append to, whose growth can be ended with [`no_more_growth`].
pub fn memory_file() -> io::Result<File> {
    // SAFETY: the name is a string that ends with NUL.
    let fd = check(unsafe { libc::memfd_create(c"rc".as_ptr(), libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING) })?;
    // SAFETY: the kernel just made this descriptor for us.
    let file = unsafe { File::from_raw_fd(fd) };
    // SAFETY: no memory is involved.
    check(unsafe { libc::fcntl(file.as_raw_fd(), libc::F_SETFL, libc::O_APPEND) })?;
    Ok(file)
}

/// From now on nobody who has this memory file open can make it longer: writing to its end fails.
pub fn no_more_growth(file: &File) -> io::Result<()> {
    // SAFETY: no memory is involved.
    check(unsafe { libc::fcntl(file.as_raw_fd(), libc::F_ADD_SEALS, libc::F_SEAL_GROW) }).map(drop)
}
