//! The machine: its clock, its name, its log, its power.

use std::ffi::{CStr, c_int};
use std::io::{self, Error};
use std::mem;
use std::ptr;

use rustix::system::RebootCommand;
use rustix::time::ClockId;

use crate::result::check;

/// The time here, as `Nov 29 12:00:00`; empty when the clock shows none.
pub fn local_time() -> String {
    let mut text = [0_u8; 32];
    // SAFETY: `tm` consists of integers and a pointer, for which zero is a value; the calls write to objects of the right types,
    // and the format's result ends with NUL within the buffer or is empty.
    unsafe {
        let now = libc::time(ptr::null_mut());
        let mut parts: libc::tm = mem::zeroed();
        if libc::localtime_r(&now, &mut parts).is_null() {
            return String::new();
        }
        libc::strftime(text.as_mut_ptr().cast(), text.len(), c"%b %e %H:%M:%S".as_ptr(), &parts);
    }
    CStr::from_bytes_until_nul(&text).map_or_else(|_| String::new(), |text| text.to_string_lossy().into_owned())
}

/// Sets the clock to the time that it shows.
pub fn set_clock_to_now() -> io::Result<()> {
    Ok(rustix::time::clock_settime(ClockId::Realtime, rustix::time::clock_gettime(ClockId::Realtime))?)
}

/// The machine's name; it may change while this runs.
pub fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// Sets the machine's name.
pub fn set_host_name(name: &str) -> io::Result<()> {
    Ok(rustix::system::sethostname(name.as_bytes())?)
}

/// The kernel's log, as far as it is kept.
pub fn kernel_log() -> io::Result<Vec<u8>> {
    const READ_ALL: c_int = 3;
    let mut bytes = vec![0u8; 1 << 20];
    // SAFETY: the kernel writes at most as many bytes as are given.
    let length = check(unsafe { libc::klogctl(READ_ALL, bytes.as_mut_ptr().cast(), bytes.len() as c_int) })?;
    bytes.truncate(length as usize);
    Ok(bytes)
}

/// Switches the machine off; returns only if that fails.
pub fn power_off() -> Error {
    match rustix::system::reboot(RebootCommand::PowerOff) {
        Ok(()) => Error::other("the kernel returned"),
        Err(error) => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_and_name() {
        assert!(local_time().len() == 15 && !host_name().is_empty());
    }
}
