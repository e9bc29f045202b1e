//! The calls to the kernel that std does not have, as safe functions.
//!
//! This is the only module with unsafe code.
#![allow(unsafe_code)]

use std::ffi::{CString, c_int, c_ulong};
use std::fs::File;
use std::io::{self, Error};
use std::mem;
use std::os::fd::{AsRawFd, RawFd};
use std::ptr;

/// Flags of a mount.
pub type Flags = c_ulong;
/// Programs do not run with the rights of their owner.
pub const NOSUID: Flags = libc::MS_NOSUID;
/// Device nodes do not work.
pub const NODEV: Flags = libc::MS_NODEV;
/// Programs cannot be started.
pub const NOEXEC: Flags = libc::MS_NOEXEC;
/// Nothing can be written.
pub const RDONLY: Flags = libc::MS_RDONLY;
/// Opening a terminal does not make it the controlling one.
pub const NOCTTY: c_int = libc::O_NOCTTY;

/// Mounts a file system.
pub fn mount(source: &str, at: &str, kind: &str, flags: Flags, options: &str) -> io::Result<()> {
    let (source, at, kind, options) =
        (CString::new(source)?, CString::new(at)?, CString::new(kind)?, CString::new(options)?);
    // SAFETY: all pointers are to strings that end with NUL and live through the call.
    check(unsafe { libc::mount(source.as_ptr(), at.as_ptr(), kind.as_ptr(), flags, options.as_ptr().cast()) }).map(drop)
}

/// Moves a mount to another place.
pub fn move_mount(from: &str, to: &str) -> io::Result<()> {
    let (from, to) = (CString::new(from)?, CString::new(to)?);
    // SAFETY: as in `mount`; type and options are not looked at for MS_MOVE and may be null.
    check(unsafe { libc::mount(from.as_ptr(), to.as_ptr(), ptr::null(), libc::MS_MOVE, ptr::null()) }).map(drop)
}

/// Makes a file standard input, output and error.
pub fn become_stdio(file: &File) -> io::Result<()> {
    for target in [libc::STDIN_FILENO, libc::STDOUT_FILENO, libc::STDERR_FILENO] {
        // SAFETY: no memory is involved. Replacing these three is what std expects of a parent.
        check(unsafe { libc::dup2(file.as_raw_fd(), target) })?;
    }
    Ok(())
}

/// Whether a path lies in a ramfs or tmpfs.
pub fn is_in_memory(path: &str) -> io::Result<bool> {
    let path = CString::new(path)?;
    // SAFETY: `statfs` consists of integers, for which zero is a value.
    let mut stat: libc::statfs = unsafe { mem::zeroed() };
    // SAFETY: the path ends with NUL; the result goes to an object of the right type.
    check(unsafe { libc::statfs(path.as_ptr(), &mut stat) })?;
    const RAMFS: i64 = 0x8584_58f6;
    const TMPFS: i64 = 0x0102_1994;
    Ok(matches!(stat.f_type as i64, RAMFS | TMPFS))
}

const LOOP_CTL_GET_FREE: c_int = 0x4c82;
const LOOP_CONFIGURE: c_int = 0x4c0a;
const LO_FLAGS_READ_ONLY: u32 = 1;
const LO_FLAGS_AUTOCLEAR: u32 = 4;

/// `struct loop_config` of `linux/loop.h`, with its `struct loop_info64` written out.
#[repr(C)]
struct LoopConfig {
    fd: u32,
    block_size: u32,
    device: u64,
    inode: u64,
    rdevice: u64,
    offset: u64,
    size_limit: u64,
    number: u32,
    encrypt_type: u32,
    encrypt_key_size: u32,
    flags: u32,
    file_name: [u8; 64],
    crypt_name: [u8; 64],
    encrypt_key: [u8; 32],
    init: [u64; 2],
    reserved: [u64; 8],
}

/// The number of a loop device that is free; it is made if there is none.
pub fn free_loop(control: &File) -> io::Result<c_int> {
    // SAFETY: this request takes no argument.
    check(unsafe { libc::ioctl(control.as_raw_fd(), LOOP_CTL_GET_FREE as _) })
}

/// Attaches a file read-only to a loop device, until its last user is gone.
pub fn attach_loop(device: &File, file: &File) -> io::Result<()> {
    // SAFETY: `LoopConfig` consists of integers, for which zero is a value.
    let mut config: LoopConfig = unsafe { mem::zeroed() };
    config.fd = descriptor(file.as_raw_fd());
    config.flags = LO_FLAGS_READ_ONLY | LO_FLAGS_AUTOCLEAR;
    // SAFETY: the request reads a `struct loop_config`, which `config` is; it lives through the call.
    check(unsafe { libc::ioctl(device.as_raw_fd(), LOOP_CONFIGURE as _, &config) }).map(drop)
}

fn descriptor(fd: RawFd) -> u32 {
    fd as u32 // an open descriptor is not negative
}

/// Switches the machine off; returns only if that fails.
pub fn power_off() -> Error {
    // SAFETY: no memory is involved.
    match check(unsafe { libc::reboot(libc::RB_POWER_OFF) }) {
        Ok(_) => Error::other("the kernel returned"),
        Err(error) => error,
    }
}

fn check(result: c_int) -> io::Result<c_int> {
    if result < 0 { Err(Error::last_os_error()) } else { Ok(result) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loop_structure_has_the_layout_of_the_kernel() {
        assert_eq!(mem::size_of::<LoopConfig>(), 304);
        assert_eq!(mem::offset_of!(LoopConfig, device), 8);
        assert_eq!(mem::offset_of!(LoopConfig, flags), 8 + 52);
        assert_eq!(mem::offset_of!(LoopConfig, reserved), 8 + 232);
    }

    #[test]
    fn what_is_in_memory() {
        assert!(!is_in_memory("/proc").unwrap());
        assert!(is_in_memory("/no/such/path").is_err());
    }

    #[test]
    fn errors_carry_the_reason() {
        let error = mount("none", "/no/such/path", "tmpfs", NOSUID | NODEV | NOEXEC, "").unwrap_err();
        assert!(matches!(error.raw_os_error(), Some(libc::ENOENT | libc::EPERM)), "{error}");
        assert_eq!(mount("a\0b", "/", "tmpfs", 0, "").unwrap_err().kind(), io::ErrorKind::InvalidInput);
    }
}
