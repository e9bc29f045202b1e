//! The calls that std does not have. All unsafe code is here: attempts that must be refused, in a process of their own.
#![allow(unsafe_code)]

use std::ffi::CStr;
use std::io;

/// Who an attempt is made as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum As {
    Root,
    /// User and group 65534, without any other group.
    Nobody,
}

type Attempt = (&'static str, As, fn() -> io::Result<()>);

/// What can be tried, by name. Where one works, it is undone, or changes nothing.
const ATTEMPTS: &[Attempt] = &[
    ("module-load", As::Root, || call(libc::SYS_init_module, [0, 0, 0, 0])),
    ("kexec", As::Root, || call(libc::SYS_kexec_load, [0, 0, 0, 0])),
    ("kexec-file", As::Root, || call(libc::SYS_kexec_file_load, [-1, -1, 0, 0])),
    ("bpf", As::Root, || call(libc::SYS_bpf, [0, 0, 0, 0])),
    ("io-uring", As::Root, || call(libc::SYS_io_uring_setup, [1, 0, 0, 0])),
    ("userfaultfd", As::Root, || call(libc::SYS_userfaultfd, [0, 0, 0, 0])),
    ("modify-ldt", As::Root, || call(libc::SYS_modify_ldt, [0, 0, 0, 0])),
    ("iopl", As::Root, || call(libc::SYS_iopl, [3, 0, 0, 0])),
    ("ioperm", As::Root, || call(libc::SYS_ioperm, [0x80, 1, 1, 0])),
    ("kcmp", As::Root, || call(libc::SYS_kcmp, [1, 1, 0, 0])),
    ("uselib", As::Root, || call(libc::SYS_uselib, [0, 0, 0, 0])),
    ("process-memory", As::Root, || call(libc::SYS_process_vm_readv, [1, 0, 0, 0])),
    ("asynchronous-io", As::Root, || call(libc::SYS_io_setup, [0, 0, 0, 0])),
    ("user-namespace", As::Nobody, || call(libc::SYS_unshare, [libc::CLONE_NEWUSER.into(), 0, 0, 0])),
    ("user-namespace-by-root", As::Root, || call(libc::SYS_unshare, [libc::CLONE_NEWUSER.into(), 0, 0, 0])),
    ("mount-namespace", As::Nobody, || call(libc::SYS_unshare, [libc::CLONE_NEWNS.into(), 0, 0, 0])),
    ("trace-init", As::Root, || call(libc::SYS_ptrace, [libc::PTRACE_SEIZE.into(), 1, 0, 0])),
    ("trace-init-by-user", As::Nobody, || call(libc::SYS_ptrace, [libc::PTRACE_SEIZE.into(), 1, 0, 0])),
    ("mount", As::Nobody, mount),
    ("kernel-log", As::Nobody, || call(libc::SYS_syslog, [3, 0, 0, 0])),
    ("kernel-memory", As::Root, || open(c"/dev/mem", libc::O_RDWR)),
    ("kernel-ports", As::Root, || open(c"/dev/port", libc::O_RDWR)),
    ("kernel-core", As::Root, || open(c"/proc/kcore", libc::O_RDONLY)),
    ("write-programs", As::Root, || open(c"/usr/bin/ashlar-audit", libc::O_WRONLY)),
    ("create-program", As::Root, create_program),
    ("read-shadow", As::Nobody, || open(c"/etc/shadow", libc::O_RDONLY)),
    ("write-own-code", As::Root, write_own_code),
    ("profile-kernel", As::Nobody, profile_kernel),
    ("unlock-audit", As::Root, unlock_audit),
    ("load-policy", As::Root, || write(c"/sys/kernel/security/apparmor/.replace", b"x")),
    ("set-clock", As::Nobody, set_clock),
    ("raw-socket", As::Nobody, || call(libc::SYS_socket, [libc::AF_PACKET.into(), libc::SOCK_RAW.into(), 0, 0])),
    ("restart", As::Nobody, || call(libc::SYS_reboot, [0, 0, 0, 0])),
];

/// Tries it in a process of its own. `Ok` means that it worked.
///
/// # Errors
/// Inside: why it was refused. Outside: why it could not be tried.
pub fn attempt(name: &str) -> io::Result<io::Result<()>> {
    let known = ATTEMPTS.iter().find(|(known, ..)| *known == name);
    let (_, who, try_it) = known
        .ok_or_else(|| io::Error::other(format!("unknown attempt `{name}`; choose one of: {}", names().join(" "))))?;
    // SAFETY: this program has one thread, so the child may do anything; it ends in `_exit`.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => {
            let result = become_user(*who).and_then(|()| try_it());
            let status = result.map_or_else(|error| error.raw_os_error().unwrap_or(255), |()| 0);
            // SAFETY: ends the child without running what belongs to the parent.
            unsafe { libc::_exit(status) }
        }
        child => {
            let mut status = 0;
            // SAFETY: `status` is a valid place; the child is ours.
            while unsafe { libc::waitpid(child, &raw mut status, 0) } == -1 {
                let error = io::Error::last_os_error();
                if error.kind() != io::ErrorKind::Interrupted {
                    return Err(error);
                }
            }
            if !libc::WIFEXITED(status) {
                return Err(io::Error::other("the attempt was ended by a signal"));
            }
            Ok(match libc::WEXITSTATUS(status) {
                0 => Ok(()),
                error => Err(io::Error::from_raw_os_error(error)),
            })
        }
    }
}

