//! Making an attempt.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use sys::mount::{MountFlags, mount, unmount};

use crate::table::Action;

/// Makes the attempt in this thread, and undoes its effect.
pub fn make(action: &Action) -> io::Result<()> {
    match action {
        Action::Read(path) => File::open(path).map(drop),
        Action::Write(path) => OpenOptions::new().append(true).open(path).map(drop),
        Action::Create(path) => {
            OpenOptions::new().append(true).create_new(true).open(path)?;
            fs::remove_file(path)
        }
        Action::Exec(path) => {
            let mut command = Command::new(path);
            // A program that started has run; its exit status does not matter.
            command.arg("--help").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().map(drop)
        }
        Action::Mount(path) => {
            let (path, flags) = (Path::new(path), MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC);
            mount(Path::new("tmpfs"), path, "tmpfs", flags, "")?;
            unmount(path)
        }
        Action::Socket(family, kind) => socket(family, kind),
        // Does nothing to a process that runs.
        Action::Signal(pid) => sys::kill(*pid, sys::SIGCONT),
        Action::Look(pid) => fs::read_link(format!("/proc/{pid}/exe")).map(drop),
        Action::Hostname => sys::set_host_name(fs::read_to_string("/proc/sys/kernel/hostname")?.trim_end()),
        Action::Clock => sys::set_clock_to_now(),
        Action::Chroot => sys::chroot("/"),
        Action::KernelLog => sys::kernel_log().map(drop),
    }
}

/// Makes a socket and closes it.
fn socket(family: &str, kind: &str) -> io::Result<()> {
    let number = match family {
        "inet" => libc::AF_INET,
        "inet6" => libc::AF_INET6,
        "packet" => libc::AF_PACKET,
        _ => libc::AF_NETLINK,
    };
    let kind = match kind {
        "raw" => libc::SOCK_RAW,
        "dgram" => libc::SOCK_DGRAM,
        _ => libc::SOCK_STREAM,
    };
    // A raw socket of IP wants a protocol.
    let protocol = if kind == libc::SOCK_RAW && family.starts_with("inet") { libc::IPPROTO_ICMP } else { 0 };
    sys::socket::open(number, kind, protocol).map(drop)
}

/// Makes the attempt in a thread that has entered a profile. The outer error: the thread could not enter it.
pub fn confined(profile: &str, name: &str, action: &Action) -> io::Result<io::Result<()>> {
    let (profile, action) = (profile.to_owned(), action.clone());
    // The hostname is read before, so that the refusal is of the attempt itself.
    let thread = thread::Builder::new().name(name.to_owned()).spawn(move || {
        fs::write("/proc/thread-self/attr/apparmor/current", format!("changeprofile {profile}"))?;
        Ok(make(&action))
    })?;
    thread.join().unwrap_or_else(|_| Err(io::Error::other("the thread ended")))
}
