//! The calls to the kernel that std does not have, as safe functions.
//!
//! This is the only module with unsafe code.
#![allow(unsafe_code)]

use std::ffi::{CString, c_int};
use std::io::{self, Error};
use std::os::fd::{FromRawFd as _, OwnedFd};
use std::ptr;

fn check(result: c_int) -> io::Result<()> {
    if result < 0 { Err(Error::last_os_error()) } else { Ok(()) }
}

/// Mounts a small tmpfs.
pub fn mount_tmpfs(path: &str) -> io::Result<()> {
    let path = CString::new(path)?;
    let flags = libc::MS_NOSUID | libc::MS_NODEV | libc::MS_NOEXEC;
    // SAFETY: the texts end with NUL and live through the call; no data is passed.
    check(unsafe { libc::mount(c"tmpfs".as_ptr(), path.as_ptr(), c"tmpfs".as_ptr(), flags, ptr::null()) })
}

/// Unmounts.
pub fn unmount(path: &str) -> io::Result<()> {
    let path = CString::new(path)?;
    // SAFETY: the text ends with NUL and lives through the call.
    check(unsafe { libc::umount2(path.as_ptr(), 0) })
}

/// Makes a socket and closes it.
pub fn socket(family: &str, kind: &str) -> io::Result<()> {
    let number = match family {
        "inet" => libc::AF_INET,
        "inet6" => libc::AF_INET6,
        "packet" => libc::AF_PACKET,
        _ => libc::AF_NETLINK,
    };
    let kind = match kind {
        "raw" => libc::SOCK_RAW,
        "dgram" => libc::SOCK_DGRAM,
        _ => libc::SOCK_STREAM,
    };
    // A raw socket of IP wants a protocol.
    let protocol = if kind == libc::SOCK_RAW && family.starts_with("inet") { libc::IPPROTO_ICMP } else { 0 };
    // SAFETY: no memory is involved.
    let socket = unsafe { libc::socket(number, kind | libc::SOCK_CLOEXEC, protocol) };
    check(socket)?;
    // SAFETY: the descriptor is new and belongs to nobody else.
    drop(unsafe { OwnedFd::from_raw_fd(socket) });
    Ok(())
}

/// Sends SIGCONT, which does nothing to a process that runs.
pub fn signal_to_go_on(pid: i32) -> io::Result<()> {
    // SAFETY: no memory is involved.
    check(unsafe { libc::kill(pid, libc::SIGCONT) })
}

/// Sets the machine's name.
pub fn set_hostname(name: &str) -> io::Result<()> {
    // SAFETY: the kernel reads as many bytes as the text has.
    check(unsafe { libc::sethostname(name.as_ptr().cast(), name.len()) })
}

/// Sets the clock to the time that it shows.
pub fn set_clock_to_now() -> io::Result<()> {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the kernel writes to and reads from an object of the right type.
    unsafe {
        check(libc::clock_gettime(libc::CLOCK_REALTIME, &mut now))?;
        check(libc::clock_settime(libc::CLOCK_REALTIME, &now))
    }
}

/// Changes the root to what it is.
pub fn chroot_to_root() -> io::Result<()> {
    // SAFETY: the text ends with NUL.
    check(unsafe { libc::chroot(c"/".as_ptr()) })
}

/// The kernel's log, as far as it is kept.
pub fn kernel_log() -> io::Result<Vec<u8>> {
    const READ_ALL: c_int = 3;
    let mut bytes = vec![0u8; 1 << 20];
    // SAFETY: the kernel writes at most as many bytes as are given.
    let length = unsafe { libc::klogctl(READ_ALL, bytes.as_mut_ptr().cast(), bytes.len() as c_int) };
    check(length)?;
    bytes.truncate(length as usize);
    Ok(bytes)
}
