//! Calls about sockets within the machine: who is at the other end, and descriptors that go over.

use super::check;
use std::ffi::c_int;
use std::io::{self, Error};
use std::mem;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::ptr;

/// The descriptor of a peer; since Linux 6.5.
const SO_PEERPIDFD: c_int = 77;

/// Room for a control message with three descriptors.
#[repr(C, align(8))]
struct Control([u8; 64]);

/// The process at the other end, as the kernel knew it when it connected.
pub struct Peer {
    /// Its user.
    pub uid: u32,
    /// Its number, which means this process only as long as it lives.
    pub pid: super::Pid,
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
}

/// Reads an option of a socket into a value of the option's size.
fn option<T: Copy>(socket: &UnixStream, name: c_int, value: &mut T) -> io::Result<()> {
    let mut len = mem::size_of::<T>() as libc::socklen_t;
    // SAFETY: the kernel writes at most `len` bytes to an object of that size, and callers give types of integers.
    check(unsafe {
        libc::getsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, name, ptr::from_mut(value).cast(), &mut len)
    })
    .map(drop)
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
pub fn send_with_stdio(socket: &UnixStream, bytes: &[u8; 4]) -> io::Result<()> {
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
pub fn receive_with_stdio(socket: &UnixStream, bytes: &mut [u8; 4]) -> io::Result<[OwnedFd; 3]> {
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
        return Err(Error::other("the request is none of rc's"));
    }
    <[OwnedFd; 3]>::try_from(fds).map_err(|_| Error::other("the request comes without its three descriptors"))
}
