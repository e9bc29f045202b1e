//! The calls to the kernel that std does not have, as safe functions.
//!
//! This is the only module with unsafe code.
#![allow(unsafe_code)]

use std::collections::BTreeMap;
use std::ffi::CString;
use std::io::{self, Error};
use std::mem;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::ptr;

/// The kernel allows no longer list and no longer value.
const LONGEST: usize = 64 * 1024;

/// Extended attributes of a path itself, not of what a link leads to. A file system without them has none.
pub fn attributes(path: &Path) -> io::Result<BTreeMap<Vec<u8>, Vec<u8>>> {
    let path = CString::new(path.as_os_str().as_bytes())?;
    let mut names = vec![0u8; LONGEST];
    // SAFETY: the path ends with NUL; the kernel writes no more than the length given.
    let length = unsafe { libc::llistxattr(path.as_ptr(), names.as_mut_ptr().cast(), names.len()) };
    if length < 0 {
        let error = Error::last_os_error();
        return if error.raw_os_error() == Some(libc::EOPNOTSUPP) { Ok(BTreeMap::new()) } else { Err(error) };
    }
    names.truncate(length as usize);
    let mut pairs = BTreeMap::new();
    for name in names.split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        let text = CString::new(name)?;
        let mut value = vec![0u8; LONGEST];
        // SAFETY: both texts end with NUL; the kernel writes no more than the length given.
        let length = unsafe { libc::lgetxattr(path.as_ptr(), text.as_ptr(), value.as_mut_ptr().cast(), value.len()) };
        if length < 0 {
            return Err(Error::last_os_error());
        }
        value.truncate(length as usize);
        drop(pairs.insert(name.to_vec(), value));
    }
    Ok(pairs)
}

/// The user that this process acts as.
pub fn user() -> u32 {
    // SAFETY: it only gives a number.
    unsafe { libc::geteuid() }
}

/// Writes a record of a kind into the kernel's audit and waits until it is taken.
pub fn audit_record(kind: u16, text: &str) -> io::Result<()> {
    // SAFETY: no pointers; a negative result is an error.
    let socket = unsafe { libc::socket(libc::AF_NETLINK, libc::SOCK_RAW | libc::SOCK_CLOEXEC, libc::NETLINK_AUDIT) };
    if socket < 0 {
        return Err(Error::last_os_error());
    }
    // SAFETY: a descriptor that was just opened, and that nobody else has.
    let socket = unsafe { OwnedFd::from_raw_fd(socket) };
    let patience = libc::timeval { tv_sec: 5, tv_usec: 0 };
    // SAFETY: the kernel reads an object of the size given.
    check(unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_RCVTIMEO,
            ptr::addr_of!(patience).cast(),
            mem::size_of_val(&patience) as libc::socklen_t,
        )
    })?;
    let message = message(kind, text);
    // SAFETY: `sockaddr_nl` consists of integers, for which zero is a value: the kernel's address.
    let mut kernel: libc::sockaddr_nl = unsafe { mem::zeroed() };
    kernel.nl_family = libc::AF_NETLINK as libc::sa_family_t;
    // SAFETY: the kernel reads `message` and `kernel`, in the sizes given.
    check(unsafe {
        libc::sendto(
            socket.as_raw_fd(),
            message.as_ptr().cast(),
            message.len(),
            0,
            ptr::addr_of!(kernel).cast(),
            mem::size_of_val(&kernel) as libc::socklen_t,
        )
    } as libc::c_int)?;
    let mut answer = [0u8; 64];
    // SAFETY: the kernel writes no more than the size of `answer`.
    let read = unsafe { libc::recv(socket.as_raw_fd(), answer.as_mut_ptr().cast(), answer.len(), 0) };
    check(read as libc::c_int)?;
    match answer_code(answer.get(..read as usize).unwrap_or_default()) {
        Some(0) => Ok(()),
        Some(code) => Err(Error::from_raw_os_error(-code)),
        None => Err(Error::other("the kernel's reply is malformed")),
    }
}

/// A netlink message that asks for an answer.
fn message(kind: u16, text: &str) -> Vec<u8> {
    let length = 16 + text.len() as u32 + 1;
    let flags = (libc::NLM_F_REQUEST | libc::NLM_F_ACK) as u16;
    let mut message = Vec::with_capacity(length as usize);
    message.extend_from_slice(&length.to_ne_bytes());
    message.extend_from_slice(&kind.to_ne_bytes());
    message.extend_from_slice(&flags.to_ne_bytes());
    message.extend_from_slice(&1u32.to_ne_bytes()); // sequence
    message.extend_from_slice(&0u32.to_ne_bytes()); // from: filled in by the kernel
    message.extend_from_slice(text.as_bytes());
    message.push(0);
    message
}

/// The code of an acknowledgement; none for anything else.
fn answer_code(answer: &[u8]) -> Option<i32> {
    let kind = u16::from_ne_bytes(answer.get(4..6)?.try_into().ok()?);
    let code = i32::from_ne_bytes(answer.get(16..20)?.try_into().ok()?);
    (kind == libc::NLMSG_ERROR as u16).then_some(code)
}

fn check(result: libc::c_int) -> io::Result<()> {
    if result < 0 {
        return Err(Error::last_os_error());
    }
    Ok(())
}

/// Sets an extended attribute.
#[cfg(test)]
pub fn set_attribute(path: &Path, name: &std::ffi::CStr, value: &[u8]) -> io::Result<()> {
    let path = CString::new(path.as_os_str().as_bytes())?;
    // SAFETY: both texts end with NUL; the kernel reads as many bytes as the value has.
    check(unsafe { libc::lsetxattr(path.as_ptr(), name.as_ptr(), value.as_ptr().cast(), value.len(), 0) })
}

/// A pipe with a name.
#[cfg(test)]
pub fn make_pipe(path: &std::ffi::CStr) -> io::Result<()> {
    // SAFETY: a string that ends with NUL.
    check(unsafe { libc::mkfifo(path.as_ptr(), 0o600) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_as_netlink_wants_it() {
        let bytes = message(1121, "op=x");
        assert_eq!(bytes.len(), 21);
        assert_eq!(bytes[..4], 21u32.to_ne_bytes());
        assert_eq!(bytes[4..6], 1121u16.to_ne_bytes());
        assert_eq!(bytes[16..], *b"op=x\0");
    }

    #[test]
    fn answers() {
        let mut answer = message(libc::NLMSG_ERROR as u16, "....");
        answer[16..20].copy_from_slice(&(-1i32).to_ne_bytes());
        assert_eq!(answer_code(&answer), Some(-1));
        assert_eq!(answer_code(&answer[..19]), None);
        assert_eq!(answer_code(&message(3, "....")), None);
    }
}
