//! Signals to this process: blocked, and waited for or read.

use std::ffi::c_int;
use std::fs::File;
use std::io::{self, Error};
use std::mem;
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, FromRawFd as _};
use std::ptr;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec};

use crate::process::Pid;
use crate::result::check;

pub use libc::{SIGCHLD, SIGCONT, SIGHUP, SIGINT, SIGKILL, SIGPIPE, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH};

fn signal_set(signals: &[c_int]) -> libc::sigset_t {
    // SAFETY: `sigset_t` consists of integers; sigemptyset makes it a proper set, sigaddset changes only that.
    unsafe {
        let mut set: libc::sigset_t = mem::zeroed();
        libc::sigemptyset(&mut set);
        for &signal in signals {
            libc::sigaddset(&mut set, signal);
        }
        set
    }
}

fn mask(how: c_int, set: &libc::sigset_t) -> io::Result<()> {
    // SAFETY: the set is initialised and lives through the call; a null pointer for the old one is allowed.
    match unsafe { libc::pthread_sigmask(how, set, ptr::null_mut()) } {
        0 => Ok(()),
        error => Err(Error::from_raw_os_error(error)),
    }
}

/// Signals that are blocked in this thread and in all that it starts from now on, to wait for.
pub struct Blocked(libc::sigset_t);

impl Blocked {
    /// Blocks them. Call it before any thread is started.
    pub fn block(signals: &[c_int]) -> io::Result<Blocked> {
        let set = signal_set(signals);
        mask(libc::SIG_BLOCK, &set)?;
        Ok(Blocked(set))
    }

    /// Waits until one of the signals arrives, and says which.
    pub fn wait(&self) -> io::Result<c_int> {
        let mut signal = 0;
        // SAFETY: set and number are initialised objects that live through the call.
        match unsafe { libc::sigwait(&self.0, &mut signal) } {
            0 => Ok(signal),
            error => Err(Error::from_raw_os_error(error)),
        }
    }
}

impl std::fmt::Debug for Blocked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Blocked").finish_non_exhaustive()
    }
}

/// Signals as something to read: they are blocked from now on and arrive here.
#[derive(Debug)]
pub struct Signals(File);

impl Signals {
    /// Blocks the signals and opens the descriptor.
    pub fn block(signals: &[c_int]) -> io::Result<Signals> {
        let set = signal_set(signals);
        mask(libc::SIG_BLOCK, &set)?;
        // SAFETY: the set is initialised; -1 asks for a new descriptor.
        let fd = check(unsafe { libc::signalfd(-1, &set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) })?;
        // SAFETY: the kernel just made this descriptor for us.
        Ok(Signals(unsafe { File::from_raw_fd(fd) }))
    }

    /// For `poll`.
    pub fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }

    /// The next signal that has arrived and who sent it, if any.
    pub fn next(&self) -> Option<(c_int, Pid)> {
        // SAFETY: `signalfd_siginfo` consists of integers, for which zero is a value.
        let mut info: libc::signalfd_siginfo = unsafe { mem::zeroed() };
        let size = mem::size_of_val(&info);
        // SAFETY: the buffer is an object of exactly the size that is given.
        let got = unsafe { libc::read(self.0.as_raw_fd(), ptr::from_mut(&mut info).cast(), size) };
        (got == size as isize).then_some((info.ssi_signo as c_int, info.ssi_pid as Pid))
    }
}

/// Waits until one of the descriptors can be read or the time is over; says which can.
pub fn poll(fds: &[BorrowedFd<'_>], limit: Option<Duration>) -> io::Result<Vec<bool>> {
    let mut list: Vec<PollFd<'_>> = fds.iter().map(|fd| PollFd::from_borrowed_fd(*fd, PollFlags::IN)).collect();
    // A time that the kernel has no number for is as good as none.
    let limit = limit.and_then(|limit| Timespec::try_from(limit).ok());
    match rustix::event::poll(&mut list, limit.as_ref()) {
        Err(rustix::io::Errno::INTR) => Ok(vec![false; list.len()]),
        Err(error) => Err(error.into()),
        Ok(_) => Ok(list.iter().map(|entry| !entry.revents().is_empty()).collect()),
    }
}

/// No signal blocked or ignored any more, as a program expects that is started from a terminal.
pub fn reset_signals() {
    // SAFETY: default dispositions are always allowed. Failing for SIGKILL and SIGSTOP is expected.
    (1..32).for_each(|signal| unsafe {
        libc::signal(signal, libc::SIG_DFL);
    });
    // An empty set is always allowed.
    let _set = mask(libc::SIG_SETMASK, &signal_set(&[]));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_descriptor_is_ready_when_something_is_there() {
        let (reader, writer) = crate::files::pipe().unwrap();
        assert_eq!(poll(&[reader.as_fd()], Some(Duration::from_millis(1))).unwrap(), [false]);
        drop(writer);
        assert_eq!(poll(&[reader.as_fd()], None).unwrap(), [true]);
        assert_eq!(poll(&[reader.as_fd()], Some(Duration::MAX)).unwrap(), [true]);
    }

    #[test]
    fn a_blocked_signal_is_waited_for_or_read() {
        // The thread's own: only what is sent to the thread arrives here.
        // SAFETY: no memory is involved; the signal is blocked.
        let to_self = |signal| assert_eq!(unsafe { libc::raise(signal) }, 0);
        let blocked = Blocked::block(&[SIGUSR1]).unwrap();
        to_self(SIGUSR1);
        assert_eq!(blocked.wait().unwrap(), SIGUSR1);
        let signals = Signals::block(&[SIGUSR2]).unwrap();
        assert_eq!(signals.next(), None);
        to_self(SIGUSR2);
        assert_eq!(signals.next(), Some((SIGUSR2, std::process::id() as Pid)));
    }
}