fn names() -> Vec<&'static str> {
    ATTEMPTS.iter().map(|(name, ..)| *name).collect()
}

/// The name of an error number that a refusal has.
pub fn error_name(error: &io::Error) -> String {
    let name = match error.raw_os_error() {
        Some(libc::EPERM) => "EPERM",
        Some(libc::EACCES) => "EACCES",
        Some(libc::ENOSYS) => "ENOSYS",
        Some(libc::EINVAL) => "EINVAL",
        Some(libc::ENOENT) => "ENOENT",
        Some(libc::EROFS) => "EROFS",
        Some(libc::EIO) => "EIO",
        Some(libc::EFAULT) => "EFAULT",
        Some(libc::ENOSPC) => "ENOSPC",
        Some(libc::ETXTBSY) => "ETXTBSY",
        _ => return error.to_string(),
    };
    name.to_owned()
}

/// The effective user.
pub fn is_root() -> bool {
    // SAFETY: cannot fail.
    unsafe { libc::geteuid() == 0 }
}

/// Whether a file carries capabilities.
pub fn has_capabilities(path: &std::path::Path) -> bool {
    use std::os::unix::ffi::OsStrExt as _;
    let Ok(path) = std::ffi::CString::new(path.as_os_str().as_bytes()) else { return false };
    // SAFETY: both texts end in a zero byte; a size of 0 asks for the length only.
    unsafe { libc::lgetxattr(path.as_ptr(), c"security.capability".as_ptr(), std::ptr::null_mut(), 0) > 0 }
}

fn become_user(who: As) -> io::Result<()> {
    if who == As::Root {
        return Ok(());
    }
    // SAFETY: plain numbers; a null list of length 0 is "no groups".
    let results = unsafe {
        [
            libc::setgroups(0, std::ptr::null()),
            libc::setresgid(65534, 65534, 65534),
            libc::setresuid(65534, 65534, 65534),
        ]
    };
    if results == [0; 3] { Ok(()) } else { Err(io::Error::from_raw_os_error(255)) }
}

fn call(number: libc::c_long, arguments: [libc::c_long; 4]) -> io::Result<()> {
    let [a, b, c, d] = arguments;
    // SAFETY: every pointer argument in the table is null.
    done(unsafe { libc::syscall(number, a, b, c, d) })
}

fn done(result: libc::c_long) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

fn open(path: &CStr, flags: libc::c_int) -> io::Result<()> {
    // SAFETY: the text ends in a zero byte.
    done(unsafe { libc::open(path.as_ptr(), flags | libc::O_CLOEXEC, 0o600) }.into())
}

fn write(path: &CStr, bytes: &[u8]) -> io::Result<()> {
    // SAFETY: the text ends in a zero byte; the bytes are as long as said.
    unsafe {
        let file = libc::open(path.as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC);
        if file < 0 {
            return Err(io::Error::last_os_error());
        }
        done(libc::write(file, bytes.as_ptr().cast(), bytes.len()) as libc::c_long)
    }
}

fn create_program() -> io::Result<()> {
    let path = c"/usr/bin/ashlar-audit-new";
    open(path, libc::O_WRONLY | libc::O_CREAT)?;
    // SAFETY: the text ends in a zero byte.
    done(unsafe { libc::unlink(path.as_ptr()) }.into())
}

