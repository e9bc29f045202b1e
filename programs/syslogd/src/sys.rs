//! The calls to the kernel that std does not have, as safe functions.
//!
//! This is the only module with unsafe code.
#![allow(unsafe_code)]

use std::ffi::{CStr, c_int};
use std::io::{self, Error};
use std::mem;
use std::os::fd::{AsRawFd, FromRawFd as _, OwnedFd, RawFd};
use std::os::unix::net::UnixDatagram;
use std::ptr;
use std::time::Duration;

use crate::line::Sender;

pub use libc::{SIGHUP, SIGINT, SIGTERM};

fn check(result: c_int) -> io::Result<c_int> {
    if result < 0 {
        return Err(Error::last_os_error());
    }
    Ok(result)
}

/// Has the kernel say who sent each datagram from now on.
pub fn ask_for_senders(socket: &UnixDatagram) -> io::Result<()> {
    let on: c_int = 1;
    // SAFETY: the kernel reads one integer, which lives through the call.
    check(unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_PASSCRED,
            ptr::addr_of!(on).cast(),
            mem::size_of_val(&on) as libc::socklen_t,
        )
    })
    .map(drop)
}

/// A datagram: how many of its bytes are in the buffer, how many it had, and who sent it.
pub struct Received {
    /// Bytes in the buffer.
    pub got: usize,
    /// Bytes of the datagram.
    pub length: usize,
    /// As the kernel says. `None`: it did not.
    pub sender: Option<Sender>,
}

/// Room for a control message with credentials.
#[repr(C, align(8))]
struct Control([u8; 64]);

/// The next datagram, without waiting. Descriptors that come with it are not taken.
pub fn receive(socket: &UnixDatagram, buffer: &mut [u8]) -> io::Result<Received> {
    let mut part = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    let mut control = Control([0; 64]);
    // SAFETY: `msghdr` consists of integers and pointers, for which zero is a value.
    let mut header: libc::msghdr = unsafe { mem::zeroed() };
    header.msg_iov = &mut part;
    header.msg_iovlen = 1;
    header.msg_control = control.0.as_mut_ptr().cast();
    // Room for credentials alone: the kernel closes descriptors that do not fit.
    // SAFETY: the macro computes a number.
    header.msg_controllen = unsafe { libc::CMSG_SPACE(mem::size_of::<libc::ucred>() as u32) } as _;
    let flags = libc::MSG_DONTWAIT | libc::MSG_TRUNC | libc::MSG_CMSG_CLOEXEC;
    // SAFETY: the header and everything it points to live through the call.
    let length = unsafe { libc::recvmsg(socket.as_raw_fd(), &mut header, flags) };
    if length < 0 {
        return Err(Error::last_os_error());
    }
    let mut sender = None;
    // SAFETY: the kernel wrote `msg_controllen` bytes of messages, which the macros walk; a message of this kind holds a `ucred`,
    // and one of descriptors new ones, which belong to nobody else.
    unsafe {
        let mut message = libc::CMSG_FIRSTHDR(&header);
        while !message.is_null() {
            let data = libc::CMSG_DATA(message);
            let bytes = ((*message).cmsg_len as usize).saturating_sub(libc::CMSG_LEN(0) as usize);
            match ((*message).cmsg_level, (*message).cmsg_type) {
                (libc::SOL_SOCKET, libc::SCM_CREDENTIALS) if bytes >= mem::size_of::<libc::ucred>() => {
                    let found: libc::ucred = ptr::read_unaligned(data.cast());
                    sender = Some(Sender { uid: found.uid, pid: found.pid });
                }
                (libc::SOL_SOCKET, libc::SCM_RIGHTS) => {
                    let fds: *const RawFd = data.cast();
                    for index in 0..bytes / mem::size_of::<RawFd>() {
                        drop(OwnedFd::from_raw_fd(ptr::read_unaligned(fds.add(index))));
                    }
                }
                _ => {}
            }
            message = libc::CMSG_NXTHDR(&header, message);
        }
    }
    let length = length as usize;
    Ok(Received { got: length.min(buffer.len()), length, sender })
}

/// Signals as something to read.
pub struct Signals(OwnedFd);

