//! Calls about processes.
//!
//! `fork` and the environment are for programs with one thread, which ours that use them are.

use std::ffi::{c_int, c_void};
use std::io;
use std::os::fd::{AsRawFd as _, BorrowedFd, OwnedFd};
use std::ptr;

use rustix::fs::Mode;
use rustix::io::retry_on_intr;
use rustix::process::{Pid as Number, PidfdFlags, WaitId, WaitIdOptions, WaitOptions};

use crate::result::{check, check_long};

/// A process id.
pub type Pid = i32;

/// Sets a variable of this process's environment, for the programs that it starts.
pub fn set_variable(name: &str, value: &str) {
    // SAFETY: a program with one thread, so that nobody else reads the environment meanwhile.
    unsafe { std::env::set_var(name, value) }
}

/// Takes a variable out of this process's environment.
pub fn unset_variable(name: &str) {
    // SAFETY: as for `set_variable`.
    unsafe { std::env::remove_var(name) }
}

/// Real user id.
pub fn uid() -> u32 {
    rustix::process::getuid().as_raw()
}

/// The user that this process acts as.
pub fn effective_uid() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// What `fork` returns.
#[derive(Debug)]
pub enum Fork {
    /// In the new process.
    Child,
    /// In the old one.
    Parent(Pid),
}

/// Makes a second process out of this one.
pub fn fork() -> io::Result<Fork> {
    // SAFETY: a program with one thread, so no lock can be held by a thread that is gone.
    match check(unsafe { libc::fork() })? {
        0 => Ok(Fork::Child),
        pid => Ok(Fork::Parent(pid)),
    }
}

/// Ends this process at once: no destructors, no buffers written.
pub fn exit_now(code: u8) -> ! {
    // SAFETY: no memory is involved.
    unsafe { libc::_exit(c_int::from(code)) }
}

/// How a child ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// With an exit code.
    Code(u8),
    /// By a signal.
    Signal(c_int),
}

/// Waits for a child (`-1`: any). `None`: it has not ended and `block` was false.
pub fn wait(pid: Pid, block: bool) -> io::Result<Option<(Pid, End)>> {
    let options = if block { WaitOptions::empty() } else { WaitOptions::NOHANG };
    let ended = match number(pid) {
        Ok(child) => retry_on_intr(|| rustix::process::waitpid(Some(child), options)),
        Err(_) => retry_on_intr(|| rustix::process::wait(options)),
    }?;
    Ok(ended.map(|(pid, status)| {
        let code = || End::Code(status.exit_status().unwrap_or_default() as u8);
        (pid.as_raw_nonzero().get(), status.terminating_signal().map_or_else(code, End::Signal))
    }))
}

/// Waits until a child has ended, and leaves it for `wait`.
pub fn wait_for_end(child: Pid) -> io::Result<()> {
    let id = WaitId::Pid(number(child)?);
    retry_on_intr(|| rustix::process::waitid(id.clone(), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT))?;
    Ok(())
}

fn number(pid: Pid) -> io::Result<Number> {
    let positive = Some(pid).filter(|pid| *pid > 0).and_then(Number::from_raw);
    positive.ok_or_else(|| io::Error::from_raw_os_error(libc::ESRCH))
}

/// Sends a signal to a process (or, negative, a process group); 0 only asks whether that is possible.
pub fn kill(pid: Pid, signal: c_int) -> io::Result<()> {
    // SAFETY: no memory is involved. Not by rustix, whose signals are those with a name: scripts may give any number.
    check(unsafe { libc::kill(pid, signal) }).map(drop)
}

/// A descriptor for a process, which keeps meaning this process even when its number is used again.
pub fn pidfd_open(pid: Pid) -> io::Result<OwnedFd> {
    Ok(rustix::process::pidfd_open(number(pid)?, PidfdFlags::empty())?)
}

/// Sends a signal to the process behind a descriptor.
pub fn pidfd_kill(fd: &OwnedFd, signal: c_int) -> io::Result<()> {
    // SAFETY: a null `siginfo` is allowed and means what `kill` does. Not by rustix, as for `kill`.
    let result =
        unsafe { libc::syscall(libc::SYS_pidfd_send_signal, fd.as_raw_fd(), signal, ptr::null::<c_void>(), 0) };
    check_long(result).map(drop)
}

/// Starts a new session: no controlling terminal, new process group.
pub fn new_session() -> io::Result<()> {
    rustix::process::setsid()?;
    Ok(())
}

/// Makes a process (0: this one) the leader of a new process group.
pub fn new_group(pid: Pid) -> io::Result<()> {
    Ok(rustix::process::setpgid(Number::from_raw(pid), None)?)
}

/// This process's group.
pub fn group() -> Pid {
    rustix::process::getpgrp().as_raw_nonzero().get()
}

/// Changes the root directory of this process.
pub fn chroot(path: &str) -> io::Result<()> {
    Ok(rustix::process::chroot(path)?)
}

/// Sets the file mode mask, returns the old one.
pub fn umask(mask: u32) -> u32 {
    rustix::process::umask(Mode::from_raw_mode(mask)).as_raw_mode()
}

/// Puts a file in the place of standard input (0), output (1) or error (2).
pub fn replace_descriptor(file: BorrowedFd<'_>, target: c_int) -> io::Result<()> {
    match target {
        0 => rustix::stdio::dup2_stdin(file)?,
        1 => rustix::stdio::dup2_stdout(file)?,
        2 => rustix::stdio::dup2_stderr(file)?,
        // Any other descriptor may be somebody's.
        _ => return Err(io::Error::from_raw_os_error(libc::EBADF)),
    }
    Ok(())
}

/// Puts a file in the place of standard input, output and error.
pub fn replace_stdio(file: BorrowedFd<'_>) -> io::Result<()> {
    (0..3).try_for_each(|target| replace_descriptor(file, target))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn a_child_ends_and_is_waited_for_once() {
        let child = Command::new("sh").args(["-c", "exit 3"]).spawn().unwrap().id() as Pid;
        wait_for_end(child).unwrap();
        assert_eq!(wait(child, false).unwrap(), Some((child, End::Code(3))));
        assert!(wait(child, false).is_err() && wait_for_end(child).is_err());
    }

    #[test]
    fn a_process_is_signalled_by_number_and_by_descriptor() {
        for signal in [libc::SIGKILL, libc::SIGRTMIN() + 1] {
            let child = Command::new("sleep").arg("1000").spawn().unwrap().id() as Pid;
            let handle = pidfd_open(child).unwrap();
            assert_eq!(wait(child, false).unwrap(), None);
            kill(child, 0).unwrap();
            pidfd_kill(&handle, signal).unwrap();
            assert_eq!(wait(child, true).unwrap(), Some((child, End::Signal(signal))));
        }
    }

    #[test]
    fn numbers_that_are_no_process() {
        assert!(pidfd_open(0).is_err() && pidfd_open(-1).is_err() && wait_for_end(0).is_err());
        let file = std::fs::File::open("/dev/null").unwrap();
        assert!(replace_descriptor(std::os::fd::AsFd::as_fd(&file), 3).is_err());
    }
}
