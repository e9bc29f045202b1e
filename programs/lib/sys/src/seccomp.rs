//! Filters of system calls, and what they tell somebody else.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _, FromRawFd as _, RawFd};
use std::ptr;

use rustix::event::{PollFd, PollFlags};
use rustix::io::retry_on_intr;

pub use libc::sock_filter as Instruction;

use crate::result::{check, check_long};

/// Puts this thread under a filter of system calls. With `tells`, gives what somebody else listens at.
pub fn install(program: &[Instruction], tells: bool) -> io::Result<Option<File>> {
    let length = u16::try_from(program.len()).map_err(|_| io::Error::other("the filter is too long"))?;
    let program = libc::sock_fprog { len: length, filter: program.as_ptr().cast_mut() };
    // Each refusal becomes a record of audit, which otherwise never hears of a call that a filter answers.
    let flags = libc::SECCOMP_FILTER_FLAG_LOG | if tells { libc::SECCOMP_FILTER_FLAG_NEW_LISTENER } else { 0 };
    // SAFETY: pointer and length are those of one slice, which the kernel reads.
    let result =
        unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, flags, ptr::from_ref(&program)) };
    check_long(result)?;
    // SAFETY: with this flag the result is a new descriptor, which nothing else knows.
    Ok(tells.then(|| unsafe { File::from_raw_fd(result as RawFd) }))
}

/// A change of user that waits for an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    id: u64,
    /// The process.
    pub pid: u32,
    /// The number of the user.
    pub uid: u32,
}

/// The kernel's requests at what a filter tells: `_IOWR('!', 0, 80 bytes)` and its neighbours.
const RECEIVE: u32 = 0xc050_2100;
const SEND: u32 = 0xc018_2101;
const IS_VALID: u32 = 0x4008_2102;

/// The kernel's `struct seccomp_notif`.
#[repr(C)]
#[derive(Default)]
struct Notification {
    id: u64,
    pid: u32,
    flags: u32,
    number: i32,
    architecture: u32,
    at: u64,
    arguments: [u64; 6],
}

/// The kernel's `struct seccomp_notif_resp`.
#[repr(C)]
struct Response {
    id: u64,
    value: i64,
    error: i32,
    flags: u32,
}

/// Waits for the next; `None` when no process is left behind the filter.
pub fn next_told(told: &File) -> io::Result<Option<Told>> {
    loop {
        let mut wait = [PollFd::from_borrowed_fd(told.as_fd(), PollFlags::IN)];
        retry_on_intr(|| rustix::event::poll(&mut wait, None))?;
        if !wait[0].revents().contains(PollFlags::IN) {
            return Ok(None);
        }
        let mut note = Notification::default();
        // SAFETY: the kernel writes one notification, and wants it to be zero before.
        match check(unsafe { libc::ioctl(told.as_raw_fd(), RECEIVE as _, ptr::from_mut(&mut note)) }) {
            // Whoever waited was ended meanwhile.
            Err(error) if matches!(error.raw_os_error(), Some(libc::ENOENT | libc::EINTR)) => {}
            other => {
                // The filter tells of calls whose first argument this is; its upper half is ignored by the kernel.
                return other.map(|_| Some(Told { id: note.id, pid: note.pid, uid: note.arguments[0] as u32 }));
            }
        }
    }
}

/// Whether the process still waits; an error when it does not.
pub fn is_waiting(told: &File, request: &Told) -> io::Result<()> {
    // SAFETY: the kernel reads one number.
    check(unsafe { libc::ioctl(told.as_raw_fd(), IS_VALID as _, ptr::from_ref(&request.id)) }).map(drop)
}

/// Lets the call happen, or refuses it as if there were too many processes.
pub fn answer(told: &File, request: &Told, may: bool) -> io::Result<()> {
    const CONTINUE: u32 = 1;
    let (error, flags) = if may { (0, CONTINUE) } else { (-libc::EAGAIN, 0) };
    let response = Response { id: request.id, value: 0, error, flags };
    // SAFETY: the kernel reads one response.
    match check(unsafe { libc::ioctl(told.as_raw_fd(), SEND as _, ptr::from_ref(&response)) }) {
        // Whoever waited was ended meanwhile.
        Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(()),
        other => other.map(drop),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn structures_have_the_sizes_that_the_requests_name() {
        assert_eq!([size_of::<Notification>(), size_of::<Response>()], [0x50, 0x18]);
    }
}