impl Signals {
    /// Blocks HUP, INT and TERM; they arrive here from now on.
    pub fn block() -> io::Result<Signals> {
        // SAFETY: `sigset_t` consists of integers, for which zero is a value; it is filled by the calls made for it.
        let fd = unsafe {
            let mut set: libc::sigset_t = mem::zeroed();
            libc::sigemptyset(&mut set);
            for signal in [SIGHUP, SIGINT, SIGTERM] {
                libc::sigaddset(&mut set, signal);
            }
            check(libc::sigprocmask(libc::SIG_BLOCK, &set, ptr::null_mut()))?;
            check(libc::signalfd(-1, &set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK))?
        };
        // SAFETY: the kernel just made this descriptor for us.
        Ok(Signals(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// The next that has arrived, if any.
    pub fn next(&self) -> Option<c_int> {
        // SAFETY: `signalfd_siginfo` consists of integers, for which zero is a value.
        let mut info: libc::signalfd_siginfo = unsafe { mem::zeroed() };
        let size = mem::size_of_val(&info);
        // SAFETY: the buffer is an object of exactly the size that is given.
        let got = unsafe { libc::read(self.0.as_raw_fd(), ptr::from_mut(&mut info).cast(), size) };
        (got == size as isize).then_some(info.ssi_signo as c_int)
    }
}

/// Waits until a datagram or a signal is there, or the time is over.
pub fn wait(socket: &UnixDatagram, signals: &Signals, limit: Duration) -> io::Result<()> {
    let entry = |fd: RawFd| libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
    let mut list = [entry(socket.as_raw_fd()), entry(signals.0.as_raw_fd())];
    // SAFETY: pointer and length are those of one array, which lives through the call.
    match check(unsafe { libc::poll(list.as_mut_ptr(), 2, limit.as_millis() as c_int) }) {
        Err(error) if error.kind() != io::ErrorKind::Interrupted => Err(error),
        _ => Ok(()),
    }
}

/// Goes on in the background: gives the new process's number here, and `None` there.
pub fn into_background() -> io::Result<Option<i32>> {
    // SAFETY: this program has one thread, so no lock can be held by a thread that is gone.
    match check(unsafe { libc::fork() })? {
        0 => {
            // SAFETY: no memory is involved.
            check(unsafe { libc::setsid() })?;
            Ok(None)
        }
        pid => Ok(Some(pid)),
    }
}

/// Puts a file in the place of standard input, output and error.
pub fn replace_stdio(file: &std::fs::File) -> io::Result<()> {
    (0..3).try_for_each(|target| {
        // SAFETY: no memory is involved; std does not own 0, 1 and 2.
        check(unsafe { libc::dup2(file.as_raw_fd(), target) }).map(drop)
    })
}

/// Sets the file mode mask; gives the one before.
pub fn umask(mask: u32) -> u32 {
    // SAFETY: no memory is involved, and the call cannot fail.
    unsafe { libc::umask(mask) }
}

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

/// The machine's name; it may change while this runs.
pub fn host_name() -> String {
    let mut text = [0_u8; 65];
    // SAFETY: the call writes at most so many bytes, and the last one stays NUL.
    unsafe { libc::gethostname(text.as_mut_ptr().cast(), text.len() - 1) };
    CStr::from_bytes_until_nul(&text).map_or_else(|_| String::new(), |text| text.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_says_who_sent() {
        let (one, other) = UnixDatagram::pair().unwrap();
        ask_for_senders(&other).unwrap();
        one.send(b"0123456789").unwrap();
        let mut buffer = [0; 4];
        let received = receive(&other, &mut buffer).unwrap();
        assert_eq!((received.got, received.length, &buffer), (4, 10, b"0123"));
        let own = std::fs::metadata("/proc/self").unwrap();
        let uid = std::os::unix::fs::MetadataExt::uid(&own);
        assert_eq!(received.sender, Some(Sender { uid, pid: std::process::id() as i32 }));
        assert_eq!(receive(&other, &mut buffer).err().map(|error| error.kind()), Some(io::ErrorKind::WouldBlock));
    }

    #[test]
    fn time_and_name() {
        assert!(local_time().len() == 15 && !host_name().is_empty());
    }
}
