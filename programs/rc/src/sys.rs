//! The calls to the kernel that std does not have, as safe functions.
//!
//! This is the only module with unsafe code, together with its parts [`files`], [`rights`] and [`sockets`]. Nothing
//! here decides anything.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString, OsStr, c_int, c_void};
use std::fs::File;
use std::io::{self, Error};
use std::mem;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::ptr;
use std::time::Duration;

mod files;
mod rights;
mod sockets;

pub use files::*;
pub use rights::*;
pub use sockets::*;

/// A process id.
pub type Pid = i32;

pub use libc::{SIGCHLD, SIGCONT, SIGHUP, SIGINT, SIGKILL, SIGPIPE, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};

/// Sets a variable of this process's environment, for the programs that it starts.
pub fn set_variable(name: &str, value: &str) {
    // SAFETY: no program of this crate has more than one thread, so that nobody else reads the environment meanwhile.
    unsafe { std::env::set_var(name, value) }
}

/// Takes a variable out of this process's environment.
pub fn unset_variable(name: &str) {
    // SAFETY: as for `set_variable`.
    unsafe { std::env::remove_var(name) }
}

fn check(result: c_int) -> io::Result<c_int> {
    if result < 0 {
        return Err(Error::last_os_error());
    }
    Ok(result)
}

fn check_long(result: libc::c_long) -> io::Result<libc::c_long> {
    if result < 0 {
        return Err(Error::last_os_error());
    }
    Ok(result)
}

fn c_string(text: &OsStr) -> io::Result<CString> {
    Ok(CString::new(text.as_bytes())?)
}

/// Takes an exclusive lock of a file without waiting.
pub fn lock_exclusive(file: &File) -> io::Result<()> {
    // SAFETY: no memory is involved.
    check(unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB) }).map(drop)
}

/// Takes an exclusive lock of a file when nobody else has it.
pub fn lock_when_free(file: &File) -> io::Result<()> {
    loop {
        // SAFETY: no memory is involved.
        match check(unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_EX) }) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result.map(drop),
        }
    }
}

/// Real user id.
pub fn uid() -> u32 {
    // SAFETY: no memory is involved; cannot fail.
    unsafe { libc::getuid() }
}

/// What `fork` returns.
pub enum Fork {
    /// In the new process.
    Child,
    /// In the old one.
    Parent(Pid),
}

/// Makes a second process out of this one.
pub fn fork() -> io::Result<Fork> {
    // SAFETY: this program has one thread and starts no others, so no lock can be held by a thread that is gone.
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
    let mut status = 0;
    loop {
        // SAFETY: the status goes to an object of the right type.
        match check(unsafe { libc::waitpid(pid, &mut status, if block { 0 } else { libc::WNOHANG }) }) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
            Ok(0) => return Ok(None),
            Ok(pid) if libc::WIFSIGNALED(status) => return Ok(Some((pid, End::Signal(libc::WTERMSIG(status))))),
            Ok(pid) => return Ok(Some((pid, End::Code(libc::WEXITSTATUS(status) as u8)))),
        }
    }
}

/// Sends a signal to a process (or, negative, a process group); 0 only asks whether that is possible.
pub fn kill(pid: Pid, signal: c_int) -> io::Result<()> {
    // SAFETY: no memory is involved.
    check(unsafe { libc::kill(pid, signal) }).map(drop)
}

/// A descriptor for a process, which keeps meaning this process even when its number is used again.
pub fn pidfd_open(pid: Pid) -> io::Result<OwnedFd> {
    // SAFETY: no memory is involved.
    let fd = check_long(unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) })?;
    // SAFETY: the kernel just made this descriptor for us; nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as c_int) })
}

/// Sends a signal to the process behind a descriptor.
pub fn pidfd_kill(fd: &OwnedFd, signal: c_int) -> io::Result<()> {
    // SAFETY: a null `siginfo` is allowed and means what `kill` does.
    let result =
        unsafe { libc::syscall(libc::SYS_pidfd_send_signal, fd.as_raw_fd(), signal, ptr::null::<c_void>(), 0) };
    check_long(result).map(drop)
}

