//! The machine's watchdog, which restarts a machine that does not come by any more.

use std::ffi::c_int;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd as _;
use std::path::Path;

use crate::result::check;

/// The first watchdog of the machine.
pub const WATCHDOG: &str = "/dev/watchdog0";
/// `WDIOC_SETTIMEOUT`: seconds between two visits at most.
const SET_TIMEOUT: libc::c_ulong = 0xc004_5706;

/// Opens it, which starts it; `None` on a machine without one. It goes on when the file is closed: our kernel does not let it be stopped.
pub fn start(path: &Path) -> io::Result<Option<File>> {
    match OpenOptions::new().write(true).open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Sets the time between two visits; the device may take another one, which is returned.
pub fn set_timeout(device: &File, seconds: c_int) -> io::Result<c_int> {
    let mut seconds = seconds;
    // SAFETY: the request reads and writes one number, which lives through the call.
    check(unsafe { libc::ioctl(device.as_raw_fd(), SET_TIMEOUT as _, &mut seconds) })?;
    Ok(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_may_have_none() {
        assert!(start(Path::new("/no/such/device")).unwrap().is_none());
        let null = start(Path::new("/dev/null")).unwrap().unwrap();
        assert_eq!(set_timeout(&null, 60).unwrap_err().raw_os_error(), Some(libc::ENOTTY));
    }
}
