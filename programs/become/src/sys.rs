//! The calls to the kernel that std does not have, as safe functions.
//!
//! This is the only module with unsafe code.
#![allow(unsafe_code)]

use std::ffi::c_int;
use std::io::{self, Error};
use std::mem;
use std::os::fd::{AsRawFd, FromRawFd as _, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::ptr;

/// Signals that a caller passes on.
const SIGNALS: [c_int; 7] =
    [libc::SIGHUP, libc::SIGINT, libc::SIGQUIT, libc::SIGTERM, libc::SIGUSR1, libc::SIGUSR2, libc::SIGWINCH];
/// The caller is gone.
pub const HANG_UP: u8 = libc::SIGHUP as u8;

/// Room for a control message with three descriptors.
#[repr(C, align(8))]
struct Control([u8; 64]);

/// The process at the other end of a socket, as the kernel knew it when it connected.
pub struct Peer {
    /// Its user.
    pub uid: u32,
    /// Its number, which means this process only as long as it lives.
    pub pid: i32,
    handle: OwnedFd,
}

impl Peer {
    /// Of a connection. A process that has ended by now is an error.
    pub fn of(socket: &UnixStream) -> io::Result<Peer> {
        // SAFETY: `ucred` consists of integers, for which zero is a value.
        let mut found: libc::ucred = unsafe { mem::zeroed() };
        let mut handle: RawFd = -1;
        option(socket, libc::SO_PEERCRED, &mut found)?;
        option(socket, SO_PEERPIDFD, &mut handle)?;
        // SAFETY: the kernel just made this descriptor for us.
        let handle = unsafe { OwnedFd::from_raw_fd(handle) };
        Ok(Peer { uid: found.uid, pid: found.pid, handle })
    }

    /// Whether the process still runs.
    pub fn is_alive(&self) -> io::Result<bool> {
        let mut ended = libc::pollfd { fd: self.handle.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        // SAFETY: the kernel reads and writes one `pollfd`, which lives through the call.
        check(unsafe { libc::poll(&mut ended, 1, 0) })?;
        Ok(ended.revents == 0)
    }

    /// Has a child in the process's place.
    #[cfg(test)]
    pub fn watch_instead(&mut self, child: u32) -> io::Result<()> {
        // SAFETY: no memory is involved.
        let handle = unsafe { libc::syscall(libc::SYS_pidfd_open, child, 0) } as RawFd;
        check(handle)?;
        // SAFETY: the kernel just made this descriptor for us.
        self.handle = unsafe { OwnedFd::from_raw_fd(handle) };
        Ok(())
    }
}

/// The descriptor of a peer; since Linux 6.5.
const SO_PEERPIDFD: c_int = 77;

/// Reads an option of a socket into a value that is plain data of the option's size.
fn option<T: Copy>(socket: &UnixStream, name: c_int, value: &mut T) -> io::Result<()> {
    let mut len = mem::size_of::<T>() as libc::socklen_t;
    // SAFETY: the kernel writes at most `len` bytes to an object of that size, and callers give types of integers.
    check(unsafe {
        libc::getsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, name, ptr::from_mut(value).cast(), &mut len)
    })
}

/// A message header for `bytes`, which must outlive it, with room in `control`.
fn header(bytes: &mut libc::iovec, control: &mut Control) -> libc::msghdr {
    // SAFETY: `msghdr` consists of integers and pointers, for which zero is a value.
    let mut header: libc::msghdr = unsafe { mem::zeroed() };
    header.msg_iov = bytes;
    header.msg_iovlen = 1;
    header.msg_control = control.0.as_mut_ptr().cast();
    // SAFETY: the macro computes a number.
    header.msg_controllen = unsafe { libc::CMSG_SPACE(mem::size_of::<[RawFd; 3]>() as u32) } as _;
    header
}

/// Sends four bytes together with standard input, output and error.
pub fn send_stdio(socket: &UnixStream, bytes: &[u8; 4]) -> io::Result<()> {
    let fds: [RawFd; 3] = [0, 1, 2];
    let mut part = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
    let mut control = Control([0; 64]);
    let header = header(&mut part, &mut control);
    // SAFETY: `control` is aligned and larger than CMSG_SPACE, so the first header and its data lie in it.
    unsafe {
        let message = libc::CMSG_FIRSTHDR(&header);
        (*message).cmsg_level = libc::SOL_SOCKET;
        (*message).cmsg_type = libc::SCM_RIGHTS;
        (*message).cmsg_len = libc::CMSG_LEN(mem::size_of_val(&fds) as u32) as _;
        ptr::copy_nonoverlapping(fds.as_ptr().cast(), libc::CMSG_DATA(message), mem::size_of_val(&fds));
    }
    // SAFETY: the header and everything it points to live through the call.
    match unsafe { libc::sendmsg(socket.as_raw_fd(), &header, libc::MSG_NOSIGNAL) } {
        4 => Ok(()),
        sent if sent < 0 => Err(Error::last_os_error()),
        _ => Err(Error::other("the request was cut off")),
    }
}

/// Receives four bytes together with three descriptors.
pub fn receive_stdio(socket: &UnixStream, bytes: &mut [u8; 4]) -> io::Result<[OwnedFd; 3]> {
    let mut part = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: bytes.len() };
    let mut control = Control([0; 64]);
    let mut header = header(&mut part, &mut control);
    // SAFETY: the header and everything it points to live through the call.
    let got = unsafe { libc::recvmsg(socket.as_raw_fd(), &mut header, libc::MSG_CMSG_CLOEXEC) };
    if got < 0 {
        return Err(Error::last_os_error());
    }
    let mut fds = Vec::new();
    // SAFETY: the kernel wrote `msg_controllen` bytes of messages, which the macros walk; descriptors of SCM_RIGHTS are new
    // and belong to nobody else.
    unsafe {
        let message = libc::CMSG_FIRSTHDR(&header);
        if !message.is_null() && (*message).cmsg_level == libc::SOL_SOCKET && (*message).cmsg_type == libc::SCM_RIGHTS {
            let len = ((*message).cmsg_len as usize).saturating_sub(libc::CMSG_LEN(0) as usize);
            let data: *const RawFd = libc::CMSG_DATA(message).cast();
            for index in 0..len / mem::size_of::<RawFd>() {
                fds.push(OwnedFd::from_raw_fd(ptr::read_unaligned(data.add(index))));
            }
        }
    }
    if got as usize != bytes.len() || header.msg_flags & libc::MSG_CTRUNC != 0 {
        return Err(Error::other("this is not a request of `become`"));
    }
    <[OwnedFd; 3]>::try_from(fds).map_err(|_| Error::other("the request comes without its three descriptors"))
}

