//! Namespaces, and the mounts in a private mount namespace.

use std::env;
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::Path;

use super::{Failure, RECORDS, failed};
use crate::plan::{Mount, Namespaces, Place};
use crate::sys;

/// The socket of the system's log; a link, because the log daemon replaces its socket on restart.
const LOG: &str = "/run/syslog/log";
const NONE: &str = "none";
const QUIET: libc::c_ulong = libc::MS_NOSUID | libc::MS_NODEV | libc::MS_NOEXEC;

/// Enters new namespaces, and arranges the mounts.
pub fn separate(own: Namespaces, steps: &[Mount]) -> Result<(), Failure> {
    let flags = [
        (own.mount, libc::CLONE_NEWNS),
        (own.ipc, libc::CLONE_NEWIPC),
        (own.uts, libc::CLONE_NEWUTS),
        (own.net, libc::CLONE_NEWNET),
    ];
    let flags = flags.into_iter().filter(|(own, _)| *own).fold(0, |all, (_, flag)| all | flag);
    if flags == 0 {
        return Ok(());
    }
    let why = "cannot make namespaces: that needs root; set the user with `user` in the profile instead of command_user, or use the host's";
    sys::unshare(flags).map_err(failed(why))?;
    if !own.mount {
        return Ok(());
    }
    let directory = env::current_dir().unwrap_or_else(|_| "/".into());
    for step in steps {
        perform(step)?;
    }
    // The old root may be below a mount that hides it.
    env::set_current_dir(&directory).or_else(|_| env::set_current_dir("/")).map_err(failed("cannot enter /"))
}

fn perform(step: &Mount) -> Result<(), Failure> {
    match step {
        Mount::Receive => change("/", libc::MS_REC | libc::MS_SLAVE).map_err(failed("cannot separate the mounts")),
        Mount::Own(place) => at(place, |path| bind(path, path)),
        Mount::AllReadOnly => sys::mount_attributes(Path::new("/"), libc::MOUNT_ATTR_RDONLY, 0, true)
            .map_err(failed("cannot make the mounts read-only")),
        Mount::Writable(place) => at(place, |path| sys::mount_attributes(path, 0, libc::MOUNT_ATTR_RDONLY, true)),
        Mount::WritableAlone(path) => sys::mount_attributes(Path::new(path), 0, libc::MOUNT_ATTR_RDONLY, false)
            .map_err(failed(format!("cannot make {path} writable"))),
        Mount::Private(path) => private(Path::new(path)).map_err(failed(format!("cannot make a private {path}"))),
        Mount::Devices(devices) => own_devices(devices).map_err(failed("cannot make a private /dev")),
        Mount::Processes => processes("subset=pid,hidepid=ptraceable"),
        Mount::AllProcesses => processes("subset=pid,hidepid=off"),
        Mount::Hide(path) => hide(Path::new(path)).map_err(failed(format!("cannot hide {path}"))),
    }
}

fn processes(options: &str) -> Result<(), Failure> {
    sys::mount(Path::new("proc"), Path::new("/proc"), "proc", QUIET | libc::MS_RDONLY, options)
        .map_err(failed("cannot mount a private /proc"))
}

fn at(place: &Place, act: impl FnOnce(&Path) -> io::Result<()>) -> Result<(), Failure> {
    match act(Path::new(&place.path)) {
        Err(error) if place.optional && error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other.map_err(|error| {
            let hint = "make it in start_pre, or write `-` before it if it may be missing";
            Failure::at(place, format!("`{}` cannot be made writable: {error}; {hint}", place.path))
        }),
    }
}

fn bind(from: &Path, to: &Path) -> io::Result<()> {
    sys::mount(from, to, NONE, libc::MS_BIND | libc::MS_REC, "")
}

fn change(path: &str, flags: libc::c_ulong) -> io::Result<()> {
    sys::mount(Path::new(NONE), Path::new(path), NONE, flags, "")
}

/// Mounts an empty tmpfs, if the directory exists.
fn private(path: &Path) -> io::Result<()> {
    match path.symlink_metadata() {
        Ok(about) if about.is_dir() => {
            sys::mount(Path::new("tmpfs"), path, "tmpfs", QUIET, "mode=1777,size=16M,nr_inodes=4k")
        }
        _ => Ok(()),
    }
}

fn own_devices(devices: &[&str]) -> io::Result<()> {
    // Assembled in another place, where the old devices can still be reached, and then moved.
    let room = Path::new(RECORDS);
    let flags = libc::MS_NOSUID | libc::MS_NOEXEC;
    sys::mount(Path::new("tmpfs"), room, "tmpfs", flags, "mode=0755,size=64k,nr_inodes=32")?;
    for device in devices {
        let target = room.join(device.trim_start_matches("/dev/"));
        fs::write(&target, "")?;
        bind(Path::new(device), &target)?;
    }
    symlink(LOG, room.join("log"))?;
    symlink("/proc/self/fd", room.join("fd"))?;
    sys::mount(room, Path::new("/dev"), NONE, libc::MS_MOVE, "")?;
    sys::mount_attributes(Path::new("/dev"), libc::MOUNT_ATTR_RDONLY, 0, false)
}

/// Covers a directory with an empty one, a file with an empty file.
fn hide(path: &Path) -> io::Result<()> {
    match path.symlink_metadata() {
        Ok(about) if about.is_dir() => {
            sys::mount(Path::new("tmpfs"), path, "tmpfs", QUIET | libc::MS_RDONLY, "mode=0000,size=4k,nr_inodes=1")
        }
        Ok(about) if about.is_file() => bind(Path::new("/dev/null"), path),
        // A link leads elsewhere, and a missing file needs no cover.
        _ => Ok(()),
    }
}
