//! The calls to the kernel that std does not have, as safe functions.
//!
//! This is the only module with unsafe code.
#![allow(unsafe_code)]

use std::ffi::{CString, c_int, c_ulong};
use std::fs::File;
use std::io;
use std::mem;
use std::os::fd::{AsRawFd, FromRawFd as _, RawFd};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::ptr;

use seccompiler::sock_filter;

use crate::capability::{COUNT, Capabilities};

/// Not yet in the `libc` crate for musl.
const PR_SET_MDWE: c_int = 65;
const PR_MDWE_REFUSE_EXEC_GAIN: c_ulong = 1;

fn check(result: c_int) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

fn check_long(result: libc::c_long) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
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
    /// Processes of the user, wherever they were started; root is exempt.
    UserProcesses,
}

/// Sets a limit, soft and hard.
pub fn set_limit(resource: Resource, value: u64) -> io::Result<()> {
    let limit = libc::rlimit { rlim_cur: value, rlim_max: value };
    let resource = match resource {
        Resource::Core => libc::RLIMIT_CORE,
        Resource::Files => libc::RLIMIT_NOFILE,
        Resource::UserProcesses => libc::RLIMIT_NPROC,
    };
    // SAFETY: the limit lives through the call.
    check(unsafe { libc::setrlimit(resource, &limit) })
}

/// Sets the file mode mask.
pub fn umask(mask: u32) {
    // SAFETY: no memory is involved; cannot fail.
    unsafe { libc::umask(mask) };
}

/// Puts this thread under a filter of system calls. With `tells`, gives what somebody else listens at.
pub fn install_filter(program: &[sock_filter], tells: bool) -> io::Result<Option<File>> {
    let length = u16::try_from(program.len()).map_err(|_| io::Error::other("the filter is too long"))?;
    let program = libc::sock_fprog { len: length, filter: program.as_ptr().cast_mut().cast() };
    // SAFETY: seccompiler's `sock_filter` is laid out as the kernel's; pointer and length are those of one slice.
    // Each refusal becomes a record of audit, which otherwise never hears of a call that a filter answers.
    let flags = libc::SECCOMP_FILTER_FLAG_LOG | if tells { libc::SECCOMP_FILTER_FLAG_NEW_LISTENER } else { 0 };
    let result =
        unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, flags, ptr::from_ref(&program)) };
    check_long(result)?;
    // SAFETY: with this flag the result is a new descriptor, which nothing else knows.
    Ok(tells.then(|| unsafe { File::from_raw_fd(result as RawFd) }))
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

/// Runs `act` in a process that is nobody's child and in no terminal's session. Only for a process with one thread.
/// `act` returns only with what kept it from becoming another program, which is said on standard error.
pub fn apart(act: impl FnOnce() -> io::Error) -> io::Result<()> {
    // SAFETY: this program has one thread, so that the child may do whatever its parent may.
    let child = unsafe { libc::fork() };
    check(child)?;
    if child > 0 {
        let mut status = 0;
        // SAFETY: the status lives through the call.
        check(unsafe { libc::waitpid(child, &mut status, 0) })?;
        return if status == 0 { Ok(()) } else { Err(io::Error::other("no process can be made")) };
    }
    // SAFETY: as above; no memory is involved in the others.
    unsafe {
        libc::setsid();
        match libc::fork() {
            0 => {}
            other => libc::_exit(i32::from(other < 0)),
        }
    }
    let error = act();
    crate::complain(&format!("confine: {error}"), 1);
    // SAFETY: no memory is involved; nothing of the parent's is to be finished here.
    unsafe { libc::_exit(1) }
}

/// Room for one descriptor in a message, aligned as its header must be.
#[repr(C, align(8))]
struct Control([u8; 24]);

/// A message of one byte with room for a descriptor.
fn with_message<T>(act: impl FnOnce(&mut libc::msghdr) -> T) -> T {
    let (mut byte, mut control) = ([0_u8], Control([0; 24]));
    let mut part = libc::iovec { iov_base: byte.as_mut_ptr().cast(), iov_len: 1 };
    // SAFETY: all of it may be zero.
    let mut message: libc::msghdr = unsafe { mem::zeroed() };
    message.msg_iov = &mut part;
    message.msg_iovlen = 1;
    message.msg_control = control.0.as_mut_ptr().cast();
    message.msg_controllen = control.0.len() as _;
    act(&mut message)
}

/// Leaves a descriptor open for the next program.
pub fn keep_on_exec(file: &impl AsRawFd) -> io::Result<()> {
    // SAFETY: no memory is involved.
    check(unsafe { libc::fcntl(file.as_raw_fd(), libc::F_SETFD, 0) })
}