/// Sets the file mode mask; gives the one before.
pub fn umask(mask: u32) -> u32 {
    // SAFETY: no memory is involved, and the call cannot fail.
    unsafe { libc::umask(mask) }
}

/// Sends one of the signals that may be passed on to a process group.
pub fn signal_group(group: u32, signal: u8) -> io::Result<()> {
    let signal = c_int::from(signal);
    if !SIGNALS.contains(&signal) || group < 2 {
        return Err(Error::other("this signal is not passed on"));
    }
    // SAFETY: no memory is involved.
    check(unsafe { libc::kill(-(group as libc::pid_t), signal) })
}

/// Waits until a child has ended, and leaves it for `wait`.
pub fn wait_for_end(child: u32) -> io::Result<()> {
    loop {
        // SAFETY: `siginfo_t` consists of integers and pointers, for which zero is a value.
        let mut info: libc::siginfo_t = unsafe { mem::zeroed() };
        // SAFETY: the kernel writes to an object of the right type.
        match check(unsafe { libc::waitid(libc::P_PID, child, &mut info, libc::WEXITED | libc::WNOWAIT) }) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

fn signal_set() -> libc::sigset_t {
    // SAFETY: `sigset_t` consists of integers, for which zero is a value; it is filled by the calls made for it.
    unsafe {
        let mut set: libc::sigset_t = mem::zeroed();
        libc::sigemptyset(&mut set);
        for signal in SIGNALS {
            libc::sigaddset(&mut set, signal);
        }
        set
    }
}

/// Keeps the signals that are passed on from ending this program; threads started later inherit that.
pub fn block_signals() -> io::Result<()> {
    // SAFETY: the set lives through the call; the old one is not asked for.
    match unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &signal_set(), ptr::null_mut()) } {
        0 => Ok(()),
        error => Err(Error::from_raw_os_error(error)),
    }
}

/// Waits for one of these signals.
pub fn next_signal() -> io::Result<u8> {
    let mut signal = 0;
    // SAFETY: set and number live through the call.
    match unsafe { libc::sigwait(&signal_set(), &mut signal) } {
        0 => Ok(signal as u8),
        error => Err(Error::from_raw_os_error(error)),
    }
}

fn check(result: c_int) -> io::Result<()> {
    if result < 0 { Err(Error::last_os_error()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    #[test]
    fn descriptors_travel_with_the_request() {
        let (sender, receiver) = UnixStream::pair().unwrap();
        send_stdio(&sender, b"1234").unwrap();
        let mut bytes = [0; 4];
        let fds = receive_stdio(&receiver, &mut bytes).unwrap();
        assert_eq!(&bytes, b"1234");
        assert!(fds.iter().all(|fd| fd.as_raw_fd() > 2));
    }

    #[test]
    fn a_request_without_descriptors_is_none() {
        let (mut sender, receiver) = UnixStream::pair().unwrap();
        sender.write_all(b"1234").unwrap();
        let error = receive_stdio(&receiver, &mut [0; 4]).unwrap_err();
        assert_eq!(error.to_string(), "the request comes without its three descriptors");
        drop(sender);
        assert_eq!(receive_stdio(&receiver, &mut [0; 4]).unwrap_err().to_string(), "this is not a request of `become`");
    }

    #[test]
    fn only_some_signals_and_no_special_groups() {
        assert!(signal_group(0, HANG_UP).is_err() && signal_group(1, HANG_UP).is_err());
        assert!(signal_group(std::process::id(), libc::SIGKILL as u8).is_err());
    }

    #[test]
    fn the_peer_is_this_user() {
        let (one, _other) = UnixStream::pair().unwrap();
        let own = std::fs::metadata("/proc/self").unwrap();
        let peer = Peer::of(&one).unwrap();
        assert_eq!((peer.uid, peer.pid), (std::os::unix::fs::MetadataExt::uid(&own), std::process::id() as i32));
        assert!(peer.is_alive().unwrap());
    }
}
