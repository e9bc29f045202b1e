//! Netlink: sockets to parts of the kernel.

use std::ffi::{CStr, c_int};
use std::io::{self, Error};
use std::mem;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::time::Duration;

use rustix::net::netlink::{AUDIT, NETFILTER, SocketAddrNetlink};
use rustix::net::{AddressFamily, Protocol, RecvFlags, SendFlags, SocketFlags, SocketType, sockopt};

use crate::result::check;

/// A connection to a part of the kernel.
#[derive(Debug)]
pub struct Socket(OwnedFd);

impl Socket {
    fn open(part: Protocol) -> io::Result<Self> {
        let flags = SocketFlags::CLOEXEC;
        Ok(Self(rustix::net::socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, Some(part))?))
    }

    /// To the packet filter.
    pub fn netfilter() -> io::Result<Self> {
        Self::open(NETFILTER)
    }

    /// Has the kernel say more about errors than their number, where it knows more.
    pub fn explain_errors(&self) -> io::Result<()> {
        let on: c_int = 1;
        let size = mem::size_of_val(&on) as libc::socklen_t;
        let (level, name) = (libc::SOL_NETLINK, libc::NETLINK_EXT_ACK);
        // SAFETY: the value is alive during the call, and its length is right.
        check(unsafe { libc::setsockopt(self.0.as_raw_fd(), level, name, (&raw const on).cast(), size) }).map(drop)
    }

    /// Room for what is sent at once: beyond the system's limit if this process may.
    pub fn make_room_to_send(&self, bytes: usize) -> io::Result<()> {
        sockopt::set_socket_send_buffer_size_force(&self.0, bytes)
            .or_else(|_| sockopt::set_socket_send_buffer_size(&self.0, bytes))?;
        Ok(())
    }

    /// Room for what is received at once, beyond the system's limit.
    pub fn make_room_to_receive(&self, bytes: usize) -> io::Result<()> {
        Ok(sockopt::set_socket_recv_buffer_size_force(&self.0, bytes)?)
    }

    /// Sends to the kernel; says how many bytes it took.
    pub fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        Ok(rustix::net::sendto(&self.0, bytes, SendFlags::empty(), &SocketAddrNetlink::new(0, 0))?)
    }

    /// Receives into `room`. The length is that of what was sent, even when it did not fit.
    pub fn receive(&self, room: &mut [u8], wait: bool) -> io::Result<usize> {
        let flags = RecvFlags::TRUNC | if wait { RecvFlags::empty() } else { RecvFlags::DONTWAIT };
        let (_, length) = rustix::net::recv(&self.0, room, flags)?;
        Ok(length)
    }
}

/// Sends a message of a kind to the kernel's audit and waits until it is taken, no longer than five seconds.
pub fn tell_audit(kind: u16, content: &[u8]) -> io::Result<()> {
    let socket = Socket::open(AUDIT)?;
    sockopt::set_socket_timeout(&socket.0, sockopt::Timeout::Recv, Some(Duration::from_secs(5)))?;
    socket.send(&message(kind, content))?;
    let mut answer = [0; 128];
    let length = socket.receive(&mut answer, true)?;
    match answer_code(answer.get(..length).unwrap_or(&answer)) {
        Some(0) => Ok(()),
        Some(code) => Err(Error::from_raw_os_error(-code)),
        None => Err(Error::other("the kernel's answer is no answer")),
    }
}

/// A netlink message that asks for an answer.
fn message(kind: u16, content: &[u8]) -> Vec<u8> {
    let flags = (libc::NLM_F_REQUEST | libc::NLM_F_ACK) as u16;
    let mut message = Vec::with_capacity(16 + content.len());
    message.extend_from_slice(&(16 + content.len() as u32).to_ne_bytes());
    message.extend_from_slice(&kind.to_ne_bytes());
    message.extend_from_slice(&flags.to_ne_bytes());
    message.extend_from_slice(&1u32.to_ne_bytes()); // sequence
    message.extend_from_slice(&0u32.to_ne_bytes()); // from: filled in by the kernel
    message.extend_from_slice(content);
    message
}

/// The code of an acknowledgement; none for anything else.
fn answer_code(answer: &[u8]) -> Option<i32> {
    let kind = u16::from_ne_bytes(answer.get(4..6)?.try_into().ok()?);
    let code = i32::from_ne_bytes(answer.get(16..20)?.try_into().ok()?);
    (kind == libc::NLMSG_ERROR as u16).then_some(code)
}

/// Numbers and names of the interfaces that exist now.
pub fn interfaces() -> io::Result<Vec<(u32, String)>> {
    // SAFETY: no arguments; the result is checked and given back below.
    let list = unsafe { libc::if_nameindex() };
    if list.is_null() {
        return Err(Error::last_os_error());
    }
    let mut all = Vec::new();
    let mut at = list;
    // SAFETY: the list ends with an entry of index 0, before which each name is a string.
    unsafe {
        while (*at).if_index != 0 {
            all.push(((*at).if_index, CStr::from_ptr((*at).if_name).to_string_lossy().into_owned()));
            at = at.add(1);
        }
        libc::if_freenameindex(list);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_as_netlink_wants_it() {
        let bytes = message(1121, b"op=x\0");
        assert_eq!(bytes.len(), 21);
        assert_eq!(bytes[..4], 21u32.to_ne_bytes());
        assert_eq!(bytes[4..6], 1121u16.to_ne_bytes());
        assert_eq!(bytes[16..], *b"op=x\0");
    }

    #[test]
    fn answers() {
        let mut answer = message(libc::NLMSG_ERROR as u16, b"....\0");
        answer[16..20].copy_from_slice(&(-1i32).to_ne_bytes());
        assert_eq!(answer_code(&answer), Some(-1));
        assert_eq!(answer_code(&answer[..19]), None);
        assert_eq!(answer_code(&message(3, b"....\0")), None);
    }

    #[test]
    fn there_is_a_loopback_interface() {
        assert!(interfaces().unwrap().iter().any(|(index, name)| *index == 1 && name == "lo"));
    }
}
