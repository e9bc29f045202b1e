//! Loop devices: a file as a disk.

use std::ffi::c_int;
use std::fs::File;
use std::io;
use std::mem;
use std::os::fd::AsRawFd as _;

use crate::result::check;

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

/// The number of a loop device that is free; it is made if there is none. `control` is `/dev/loop-control`.
pub fn free(control: &File) -> io::Result<c_int> {
    // SAFETY: this request takes no argument.
    check(unsafe { libc::ioctl(control.as_raw_fd(), LOOP_CTL_GET_FREE as _) })
}

/// Attaches a file read-only to a loop device, until its last user is gone.
pub fn attach(device: &File, file: &File) -> io::Result<()> {
    // SAFETY: `LoopConfig` consists of integers, for which zero is a value.
    let mut config: LoopConfig = unsafe { mem::zeroed() };
    config.fd = file.as_raw_fd() as u32; // an open descriptor is not negative
    config.flags = LO_FLAGS_READ_ONLY | LO_FLAGS_AUTOCLEAR;
    // SAFETY: the request reads a `struct loop_config`, which `config` is; it lives through the call.
    check(unsafe { libc::ioctl(device.as_raw_fd(), LOOP_CONFIGURE as _, &config) }).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_structure_has_the_layout_of_the_kernel() {
        assert_eq!(mem::size_of::<LoopConfig>(), 304);
        assert_eq!(mem::offset_of!(LoopConfig, device), 8);
        assert_eq!(mem::offset_of!(LoopConfig, flags), 8 + 52);
        assert_eq!(mem::offset_of!(LoopConfig, reserved), 8 + 232);
    }
}