/// Waits until one of the descriptors can be read or the time is over; says which can.
pub fn poll(fds: &[BorrowedFd<'_>], limit: Option<Duration>) -> io::Result<Vec<bool>> {
    let mut list: Vec<libc::pollfd> =
        fds.iter().map(|fd| libc::pollfd { fd: fd.as_raw_fd(), events: libc::POLLIN, revents: 0 }).collect();
    let limit = match limit {
        // Rounded up: waking a little early would only wait again.
        Some(limit) => c_int::try_from(limit.as_micros().div_ceil(1000)).unwrap_or(c_int::MAX),
        None => -1,
    };
    // SAFETY: pointer and length are those of one vector, which lives through the call.
    match check(unsafe { libc::poll(list.as_mut_ptr(), list.len() as libc::nfds_t, limit) }) {
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(vec![false; list.len()]),
        Err(error) => Err(error),
        Ok(_) => Ok(list.iter().map(|entry| entry.revents != 0).collect()),
    }
}

/// Signals as something to read: they are blocked from now on and arrive here.
pub struct Signals(File);

impl Signals {
    /// Blocks the signals and opens the descriptor.
    pub fn block(signals: &[c_int]) -> io::Result<Signals> {
        let set = signal_set(signals);
        // SAFETY: the set is initialised; a null pointer for the old one is allowed.
        check(unsafe { libc::sigprocmask(libc::SIG_BLOCK, &set, ptr::null_mut()) })?;
        // SAFETY: as above; -1 asks for a new descriptor.
        let fd = check(unsafe { libc::signalfd(-1, &set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) })?;
        // SAFETY: the kernel just made this descriptor for us.
        Ok(Signals(unsafe { File::from_raw_fd(fd) }))
    }

    /// For `poll`.
    pub fn as_fd(&self) -> BorrowedFd<'_> {
        std::os::fd::AsFd::as_fd(&self.0)
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

/// No signal blocked or ignored any more, as a program expects that is started from a terminal.
pub fn reset_signals() {
    // SAFETY: default dispositions and an empty mask are always allowed. Failing for SIGKILL and SIGSTOP is expected.
    unsafe {
        for signal in 1..32 {
            libc::signal(signal, libc::SIG_DFL);
        }
        let set = signal_set(&[]);
        libc::sigprocmask(libc::SIG_SETMASK, &set, ptr::null_mut());
    }
}

/// Starts a new session: no controlling terminal, new process group.
pub fn new_session() -> io::Result<()> {
    // SAFETY: no memory is involved.
    check(unsafe { libc::setsid() }).map(drop)
}

/// Makes a process (0: this one) the leader of a new process group.
pub fn new_group(pid: Pid) -> io::Result<()> {
    // SAFETY: no memory is involved.
    check(unsafe { libc::setpgid(pid, 0) }).map(drop)
}

/// Gives the terminal on standard input to a process group, if this is the terminal's session.
pub fn foreground(group: Pid) {
    // SAFETY: no memory is involved. Not being on a terminal is not an error here.
    unsafe {
        libc::signal(libc::SIGTTOU, libc::SIG_IGN);
        libc::tcsetpgrp(0, group);
        libc::signal(libc::SIGTTOU, libc::SIG_DFL);
    }
}

/// Whether this process may read from the terminal on standard input.
pub fn is_foreground() -> bool {
    // SAFETY: no memory is involved.
    unsafe { libc::isatty(0) == 1 && libc::tcgetpgrp(0) == libc::getpgrp() }
}

/// This process's group.
pub fn group() -> Pid {
    // SAFETY: no memory is involved; cannot fail.
    unsafe { libc::getpgrp() }
}

/// Sets the file mode mask, returns the old one.
pub fn umask(mask: u32) -> u32 {
    // SAFETY: no memory is involved; cannot fail.
    unsafe { libc::umask(mask) }
}

/// Puts a file in the place of descriptor `target`.
pub fn replace_descriptor(file: BorrowedFd<'_>, target: c_int) -> io::Result<()> {
    // SAFETY: no memory is involved; callers replace only 0, 1 and 2, which std never owns.
    check(unsafe { libc::dup2(file.as_raw_fd(), target) }).map(drop)
}

/// Columns of the terminal on standard output or error.
pub fn columns() -> Option<u16> {
    // SAFETY: `winsize` consists of integers, for which zero is a value.
    let mut size: libc::winsize = unsafe { mem::zeroed() };
    // SAFETY: the request writes a `winsize`, which `size` is.
    let got = [1, 2].into_iter().any(|fd| unsafe { libc::ioctl(fd, libc::TIOCGWINSZ, &mut size) } == 0);
    (got && size.ws_col > 0).then_some(size.ws_col)
}

/// A POSIX extended regular expression.
pub struct Regex(Box<libc::regex_t>);

impl Regex {
    /// Compiles; the error is the C library's explanation.
    pub fn new(pattern: &str) -> Result<Regex, String> {
        let text = CString::new(pattern).map_err(|error| error.to_string())?;
        // SAFETY: `regex_t` is plain data that regcomp fills; zero is a value of each member.
        let mut regex: Box<libc::regex_t> = Box::new(unsafe { mem::zeroed() });
        // SAFETY: the pattern ends with NUL; the result goes to an object of the right type.
        let code = unsafe { libc::regcomp(&mut *regex, text.as_ptr(), libc::REG_EXTENDED | libc::REG_NOSUB) };
        if code == 0 {
            return Ok(Regex(regex));
        }
        let mut message = [0u8; 200];
        // SAFETY: pointer and length are those of one array; the result ends with NUL within it.
        unsafe { libc::regerror(code, &*regex, message.as_mut_ptr().cast(), message.len()) };
        Err(CStr::from_bytes_until_nul(&message).map_or_else(|_| String::new(), |m| m.to_string_lossy().into_owned()))
    }

    /// Whether it matches somewhere in the text.
    pub fn matches(&self, text: &str) -> bool {
        let Ok(text) = CString::new(text) else { return false };
        // SAFETY: the expression was compiled, the text ends with NUL, and no positions are asked for.
        unsafe { libc::regexec(&*self.0, text.as_ptr(), 0, ptr::null_mut(), 0) == 0 }
    }
}

impl Drop for Regex {
    fn drop(&mut self) {
        // SAFETY: the expression was compiled by regcomp and is freed once.
        unsafe { libc::regfree(&mut *self.0) };
    }
}

/// A pipe: the end to read from, the end to write to; both are closed in started programs.
pub fn pipe() -> io::Result<(File, File)> {
    let mut ends = [0; 2];
    // SAFETY: the call writes two descriptors, for which the array has room.
    check(unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) })?;
    // SAFETY: the kernel just made both descriptors for us.
    Ok(unsafe { (File::from_raw_fd(ends[0]), File::from_raw_fd(ends[1])) })
}

/// Closes all descriptors from 3 on when the next program starts.
pub fn close_on_exec_from_three() {
    // SAFETY: only sets flags. Kernels before 5.11 refuse; then what was inherited stays open, as with other programs.
    unsafe { libc::syscall(libc::SYS_close_range, 3, c_int::MAX, libc::CLOSE_RANGE_CLOEXEC) };
}

/// Leaves a descriptor open for the next program.
pub fn keep_on_exec(file: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: only clears a flag.
    check(unsafe { libc::fcntl(file.as_raw_fd(), libc::F_SETFD, 0) }).map(drop)
}
