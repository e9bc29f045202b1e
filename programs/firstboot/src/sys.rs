//! The calls to the kernel that std does not have, as safe functions.
//!
//! This is the only module with unsafe code.
#![allow(unsafe_code)]

use std::ffi::{CString, c_int};
use std::fs::File;
use std::io::{self, Error};
use std::mem;
use std::os::fd::AsRawFd;

/// Mounts a medium so that nothing on it can be written, started, used as a device, or run with other rights.
pub fn mount_medium(device: &str, at: &str, kind: &str) -> io::Result<()> {
    let (device, at, kind) = (CString::new(device)?, CString::new(at)?, CString::new(kind)?);
    let flags = libc::MS_RDONLY | libc::MS_NOSUID | libc::MS_NODEV | libc::MS_NOEXEC;
    // SAFETY: the strings end with NUL and live through the call; the data of these file systems may be null.
    check(unsafe { libc::mount(device.as_ptr(), at.as_ptr(), kind.as_ptr(), flags, std::ptr::null()) })
}

/// Unmounts; a mount in use goes away with its last user.
pub fn unmount(at: &str) -> io::Result<()> {
    let at = CString::new(at)?;
    // SAFETY: the string ends with NUL and lives through the call.
    check(unsafe { libc::umount2(at.as_ptr(), libc::MNT_DETACH) })
}

/// Takes the lock of a file, if nobody holds it. It is held until the file is closed.
pub fn try_lock(file: &File) -> io::Result<bool> {
    // SAFETY: no memory is involved.
    match check(unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB) }) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
        Err(error) => Err(error),
    }
}

/// Sets a terminal to lines that a person can edit, with or without showing them. What is no terminal stays as it is.
pub fn line_mode(terminal: &impl AsRawFd, echo: bool) -> io::Result<()> {
    // SAFETY: `termios` consists of integers, for which zero is a value.
    let mut modes: libc::termios = unsafe { mem::zeroed() };
    // SAFETY: the modes go to an object of the right type.
    match check(unsafe { libc::tcgetattr(terminal.as_raw_fd(), &mut modes) }) {
        Err(error) if error.raw_os_error() == Some(libc::ENOTTY) => return Ok(()),
        other => other?,
    }
    modes.c_iflag |= libc::ICRNL | libc::IUTF8;
    modes.c_oflag |= libc::OPOST | libc::ONLCR;
    modes.c_lflag |= libc::ICANON | libc::ISIG | libc::IEXTEN | libc::ECHOE | libc::ECHOK;
    modes.c_lflag |= libc::ECHO | libc::ECHONL;
    if !echo {
        // The end of the line still shows.
        modes.c_lflag &= !libc::ECHO;
    } else {
        modes.c_lflag &= !libc::ECHONL;
    }
    // SAFETY: the modes are read from an object of the right type, which lives through the call.
    check(unsafe { libc::tcsetattr(terminal.as_raw_fd(), libc::TCSANOW, &modes) })
}

fn check(result: c_int) -> io::Result<()> {
    if result < 0 { Err(Error::last_os_error()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_has_one_holder() {
        let room = testkit::TempDir::new("firstboot-lock");
        let path = room.join("lock");
        let (first, second) = (File::create(&path).unwrap(), File::create(&path).unwrap());
        assert!(try_lock(&first).unwrap());
        assert!(!try_lock(&second).unwrap());
        drop(first);
        assert!(try_lock(&second).unwrap());
    }

    #[test]
    fn a_file_is_no_terminal_and_no_error() {
        line_mode(&File::open("/dev/null").unwrap(), true).unwrap();
    }

    #[test]
    fn errors_carry_the_reason() {
        let error = mount_medium("/no/such/device", "/no/such/path", "vfat").unwrap_err();
        assert!(matches!(error.raw_os_error(), Some(libc::ENOENT | libc::EPERM)), "{error}");
        assert!(unmount("/no/such/path").is_err());
    }
}
