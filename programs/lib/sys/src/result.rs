//! What calls of the C library return, as a result.

use std::ffi::{c_int, c_long};
use std::io::{self, Error};

/// Of a call that says by a negative number that it failed.
pub fn check(result: c_int) -> io::Result<c_int> {
    if result < 0 { Err(Error::last_os_error()) } else { Ok(result) }
}

/// The same of a bare system call.
pub fn check_long(result: c_long) -> io::Result<c_long> {
    if result < 0 { Err(Error::last_os_error()) } else { Ok(result) }
}