fn mount() -> io::Result<()> {
    let (at, kind) = (c"/tmp", c"tmpfs");
    // SAFETY: all texts end in a zero byte.
    done(unsafe { libc::mount(kind.as_ptr(), at.as_ptr(), kind.as_ptr(), 0, std::ptr::null()) }.into())?;
    // SAFETY: the text ends in a zero byte.
    done(unsafe { libc::umount2(at.as_ptr(), libc::MNT_DETACH) }.into())
}

/// Asks the kernel to take changes of audit's rules again, which it is as ready for before as after when they are not locked.
fn unlock_audit() -> io::Result<()> {
    const AUDIT_SET: u16 = 1001;
    const STATUS_ENABLED: u32 = 1;
    const ENABLED: u32 = 1;
    let flags = (libc::NLM_F_REQUEST | libc::NLM_F_ACK) as u16;
    // Header, and the kernel's `struct audit_status` as far as it is meant: which value, and that value.
    let mut message = Vec::new();
    message.extend_from_slice(&56_u32.to_ne_bytes());
    message.extend_from_slice(&AUDIT_SET.to_ne_bytes());
    message.extend_from_slice(&flags.to_ne_bytes());
    message.extend_from_slice(&[1_u32, 0, STATUS_ENABLED, ENABLED].map(u32::to_ne_bytes).concat());
    message.resize(56, 0);
    let mut answer = [0_u8; 128];
    // SAFETY: both buffers are as long as said; the socket is this process's own and closed with it.
    let read = unsafe {
        let socket = libc::socket(libc::AF_NETLINK, libc::SOCK_RAW | libc::SOCK_CLOEXEC, libc::NETLINK_AUDIT);
        done(socket.into())?;
        done(libc::send(socket, message.as_ptr().cast(), message.len(), 0) as libc::c_long)?;
        libc::recv(socket, answer.as_mut_ptr().cast(), answer.len(), 0)
    };
    done(read as libc::c_long)?;
    // An acknowledgement: the code stands behind the header.
    match i32::from_ne_bytes([answer[16], answer[17], answer[18], answer[19]]) {
        0 => Ok(()),
        code => Err(io::Error::from_raw_os_error(-code)),
    }
}

/// Sets the clock to what it shows.
fn set_clock() -> io::Result<()> {
    let mut now = libc::timeval { tv_sec: 0, tv_usec: 0 };
    // SAFETY: `now` is a place for a time, and then one.
    unsafe {
        done(libc::gettimeofday(&raw mut now, std::ptr::null_mut()).into())?;
        done(libc::settimeofday(&raw const now, std::ptr::null()).into())
    }
}

/// Writes over a constant through `/proc/self/mem`, which may not go past a page's protection.
fn write_own_code() -> io::Result<()> {
    static CONSTANT: [u8; 16] = *b"never written to";
    // SAFETY: the write either fails or puts the same bytes where they were.
    unsafe {
        let file = libc::open(c"/proc/self/mem".as_ptr(), libc::O_RDWR | libc::O_CLOEXEC);
        if file < 0 {
            return Err(io::Error::last_os_error());
        }
        done(libc::pwrite(file, CONSTANT.as_ptr().cast(), CONSTANT.len(), CONSTANT.as_ptr() as libc::off_t)
            as libc::c_long)
    }
}

/// Asks for a counter of the whole machine's kernel time.
fn profile_kernel() -> io::Result<()> {
    let mut attributes = [0_u8; 112];
    attributes[4] = 112;
    // SAFETY: the attributes are as long as they say; the kernel reads them only.
    done(unsafe { libc::syscall(libc::SYS_perf_event_open, attributes.as_ptr(), -1, 0, -1, 0) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_have_their_errors() {
        // The build container is root; on a developer's machine that is not, becoming nobody is what fails.
        if !is_root() {
            assert!(attempt("mount").unwrap().is_err());
            return;
        }
        assert_eq!(error_name(&attempt("mount").unwrap().unwrap_err()), "EPERM");
        assert_eq!(error_name(&attempt("mount-namespace").unwrap().unwrap_err()), "EPERM");
        assert!(attempt("fly").is_err());
    }

    #[test]
    fn names_are_unique() {
        let unique: std::collections::BTreeSet<_> = names().into_iter().collect();
        assert_eq!(unique.len(), ATTEMPTS.len());
    }
}
