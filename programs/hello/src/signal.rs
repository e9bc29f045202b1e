//! Waiting for the signals that ask the service to end.
//!
//! There is no signal handler: SIGTERM and SIGINT are blocked in every thread and one thread
//! waits for them. That also works as process 1 of a container, to which the kernel delivers
//! no signal that is left at its default action, unless it is blocked.
//!
//! This is the only module with unsafe code.
#![allow(unsafe_code)]

use std::ffi::c_int;
use std::io;
use std::mem::MaybeUninit;
use std::ptr;

const SIGINT: c_int = 2;
const SIGTERM: c_int = 15;
const SIG_BLOCK: c_int = 0;

/// `sigset_t` of Linux: 1024 bits with musl and with glibc, on all 64-bit architectures.
#[repr(C)]
struct SigSet([u64; 16]);

unsafe extern "C" {
    fn sigemptyset(set: *mut SigSet) -> c_int;
    fn sigaddset(set: *mut SigSet, signal: c_int) -> c_int;
    fn pthread_sigmask(how: c_int, set: *const SigSet, old: *mut SigSet) -> c_int;
    fn sigwait(set: *const SigSet, signal: *mut c_int) -> c_int;
}

/// Proof that the signals are blocked in this thread and in all that it starts.
pub struct Blocked(SigSet);

/// Blocks SIGTERM and SIGINT. Call it before any thread is started.
pub fn block() -> io::Result<Blocked> {
    let mut set = MaybeUninit::<SigSet>::uninit();
    // SAFETY: `set` is a writable object of the size and alignment of `sigset_t`;
    // `sigemptyset` initialises it before anything else reads it, and both signal
    // numbers are valid, so neither call can fail.
    let set = unsafe {
        sigemptyset(set.as_mut_ptr());
        sigaddset(set.as_mut_ptr(), SIGTERM);
        sigaddset(set.as_mut_ptr(), SIGINT);
        set.assume_init()
    };
    // SAFETY: `set` is initialised and lives through the call; a null `old` is allowed.
    match unsafe { pthread_sigmask(SIG_BLOCK, &set, ptr::null_mut()) } {
        0 => Ok(Blocked(set)),
        code => Err(io::Error::from_raw_os_error(code)),
    }
}

impl Blocked {
    /// Waits until one of the signals arrives, and says which.
    pub fn wait(&self) -> io::Result<&'static str> {
        let mut signal: c_int = 0;
        // SAFETY: both pointers are to initialised objects that live through the call.
        match unsafe { sigwait(&self.0, &mut signal) } {
            0 if signal == SIGINT => Ok("SIGINT"),
            0 => Ok("SIGTERM"),
            code => Err(io::Error::from_raw_os_error(code)),
        }
    }
}
