//! The attempts. Their arguments are chosen so that a successful call does no harm.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::net::{TcpListener, TcpStream};
use std::process::Command;

use crate::sys::call;

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
const NOBODY: usize = 65534;
const OWN_TEXT: &[u8] = b"/tmp/misbehave\0";

fn address(bytes: &[u8]) -> usize {
    bytes.as_ptr() as usize
}

fn plain(number: libc::c_long, a: usize, b: usize, c: usize) -> io::Result<()> {
    call(number, [a, b, c, 0, 0, 0]).map(drop)
}

fn socket(domain: i32, kind: i32) -> io::Result<()> {
    plain(libc::SYS_socket, domain as usize, kind as usize, 0)
}

fn map(protection: i32) -> io::Result<usize> {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    call(libc::SYS_mmap, [0, 4096, protection as usize, flags as usize, usize::MAX, 0])
}

fn make_and_remove(path: &str) -> io::Result<()> {
    File::create(path)?;
    fs::remove_file(path)
}

fn mount() -> io::Result<()> {
    let (kind, target) = (b"tmpfs\0", b"/tmp\0");
    call(libc::SYS_mount, [address(kind), address(target), address(kind), 0, 0, 0])?;
    plain(libc::SYS_umount2, address(target), libc::MNT_DETACH as usize, 0)
}

fn make_device() -> io::Result<()> {
    // The first disk of any machine.
    plain(libc::SYS_mknod, address(OWN_TEXT), (libc::S_IFBLK | 0o600) as usize, 8 << 8)?;
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
    plain(libc::SYS_ptrace, libc::PTRACE_SEIZE as usize, 1, 0)?;
    plain(libc::SYS_ptrace, libc::PTRACE_DETACH as usize, 1, 0)
}

fn realtime() -> io::Result<()> {
    let priority = [1i32];
    plain(libc::SYS_sched_setscheduler, 0, libc::SCHED_FIFO as usize, priority.as_ptr() as usize)
}

fn shell() -> io::Result<()> {
    Command::new("/bin/sh").args(["-c", ":"]).status().map(drop)
}

fn execute_memory() -> io::Result<()> {
    let place = map(libc::PROT_READ | libc::PROT_WRITE)?;
    plain(libc::SYS_mprotect, place, 4096, (libc::PROT_READ | libc::PROT_EXEC) as usize)
}

/// Connects to port 22 of this machine by sending, which Landlock does not see.
fn fast_open() -> io::Result<()> {
    let descriptor = call(libc::SYS_socket, [libc::AF_INET as usize, libc::SOCK_STREAM as usize, 0, 0, 0, 0])?;
    // The kernel's `struct sockaddr_in`: family, port and address in the order of the network, eight bytes of nothing.
    let mut place = [0_u8; 16];
    place[..2].copy_from_slice(&(libc::AF_INET as u16).to_ne_bytes());
    place[2..8].copy_from_slice(&[0, 22, 127, 0, 0, 1]);
    let flags = (libc::MSG_FASTOPEN | libc::MSG_NOSIGNAL) as usize;
    let sent = call(libc::SYS_sendto, [descriptor, address(b"x"), 1, flags, address(&place), place.len()]);
    plain(libc::SYS_close, descriptor, 0, 0)?;
    sent.map(drop)
}

/// Root becomes nobody; others try to become root.
fn become_user() -> io::Result<()> {
    let other = if call(libc::SYS_geteuid, [0; 6])? == 0 { NOBODY } else { 0 };
    plain(libc::SYS_setresuid, other, other, other)
}

/// Becomes nobody for good, before the attempts.
pub fn be_nobody() -> io::Result<()> {
    plain(libc::SYS_setgroups, 0, 0, 0)?;
    plain(libc::SYS_setresgid, NOBODY, NOBODY, NOBODY)?;
    plain(libc::SYS_setresuid, NOBODY, NOBODY, NOBODY)
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
    attempt("signal", || plain(libc::SYS_kill, 1, 0, 0)),
    attempt("raw-socket", || socket(libc::AF_INET, libc::SOCK_RAW | libc::IPPROTO_ICMP)),
    attempt("packet-socket", || socket(libc::AF_PACKET, libc::SOCK_RAW)),
    attempt("rare-socket", || socket(libc::AF_ALG, libc::SOCK_SEQPACKET)),
    attempt("connect", || TcpStream::connect("127.0.0.1:22").map(drop)),
    // If the kernel's settings disable it.
    Attempt { name: "fast-open", also: Some(libc::EOPNOTSUPP), run: fast_open },
    attempt("listen", || TcpListener::bind("127.0.0.1:2222").map(drop)),
    attempt("load-module", || plain(libc::SYS_init_module, 0, 0, 0)),
    attempt("kexec", || plain(libc::SYS_kexec_load, 0, 17, 0)),
    attempt("bpf", || plain(libc::SYS_bpf, 0, 0, 0)),
    attempt("io-uring", || plain(libc::SYS_io_uring_setup, 0, 0, 0)),
    attempt("user-fault", || plain(libc::SYS_userfaultfd, 0, 0, 0)),
    attempt("perf-event", || plain(libc::SYS_perf_event_open, 0, 0, 0)),
    attempt("ports", || plain(libc::SYS_iopl, 3, 0, 0)),
    attempt("key", || plain(libc::SYS_add_key, 0, 0, 0)),
    attempt("kernel-log", || plain(libc::SYS_syslog, 10, 0, 0)),
    attempt("set-clock", || plain(libc::SYS_settimeofday, 0, 0, 0)),
    attempt("restart", || plain(libc::SYS_reboot, 0, 0, 0)),
    attempt("host-name", || plain(libc::SYS_sethostname, 0, usize::MAX, 0)),
    attempt("swap", || plain(libc::SYS_swapon, 0, 0, 0)),
    attempt("set-id-bit", || plain(libc::SYS_chmod, address(b"/misbehave\0"), 0o4755, 0)),
    attempt("personality", || plain(libc::SYS_personality, 0x0002_0000, 0, 0)),
    attempt("realtime", realtime),
    attempt("type-for-user", || plain(libc::SYS_ioctl, 0, libc::TIOCSTI as usize, address(b"x"))),
    attempt("write-execute", || map(libc::PROT_WRITE | libc::PROT_EXEC).map(drop)),
    attempt("execute-memory", execute_memory),
    attempt("unnamed-file", || plain(libc::SYS_memfd_create, address(b"x\0"), 0, 0)),
    attempt("shell", shell),
    lacking("user-namespace", || plain(libc::SYS_unshare, libc::CLONE_NEWUSER as usize, 0, 0)),
    attempt("namespace", || plain(libc::SYS_unshare, libc::CLONE_NEWUTS as usize, 0, 0)),
    attempt("chroot", || plain(libc::SYS_chroot, address(b"/\0"), 0, 0)),
    attempt("become-user", become_user),
];
