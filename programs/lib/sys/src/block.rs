//! Block devices, and attributes of files that only the kernel knows.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd as _;

use rustix::fs::{IFlags, ioctl_getflags, ioctl_setflags};

use crate::result::check;

/// `BLKRRPART`: read the partition table anew.
const REREAD: libc::c_ulong = 0x125f;
/// `BLKFLSBUF`: write out what is cached, and forget it.
const FORGET: libc::c_ulong = 0x1261;
/// `BLKDISCARD`: the device may forget a range.
const DISCARD: libc::c_ulong = 0x1277;

/// Has the kernel read a disk's partition table anew. It refuses while a partition is in use.
pub fn reread_table(disk: &File) -> io::Result<()> {
    // SAFETY: the request takes no argument.
    check(unsafe { libc::ioctl(disk.as_raw_fd(), REREAD as _, 0) }).map(drop)
}

/// Writes out what is cached of a device and forgets it, so that the next read is from the medium.
pub fn forget_cache(device: &File) -> io::Result<()> {
    // SAFETY: the request takes no argument.
    check(unsafe { libc::ioctl(device.as_raw_fd(), FORGET as _, 0) }).map(drop)
}

/// Lets a device forget a range of bytes.
pub fn discard(device: &File, from: u64, length: u64) -> io::Result<()> {
    let range = [from, length];
    // SAFETY: the request reads two numbers, which live through the call.
    check(unsafe { libc::ioctl(device.as_raw_fd(), DISCARD as _, range.as_ptr()) }).map(drop)
}

/// Takes the mark away by which a file cannot be changed. Files without such marks have none.
pub fn make_mutable(file: &File) -> io::Result<()> {
    let flags = match ioctl_getflags(file) {
        Err(rustix::io::Errno::NOTTY | rustix::io::Errno::OPNOTSUPP) => return Ok(()),
        flags => flags?,
    };
    if !flags.contains(IFlags::IMMUTABLE) {
        return Ok(());
    }
    Ok(ioctl_setflags(file, flags - IFlags::IMMUTABLE)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_no_block_device() {
        let null = File::open("/dev/null").unwrap();
        for result in [reread_table(&null), forget_cache(&null), discard(&null, 0, 512)] {
            assert_eq!(result.unwrap_err().raw_os_error(), Some(libc::ENOTTY));
        }
        make_mutable(&null).unwrap();
    }
}
