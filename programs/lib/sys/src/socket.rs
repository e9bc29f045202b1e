//! Sockets within the machine: who is at the other end, and descriptors that go over.

use std::ffi::c_int;
use std::io::{self, Error, IoSlice, IoSliceMut};
use std::mem::{self, MaybeUninit};
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd, RawFd};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::ptr;
use std::time::Duration;

use rustix::net::{
    AddressFamily, Protocol, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType,
};

use crate::process::Pid;
use crate::result::check;

/// The descriptor of a peer; since Linux 6.5.
const SO_PEERPIDFD: c_int = 77;

/// The process at the other end, as the kernel knew it when it connected.
#[derive(Debug)]
pub struct Peer {
    /// Its user.
    pub uid: u32,
    /// Its number, which means this process only as long as it lives.
    pub pid: Pid,
    handle: OwnedFd,
}

impl Peer {
    /// Of a connection. A process that has ended by now is an error.
    pub fn of(socket: &UnixStream) -> io::Result<Peer> {
        // Not by rustix, whose process numbers are never 0, as that of a process in another namespace is.
        // SAFETY: `ucred` consists of integers, for which zero is a value.
        let mut found: libc::ucred = unsafe { mem::zeroed() };
        let mut handle: RawFd = -1;
        // SAFETY: both options are written as integers.
        unsafe {
            option(socket, libc::SO_PEERCRED, &mut found)?;
            option(socket, SO_PEERPIDFD, &mut handle)?;
        }
        // SAFETY: the kernel just made this descriptor for us.
        let handle = unsafe { OwnedFd::from_raw_fd(handle) };
        Ok(Peer { uid: found.uid, pid: found.pid, handle })
    }

    /// Whether the process still runs.
    pub fn is_alive(&self) -> io::Result<bool> {
        Ok(!crate::signal::poll(&[self.handle.as_fd()], Some(Duration::ZERO))?[0])
    }

    /// Has another process in its place, whose descriptor this is. For tests.
    pub fn watch_instead(&mut self, handle: OwnedFd) {
        self.handle = handle;
    }
}

/// Reads an option of a socket into a value.
///
/// # Safety
/// What the kernel writes for this option must be a value of the type.
unsafe fn option<T>(socket: &UnixStream, name: c_int, value: &mut T) -> io::Result<()> {
    let mut len = mem::size_of::<T>() as libc::socklen_t;
    // SAFETY: the kernel writes at most `len` bytes to an object of that size.
    check(unsafe {
        libc::getsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, name, ptr::from_mut(value).cast(), &mut len)
    })
    .map(drop)
}

/// Sends bytes together with descriptors.
pub fn send_with(socket: &UnixStream, bytes: &[u8], descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
    let mut room = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_DESCRIPTORS))];
    let mut control = SendAncillaryBuffer::new(&mut room);
    if descriptors.len() > MAX_DESCRIPTORS || !control.push(SendAncillaryMessage::ScmRights(descriptors)) {
        return Err(Error::other("too many descriptors for one message"));
    }
    let sent = rustix::net::sendmsg(socket, &[IoSlice::new(bytes)], &mut control, SendFlags::NOSIGNAL)?;
    if sent == bytes.len() { Ok(()) } else { Err(Error::other("the message was cut off")) }
}

/// Descriptors that go in one message at most.
const MAX_DESCRIPTORS: usize = 4;

/// Sends bytes together with standard input, output and error.
pub fn send_with_stdio(socket: &UnixStream, bytes: &[u8]) -> io::Result<()> {
    send_with(socket, bytes, &[io::stdin().as_fd(), io::stdout().as_fd(), io::stderr().as_fd()])
}

/// Receives bytes together with descriptors, of both as many as there is room for.
pub fn receive_with<const N: usize>(socket: &UnixStream, bytes: &mut [u8]) -> io::Result<[OwnedFd; N]> {
    let mut room = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_DESCRIPTORS))];
    let mut control = RecvAncillaryBuffer::new(&mut room);
    let expected = bytes.len();
    let got = rustix::net::recvmsg(socket, &mut [IoSliceMut::new(bytes)], &mut control, RecvFlags::CMSG_CLOEXEC)?;
    let mut descriptors = Vec::new();
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(come) = message {
            descriptors.extend(come);
        }
    }
    if got.bytes != expected {
        return Err(Error::other(format!("the message has {} bytes; {expected} are expected", got.bytes)));
    }
    if got.flags.contains(ReturnFlags::CTRUNC) {
        return Err(Error::other(format!("the message comes with more descriptors than {N}")));
    }
    let come = descriptors.len();
    <[OwnedFd; N]>::try_from(descriptors)
        .map_err(|_| Error::other(format!("the message comes with {come} descriptors; {N} are expected")))
}

