//! The calls to the kernel that std does not have, as safe functions.
//!
//! This is the only module with unsafe code.
#![allow(unsafe_code)]

use std::ffi::{c_int, c_ulong, CString};
use std::fs::File;
use std::io;
use std::os::fd::{FromRawFd as _, RawFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::ptr;

use seccompiler::sock_filter;

use crate::capability::{Capabilities, COUNT};

/// Not yet in the `libc` crate for musl.
const PR_SET_MDWE: c_int = 65;
const PR_MDWE_REFUSE_EXEC_GAIN: c_ulong = 1;

fn check(result: c_int) -> io::Result<()> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}

fn check_long(result: libc::c_long) -> io::Result<()> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}

fn text(path: &Path) -> io::Result<CString> {
    CString::new(path.as_os_str().as_bytes()).map_err(io::Error::other)
}

/// Leaves the system's namespaces for new ones.
pub fn unshare(flags: c_int) -> io::Result<()> {
    // SAFETY: no memory is involved.
    check(unsafe { libc::unshare(flags) })
}

/// Mounts, or changes a mount.
pub fn mount(source: &Path, target: &Path, kind: &str, flags: c_ulong, data: &str) -> io::Result<()> {
    let (source, target) = (text(source)?, text(target)?);
    let (kind, data) = (CString::new(kind)?, CString::new(data)?);
    // SAFETY: all pointers are to texts that end with NUL and live through the call.
    check(unsafe { libc::mount(source.as_ptr(), target.as_ptr(), kind.as_ptr(), flags, data.as_ptr().cast()) })
}

/// Sets and clears attributes of a mount, or with `below` of all mounts from there on.
pub fn mount_attributes(target: &Path, set: u64, clear: u64, below: bool) -> io::Result<()> {
    let target = text(target)?;
    // The kernel's `struct mount_attr`: set, clear, propagation, user namespace.
    let attributes: [u64; 4] = [set, clear, 0, 0];
    let flags = if below { libc::AT_RECURSIVE } else { 0 };
    // SAFETY: the path ends with NUL; the kernel reads exactly as many bytes as it is told, of an object that large.
    check_long(unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            libc::AT_FDCWD,
            target.as_ptr(),
            flags,
            attributes.as_ptr(),
            size_of_val(&attributes),
        )
    })
}

/// No program that is started later gains rights by being started.
pub fn no_new_privileges() -> io::Result<()> {
    // SAFETY: no memory is involved.
    check(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) })
}

/// Memory that was written never becomes executable.
pub fn no_write_execute() -> io::Result<()> {
    // SAFETY: no memory is involved.
    check(unsafe { libc::prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0) })
}

/// Takes a capability out of the bounding set: no program can have it again. What the kernel does not know is out already.
pub fn drop_from_bounding_set(capability: u8) -> io::Result<()> {
    // SAFETY: no memory is involved.
    match check(unsafe { libc::prctl(libc::PR_CAPBSET_DROP, c_ulong::from(capability), 0, 0, 0) }) {
        Err(error) if error.raw_os_error() == Some(libc::EINVAL) && capability >= COUNT => Ok(()),
        other => other,
    }
}

/// Keeps capabilities over a change of the user.
pub fn keep_capabilities() -> io::Result<()> {
    // SAFETY: no memory is involved.
    check(unsafe { libc::prctl(libc::PR_SET_KEEPCAPS, 1, 0, 0, 0) })
}

/// Sets permitted, effective and inheritable capabilities.
pub fn set_capabilities(permitted: Capabilities, inheritable: Capabilities) -> io::Result<()> {
    #[repr(C)]
    struct Header {
        version: u32,
        pid: c_int,
    }
    #[repr(C)]
    struct Half {
        effective: u32,
        permitted: u32,
        inheritable: u32,
    }
    const VERSION_3: u32 = 0x2008_0522;
    let header = Header { version: VERSION_3, pid: 0 };
    let half = |shift: u32| Half {
        effective: (permitted.0 >> shift) as u32,
        permitted: (permitted.0 >> shift) as u32,
        inheritable: (inheritable.0 >> shift) as u32,
    };
    let halves = [half(0), half(32)];
    // SAFETY: version 3 reads a header and two halves, laid out as the kernel declares them.
    check_long(unsafe { libc::syscall(libc::SYS_capset, ptr::from_ref(&header), halves.as_ptr()) })
}

/// Gives a capability to programs that are started later, without root.
pub fn raise_ambient(capability: u8) -> io::Result<()> {
    // SAFETY: no memory is involved.
    check(unsafe {
        libc::prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_RAISE as c_ulong, c_ulong::from(capability), 0, 0)
    })
}

/// Becomes another user.
pub fn set_identity(uid: u32, gid: u32, groups: &[u32]) -> io::Result<()> {
    // SAFETY: pointer and length are those of one slice.
    check(unsafe { libc::setgroups(groups.len() as _, groups.as_ptr()) })?;
    // SAFETY: no memory is involved.
    check(unsafe { libc::setresgid(gid, gid, gid) })?;
    // SAFETY: no memory is involved.
    check(unsafe { libc::setresuid(uid, uid, uid) })
}

/// Which limit of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource {
    /// Size of core dumps.
    Core,
    /// Open files.
    Files,
}

/// Sets a limit, soft and hard.
pub fn set_limit(resource: Resource, value: u64) -> io::Result<()> {
    let limit = libc::rlimit { rlim_cur: value, rlim_max: value };
    let resource = match resource {
        Resource::Core => libc::RLIMIT_CORE,
        Resource::Files => libc::RLIMIT_NOFILE,
    };
    // SAFETY: the limit lives through the call.
    check(unsafe { libc::setrlimit(resource, &limit) })
}

/// Sets the file mode mask.
pub fn umask(mask: u32) {
    // SAFETY: no memory is involved; cannot fail.
    unsafe { libc::umask(mask) };
}

/// Puts this thread under a filter of system calls.
pub fn install_filter(program: &[sock_filter]) -> io::Result<()> {
    let length = u16::try_from(program.len()).map_err(|_| io::Error::other("the filter is too long"))?;
    let program = libc::sock_fprog { len: length, filter: program.as_ptr().cast_mut().cast() };
    // SAFETY: seccompiler's `sock_filter` is laid out as the kernel's; pointer and length are those of one slice.
    // Each refusal becomes a record of audit, which otherwise never hears of a call that a filter answers.
    let flags = libc::SECCOMP_FILTER_FLAG_LOG;
    check_long(unsafe {
        libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, flags, ptr::from_ref(&program))
    })
}

/// A new, empty key store for this session.
pub fn own_keyring() -> io::Result<()> {
    const JOIN_SESSION_KEYRING: c_int = 1;
    // SAFETY: a null pointer asks for a keyring without a name.
    check_long(unsafe { libc::syscall(libc::SYS_keyctl, JOIN_SESSION_KEYRING, ptr::null::<libc::c_char>()) })
}

/// Takes over a descriptor that was handed to this program; it closes when the next one starts.
pub fn take_descriptor(descriptor: RawFd) -> io::Result<File> {
    // SAFETY: no memory is involved.
    check(unsafe { libc::fcntl(descriptor, libc::F_SETFD, libc::FD_CLOEXEC) })?;
    // SAFETY: it is open, as the call above found, and named by whoever started us: nothing else in here knows it.
    Ok(unsafe { File::from_raw_fd(descriptor) })
}
