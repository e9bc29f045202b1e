//! The attempts. Their arguments are chosen so that a successful call does no harm.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;

use sys::attempt::{self, Call, call_with_text};
use sys::mount::MountFlags;

/// An action that a sandboxed service must not be able to do.
pub struct Attempt {
    /// Short, kebab case.
    pub name: &'static str,
    /// Another error that counts as refusal: "no such file" for hidden places, "invalid" for what a kernel may lack.
    pub also: Option<i32>,
    /// Makes the attempt.
    pub run: fn() -> io::Result<()>,
}

const fn attempt(name: &'static str, run: fn() -> io::Result<()>) -> Attempt {
    Attempt { name, also: None, run }
}

const fn hidden(name: &'static str, run: fn() -> io::Result<()>) -> Attempt {
    Attempt { name, also: Some(libc::ENOENT), run }
}

const fn lacking(name: &'static str, run: fn() -> io::Result<()>) -> Attempt {
    Attempt { name, also: Some(libc::EINVAL), run }
}

/// The file that attempts create.
const OWN: &str = "/tmp/misbehave";
/// The user without any rights.
const NOBODY: u32 = 65534;

fn call(call: Call, numbers: &[i32]) -> io::Result<()> {
    attempt::call(call, numbers).map(drop)
}

fn socket(family: i32, kind: i32) -> io::Result<()> {
    sys::socket::open(family, kind, 0).map(drop)
}

fn make_and_remove(path: &str) -> io::Result<()> {
    File::create(path)?;
    fs::remove_file(path)
}

fn mount() -> io::Result<()> {
    let at = Path::new("/tmp");
    sys::mount::mount(Path::new("tmpfs"), at, "tmpfs", MountFlags::empty(), "")?;
    sys::mount::detach(at)
}

fn make_device() -> io::Result<()> {
    // The first disk of any machine.
    call_with_text(Call::Mknod, c"/tmp/misbehave", &[(libc::S_IFBLK | 0o600) as i32, 8 << 8])?;
    fs::remove_file(OWN)
}

/// Opens the first existing disk, or memory.
fn raw_disk(how: &OpenOptions) -> io::Result<()> {
    let places = ["/dev/sda", "/dev/vda", "/dev/nvme0n1", "/dev/mem", "/dev/sr0"];
    let mut last = io::Error::from_raw_os_error(libc::ENOENT);
    for place in places {
        match how.open(place) {
            Ok(_) => return Ok(()),
            // A missing device proves less than a refusal.
            Err(error) if error.raw_os_error() == Some(libc::ENOENT) => {}
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn attach() -> io::Result<()> {
    call(Call::Ptrace, &[libc::PTRACE_SEIZE as i32, 1])?;
    call(Call::Ptrace, &[libc::PTRACE_DETACH as i32, 1])
}

fn shell() -> io::Result<()> {
    Command::new("/bin/sh").args(["-c", ":"]).status().map(drop)
}

/// Connects to port 22 of this machine by sending, which Landlock does not see.
fn fast_open() -> io::Result<()> {
    sys::socket::connect_by_sending(&sys::socket::open(libc::AF_INET, libc::SOCK_STREAM, 0)?, 22, b"x")
}

/// Root becomes nobody; others try to become root.
fn become_user() -> io::Result<()> {
    sys::set_user(if sys::effective_uid() == 0 { NOBODY } else { 0 })
}

/// Becomes nobody for good, before the attempts.
pub fn be_nobody() -> io::Result<()> {
    sys::set_groups(NOBODY, &[])?;
    sys::set_user(NOBODY)
}

/// All attempts; those that change this process come last.
pub const ATTEMPTS: &[Attempt] = &[
    hidden("read-shadow", || File::open("/etc/shadow").map(drop)),
    hidden("read-host-key", || File::open("/etc/ssh/ssh_host_ed25519_key").map(drop)),
    attempt("write-usr", || make_and_remove("/usr/misbehave")),
    attempt("write-etc", || make_and_remove("/etc/misbehave")),
    hidden("write-init", || OpenOptions::new().append(true).open("/etc/inittab").map(drop)),
    hidden("write-home", || make_and_remove("/root/misbehave")),
    hidden("write-setting", || OpenOptions::new().append(true).open("/proc/sys/kernel/core_pattern").map(drop)),
    hidden("read-memory", || File::open("/proc/1/environ").map(drop)),
    hidden("raw-disk", || raw_disk(OpenOptions::new().read(true))),
    hidden("write-disk", || raw_disk(OpenOptions::new().write(true))),
    attempt("make-device", make_device),
    attempt("mount", mount),
    attempt("attach", attach),
    attempt("signal", || call(Call::Kill, &[1])),
    attempt("raw-socket", || socket(libc::AF_INET, libc::SOCK_RAW | libc::IPPROTO_ICMP)),
    attempt("packet-socket", || socket(libc::AF_PACKET, libc::SOCK_RAW)),
    attempt("rare-socket", || socket(libc::AF_ALG, libc::SOCK_SEQPACKET)),
    attempt("connect", || TcpStream::connect("127.0.0.1:22").map(drop)),
    // If the kernel's settings disable it.
    Attempt { name: "fast-open", also: Some(libc::EOPNOTSUPP), run: fast_open },
    attempt("listen", || TcpListener::bind("127.0.0.1:2222").map(drop)),
    attempt("load-module", || call(Call::InitModule, &[])),
    attempt("kexec", || call(Call::KexecLoad, &[0, 17])),
    attempt("bpf", || call(Call::Bpf, &[])),
    attempt("io-uring", || call(Call::IoUringSetup, &[])),
    attempt("user-fault", || call(Call::Userfaultfd, &[])),
    attempt("perf-event", || call(Call::PerfEventOpen, &[])),
    attempt("ports", || call(Call::Iopl, &[3])),
    attempt("key", || call(Call::AddKey, &[])),
    attempt("kernel-log", || call(Call::Syslog, &[10])),
    attempt("set-clock", || call(Call::Settimeofday, &[])),
    attempt("restart", || call(Call::Reboot, &[])),
    attempt("host-name", || call(Call::Sethostname, &[0, -1])),
    attempt("swap", || call(Call::Swapon, &[])),
    attempt("set-id-bit", || call_with_text(Call::Chmod, c"/misbehave", &[0o4755]).map(drop)),
    attempt("personality", || call(Call::Personality, &[0x0002_0000])),
    attempt("realtime", attempt::schedule_in_real_time),
    attempt("type-for-user", attempt::type_for_user),
    attempt("write-execute", attempt::map_write_execute),
    attempt("execute-memory", attempt::execute_what_was_written),
    attempt("unnamed-file", || call_with_text(Call::MemfdCreate, c"x", &[]).map(drop)),
    attempt("shell", shell),
    lacking("user-namespace", || call(Call::Unshare, &[libc::CLONE_NEWUSER])),
    attempt("namespace", || call(Call::Unshare, &[libc::CLONE_NEWUTS])),
    attempt("chroot", || sys::chroot("/")),
    attempt("become-user", become_user),
];