/// Who sent a datagram, as the kernel says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sender {
    /// Its user.
    pub uid: u32,
    /// Its number; 0 for a process that this one cannot see.
    pub pid: Pid,
}

/// Has the kernel say who sent each datagram from now on.
pub fn ask_for_senders(socket: &UnixDatagram) -> io::Result<()> {
    Ok(rustix::net::sockopt::set_socket_passcred(socket, true)?)
}

/// A datagram: how many of its bytes are in the buffer, how many it had, and who sent it.
#[derive(Debug)]
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
    // Not by rustix, whose process numbers are never 0, as for `Peer`.
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

/// A socket by the kernel's numbers (`libc::AF_…`, `SOCK_…`, `IPPROTO_…`); protocol 0 is the family's usual one.
pub fn open(family: c_int, kind: c_int, protocol: c_int) -> io::Result<OwnedFd> {
    let family = AddressFamily::from_raw(family as u16);
    let protocol = u32::try_from(protocol).ok().and_then(std::num::NonZeroU32::new).map(Protocol::from_raw);
    Ok(rustix::net::socket_with(family, SocketType::from_raw(kind as u32), SocketFlags::CLOEXEC, protocol)?)
}

/// Sends data while it connects a stream socket to a port of this machine, which Landlock does not see.
pub fn connect_by_sending(socket: &OwnedFd, port: u16, data: &[u8]) -> io::Result<()> {
    let place = std::net::SocketAddr::from(([127, 0, 0, 1], port));
    let flags = SendFlags::from_bits_retain(libc::MSG_FASTOPEN as u32) | SendFlags::NOSIGNAL;
    rustix::net::sendto(socket, data, flags, &place)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn own_user() -> u32 {
        std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self").unwrap())
    }

    #[test]
    fn descriptors_travel_with_the_message() {
        let (sender, receiver) = UnixStream::pair().unwrap();
        send_with_stdio(&sender, b"1234").unwrap();
        let mut bytes = [0; 4];
        let fds = receive_with::<3>(&receiver, &mut bytes).unwrap();
        assert_eq!(&bytes, b"1234");
        assert!(fds.iter().all(|fd| fd.as_raw_fd() > 2));
        send_with(&sender, b"1", &[fds[0].as_fd()]).unwrap();
        let [_one] = receive_with(&receiver, &mut bytes[..1]).unwrap();
    }

    #[test]
    fn other_messages_are_refused() {
        let (mut sender, receiver) = UnixStream::pair().unwrap();
        let said = |bytes: &mut [u8]| receive_with::<3>(&receiver, bytes).unwrap_err().to_string();
        sender.write_all(b"1234").unwrap();
        assert_eq!(said(&mut [0; 4]), "the message comes with 0 descriptors; 3 are expected");
        let input = io::stdin();
        send_with(&sender, b"1234", &[input.as_fd(); MAX_DESCRIPTORS]).unwrap();
        assert_eq!(said(&mut [0; 4]), "the message comes with 4 descriptors; 3 are expected");
        assert!(send_with(&sender, b"1234", &[input.as_fd(); MAX_DESCRIPTORS + 1]).is_err());
        drop(sender);
        assert_eq!(said(&mut [0; 4]), "the message has 0 bytes; 4 are expected");
    }

    #[test]
    fn the_peer_is_this_user() {
        let (one, _other) = UnixStream::pair().unwrap();
        let peer = Peer::of(&one).unwrap();
        assert_eq!((peer.uid, peer.pid), (own_user(), std::process::id() as Pid));
        assert!(peer.is_alive().unwrap());
    }

    #[test]
    fn the_kernel_says_who_sent() {
        let (one, other) = UnixDatagram::pair().unwrap();
        ask_for_senders(&other).unwrap();
        one.send(b"0123456789").unwrap();
        let mut buffer = [0; 4];
        let received = receive(&other, &mut buffer).unwrap();
        assert_eq!((received.got, received.length, &buffer), (4, 10, b"0123"));
        assert_eq!(received.sender, Some(Sender { uid: own_user(), pid: std::process::id() as Pid }));
        assert_eq!(receive(&other, &mut buffer).err().map(|error| error.kind()), Some(io::ErrorKind::WouldBlock));
    }
}