/// Hands a descriptor over.
pub fn send_descriptor(socket: &UnixStream, file: &File) -> io::Result<()> {
    with_message(|message| {
        // SAFETY: the message has room for a header and one descriptor, which CMSG_LEN and CMSG_SPACE are of.
        unsafe {
            let header = libc::CMSG_FIRSTHDR(message);
            (*header).cmsg_level = libc::SOL_SOCKET;
            (*header).cmsg_type = libc::SCM_RIGHTS;
            (*header).cmsg_len = libc::CMSG_LEN(4) as _;
            libc::CMSG_DATA(header).cast::<RawFd>().write_unaligned(file.as_raw_fd());
            check_long(libc::sendmsg(socket.as_raw_fd(), message, 0) as libc::c_long)
        }
    })
}

/// Takes a descriptor that is handed over.
pub fn receive_descriptor(socket: &UnixStream) -> io::Result<File> {
    with_message(|message| {
        // SAFETY: the message has room for what is received; a header is read when there is one, of the right kind and length.
        unsafe {
            check_long(libc::recvmsg(socket.as_raw_fd(), message, libc::MSG_CMSG_CLOEXEC) as libc::c_long)?;
            let header = libc::CMSG_FIRSTHDR(message);
            if header.is_null()
                || (*header).cmsg_type != libc::SCM_RIGHTS
                || (*header).cmsg_len != libc::CMSG_LEN(4) as _
            {
                return Err(io::Error::other("no descriptor came"));
            }
            Ok(File::from_raw_fd(libc::CMSG_DATA(header).cast::<RawFd>().read_unaligned()))
        }
    })
}

/// A process that waits until it may become a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    id: u64,
    /// The process.
    pub pid: u32,
    /// The number of the user.
    pub uid: u32,
}

/// The kernel's requests at what a filter tells: `_IOWR('!', 0, 80 bytes)` and its neighbours.
const RECEIVE: u32 = 0xc050_2100;
const SEND: u32 = 0xc018_2101;
const IS_VALID: u32 = 0x4008_2102;

/// The kernel's `struct seccomp_notif`.
#[repr(C)]
#[derive(Default)]
struct Notification {
    id: u64,
    pid: u32,
    flags: u32,
    number: i32,
    architecture: u32,
    at: u64,
    arguments: [u64; 6],
}

/// The kernel's `struct seccomp_notif_resp`.
#[repr(C)]
struct Response {
    id: u64,
    value: i64,
    error: i32,
    flags: u32,
}

/// Waits for the next; `None` when no process is left behind the filter.
pub fn next_told(told: &File) -> io::Result<Option<Told>> {
    loop {
        let mut wait = libc::pollfd { fd: told.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        // SAFETY: one entry, as said.
        match check(unsafe { libc::poll(&mut wait, 1, -1) }) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            other => other?,
        }
        if wait.revents & libc::POLLIN == 0 {
            return Ok(None);
        }
        let mut note = Notification::default();
        // SAFETY: the kernel writes one notification, and wants it to be zero before.
        match check(unsafe { libc::ioctl(told.as_raw_fd(), RECEIVE as _, ptr::from_mut(&mut note)) }) {
            // Whoever waited was ended meanwhile.
            Err(error) if matches!(error.raw_os_error(), Some(libc::ENOENT | libc::EINTR)) => {}
            other => {
                // The filter tells of calls whose first argument this is; its upper half is ignored by the kernel.
                return other.map(|()| Some(Told { id: note.id, pid: note.pid, uid: note.arguments[0] as u32 }));
            }
        }
    }
}

/// Whether the process still waits; an error when it does not.
pub fn is_waiting(told: &File, request: &Told) -> io::Result<()> {
    // SAFETY: the kernel reads one number.
    check(unsafe { libc::ioctl(told.as_raw_fd(), IS_VALID as _, ptr::from_ref(&request.id)) })
}

/// Lets the call happen, or refuses it as if there were too many processes.
pub fn answer(told: &File, request: &Told, may: bool) -> io::Result<()> {
    const CONTINUE: u32 = 1;
    let (error, flags) = if may { (0, CONTINUE) } else { (-libc::EAGAIN, 0) };
    let response = Response { id: request.id, value: 0, error, flags };
    // SAFETY: the kernel reads one response.
    match check(unsafe { libc::ioctl(told.as_raw_fd(), SEND as _, ptr::from_ref(&response)) }) {
        // Whoever waited was ended meanwhile.
        Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(()),
        other => other,
    }
}
