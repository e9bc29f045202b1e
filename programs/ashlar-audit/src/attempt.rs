//! Attempts that must be refused, in a process of their own.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::Path;

use sys::attempt::Call;
use sys::mount::MountFlags;
use sys::{End, Fork};

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
    ("module-load", As::Root, || call(Call::InitModule, &[])),
    ("kexec", As::Root, || call(Call::KexecLoad, &[])),
    ("kexec-file", As::Root, || call(Call::KexecFileLoad, &[-1, -1])),
    ("bpf", As::Root, || call(Call::Bpf, &[])),
    ("io-uring", As::Root, || call(Call::IoUringSetup, &[1])),
    ("userfaultfd", As::Root, || call(Call::Userfaultfd, &[])),
    ("modify-ldt", As::Root, || call(Call::ModifyLdt, &[])),
    ("iopl", As::Root, || call(Call::Iopl, &[3])),
    ("ioperm", As::Root, || call(Call::Ioperm, &[0x80, 1, 1])),
    ("kcmp", As::Root, || call(Call::Kcmp, &[1, 1])),
    ("uselib", As::Root, || call(Call::Uselib, &[])),
    ("process-memory", As::Root, || call(Call::ProcessVmReadv, &[1])),
    ("asynchronous-io", As::Root, || call(Call::IoSetup, &[])),
    ("user-namespace", As::Nobody, || call(Call::Unshare, &[libc::CLONE_NEWUSER])),
    ("user-namespace-by-root", As::Root, || call(Call::Unshare, &[libc::CLONE_NEWUSER])),
    ("mount-namespace", As::Nobody, || call(Call::Unshare, &[libc::CLONE_NEWNS])),
    ("trace-init", As::Root, || call(Call::Ptrace, &[libc::PTRACE_SEIZE as i32, 1])),
    ("trace-init-by-user", As::Nobody, || call(Call::Ptrace, &[libc::PTRACE_SEIZE as i32, 1])),
    ("mount", As::Nobody, mount),
    ("kernel-log", As::Nobody, || call(Call::Syslog, &[3])),
    ("kernel-memory", As::Root, || open("/dev/mem", OpenOptions::new().read(true).write(true))),
    ("kernel-ports", As::Root, || open("/dev/port", OpenOptions::new().read(true).write(true))),
    ("kernel-core", As::Root, || open("/proc/kcore", OpenOptions::new().read(true))),
    ("write-programs", As::Root, || open("/usr/bin/ashlar-audit", OpenOptions::new().write(true))),
    ("create-program", As::Root, create_program),
    ("read-shadow", As::Nobody, || open("/etc/shadow", OpenOptions::new().read(true))),
    ("write-own-code", As::Root, write_own_code),
    ("profile-kernel", As::Nobody, sys::attempt::profile_kernel),
    ("unlock-audit", As::Root, unlock_audit),
    ("load-policy", As::Root, load_policy),
    ("set-clock", As::Nobody, sys::set_clock_to_now),
    ("raw-socket", As::Nobody, || call(Call::Socket, &[libc::AF_PACKET, libc::SOCK_RAW])),
    ("restart", As::Nobody, || call(Call::Reboot, &[])),
];

/// Tries it in a process of its own. `Ok` means that it worked.
///
/// # Errors
/// Inside: why it was refused. Outside: why it could not be tried.
pub fn attempt(name: &str) -> io::Result<io::Result<()>> {
    let known = ATTEMPTS.iter().find(|(known, ..)| *known == name);
    let (_, who, try_it) = known
        .ok_or_else(|| io::Error::other(format!("there is no attempt `{name}`; there are: {}", names().join(" "))))?;
    match sys::fork()? {
        Fork::Child => {
            let result = become_user(*who).and_then(|()| try_it());
            let code = |error: io::Error| error.raw_os_error().and_then(|code| u8::try_from(code).ok()).unwrap_or(255);
            sys::exit_now(result.map_or_else(code, |()| 0))
        }
        Fork::Parent(child) => match sys::wait(child, true)? {
            Some((_, End::Code(0))) => Ok(Ok(())),
            Some((_, End::Code(error))) => Ok(Err(io::Error::from_raw_os_error(error.into()))),
            _ => Err(io::Error::other("the attempt was ended by a signal")),
        },
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

fn become_user(who: As) -> io::Result<()> {
    const NOBODY: u32 = 65534;
    if who == As::Root {
        return Ok(());
    }
    // Not this error: it is no refusal of the attempt.
    sys::set_groups(NOBODY, &[]).and_then(|()| sys::set_user(NOBODY)).map_err(|_| io::Error::from_raw_os_error(255))
}

fn call(call: Call, numbers: &[i32]) -> io::Result<()> {
    sys::attempt::call(call, numbers).map(drop)
}

fn open(path: &str, how: &OpenOptions) -> io::Result<()> {
    how.open(path).map(drop)
}

fn load_policy() -> io::Result<()> {
    OpenOptions::new().write(true).open("/sys/kernel/security/apparmor/.replace")?.write(b"x").map(drop)
}

fn create_program() -> io::Result<()> {
    let path = "/usr/bin/ashlar-audit-new";
    open(path, OpenOptions::new().write(true).create(true).truncate(false).mode(0o600))?;
    fs::remove_file(path)
}

fn mount() -> io::Result<()> {
    let at = Path::new("/tmp");
    sys::mount::mount(Path::new("tmpfs"), at, "tmpfs", MountFlags::empty(), "")?;
    sys::mount::detach(at)
}

/// Asks the kernel to take changes of audit's rules again, which it is as ready for before as after when they are not locked.
fn unlock_audit() -> io::Result<()> {
    const AUDIT_SET: u16 = 1001;
    const STATUS_ENABLED: u32 = 1;
    const ENABLED: u32 = 1;
    // The kernel's `struct audit_status` as far as it is meant: which value, and that value.
    let mut content = [STATUS_ENABLED, ENABLED].map(u32::to_ne_bytes).concat();
    content.resize(40, 0);
    sys::netlink::tell_audit(AUDIT_SET, &content)
}

/// Writes over a constant through `/proc/self/mem`, which may not go past a page's protection. The bytes are the same.
fn write_own_code() -> io::Result<()> {
    static CONSTANT: [u8; 16] = *b"never written to";
    let memory = OpenOptions::new().read(true).write(true).open("/proc/self/mem")?;
    memory.write_at(&CONSTANT, CONSTANT.as_ptr() as u64).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_have_their_errors() {
        // The build container is root; on a developer's machine that is not, becoming nobody is what fails.
        if sys::effective_uid() != 0 {
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
