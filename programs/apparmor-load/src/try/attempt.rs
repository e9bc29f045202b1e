//! Making an attempt.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::process::{Command, Stdio};
use std::thread;

use crate::sys;
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
            sys::mount_tmpfs(path)?;
            sys::unmount(path)
        }
        Action::Socket(family, kind) => sys::socket(family, kind),
        Action::Signal(pid) => sys::signal_to_go_on(*pid),
        Action::Look(pid) => fs::read_link(format!("/proc/{pid}/exe")).map(drop),
        Action::Hostname => sys::set_hostname(fs::read_to_string("/proc/sys/kernel/hostname")?.trim_end()),
        Action::Clock => sys::set_clock_to_now(),
        Action::Chroot => sys::chroot_to_root(),
        Action::KernelLog => sys::kernel_log().map(drop),
    }
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
