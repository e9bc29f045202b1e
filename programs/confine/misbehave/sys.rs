//! System calls by number. The only module with unsafe code.
#![allow(unsafe_code)]

use std::io;

/// Makes a call. The arguments are numbers, or addresses of objects that live through the call.
pub fn call(number: libc::c_long, arguments: [usize; 6]) -> io::Result<usize> {
    let [a, b, c, d, e, f] = arguments;
    // SAFETY: callers pass numbers, null, or addresses of live objects as large as the call expects; none of the calls made
    // here changes memory that Rust relies on. Mappings are made where the kernel likes, and not used.
    match unsafe { libc::syscall(number, a, b, c, d, e, f) } {
        result if result < 0 => Err(io::Error::last_os_error()),
        result => Ok(result as usize),
    }
}
