//! The calls to the kernel that std does not have, as safe functions: netlink's socket, and the names of interfaces.
//!
//! This is the only module with unsafe code.
#![allow(unsafe_code)]

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};

/// A socket of netfilter.
pub fn netfilter() -> io::Result<OwnedFd> {
    let flags = libc::SOCK_RAW | libc::SOCK_CLOEXEC;
    // SAFETY: no pointers; the result is checked.
    let fd = unsafe { libc::socket(libc::AF_NETLINK, flags, libc::NETLINK_NETFILTER) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor was just made and belongs to nobody else.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Sets an option that is a number.
pub fn set_option(socket: &OwnedFd, level: i32, name: i32, value: i32) -> io::Result<()> {
    let pointer = std::ptr::from_ref(&value).cast();
    let len = size_of::<i32>() as libc::socklen_t;
    // SAFETY: the value is alive during the call, and its length is right.
    let done = unsafe { libc::setsockopt(socket.as_raw_fd(), level, name, pointer, len) };
    if done < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// Sends to the kernel; says how many bytes it took.
pub fn send(socket: &OwnedFd, bytes: &[u8]) -> io::Result<usize> {
    // SAFETY: all fields of this structure may be zero.
    let mut address: libc::sockaddr_nl = unsafe { std::mem::zeroed() };
    address.nl_family = libc::AF_NETLINK as libc::sa_family_t;
    let pointer = std::ptr::from_ref(&address).cast();
    let len = size_of::<libc::sockaddr_nl>() as libc::socklen_t;
    // SAFETY: both buffers are alive during the call, and their lengths are right.
    let sent = unsafe { libc::sendto(socket.as_raw_fd(), bytes.as_ptr().cast(), bytes.len(), 0, pointer, len) };
    usize::try_from(sent).map_err(|_| io::Error::last_os_error())
}

/// Receives into `room`. The length is that of what was sent, even when it did not fit.
pub fn receive(socket: &OwnedFd, room: &mut [u8], wait: bool) -> io::Result<usize> {
    let flags = libc::MSG_TRUNC | if wait { 0 } else { libc::MSG_DONTWAIT };
    // SAFETY: the buffer is alive during the call, and its length is right.
    let got = unsafe { libc::recv(socket.as_raw_fd(), room.as_mut_ptr().cast(), room.len(), flags) };
    usize::try_from(got).map_err(|_| io::Error::last_os_error())
}

/// Numbers and names of the interfaces that exist now.
pub fn interfaces() -> io::Result<Vec<(u32, String)>> {
    // SAFETY: no arguments; the result is checked and given back below.
    let list = unsafe { libc::if_nameindex() };
    if list.is_null() {
        return Err(io::Error::last_os_error());
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
