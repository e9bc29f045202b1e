//! Namespaces, and the mounts in a private mount namespace.

use std::env;
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::Path;

use sys::mount::{
    MountFlags, MountPropagationFlags, Namespace, bind, mount, move_mount, set_propagation, set_read_only, unshare,
};

use crate::failure::{Failure, failed};
use crate::plan::{Mount, Namespaces, Place, RECORDS};

/// The socket of the system's log; a link, because the log daemon replaces its socket on restart.
const LOG: &str = "/run/syslog/log";
const QUIET: MountFlags = MountFlags::NOSUID.union(MountFlags::NODEV).union(MountFlags::NOEXEC);

/// Enters new namespaces, and arranges the mounts.
pub fn separate(own: Namespaces, steps: &[Mount]) -> Result<(), Failure> {
    let all = [
        (own.mount, Namespace::Mount),
        (own.ipc, Namespace::Ipc),
        (own.uts, Namespace::Uts),
        (own.net, Namespace::Network),
    ];
    let wanted: Vec<Namespace> = all.into_iter().filter_map(|(own, namespace)| own.then_some(namespace)).collect();
    if wanted.is_empty() {
        return Ok(());
    }
    let why = "cannot make namespaces: that needs root; set the user with `user` in the profile instead of command_user, or use the host's";
    unshare(&wanted).map_err(failed(why))?;
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
        Mount::Receive => {
            set_propagation(Path::new("/"), MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC)
                .map_err(failed("cannot separate the mounts"))
        }
        Mount::Own(place) => at(place, |path| bind(path, path)),
        Mount::AllReadOnly => {
            set_read_only(Path::new("/"), true, true).map_err(failed("cannot make the mounts read-only"))
        }
        Mount::Writable(place) => at(place, |path| set_read_only(path, false, true)),
        Mount::WritableAlone(path) => {
            set_read_only(Path::new(path), false, false).map_err(failed(format!("cannot make {path} writable")))
        }
        Mount::Private(path) => private(Path::new(path)).map_err(failed(format!("cannot make a private {path}"))),
        Mount::Devices(devices) => own_devices(devices).map_err(failed("cannot make a private /dev")),
        Mount::Processes => processes("subset=pid,hidepid=ptraceable"),
        Mount::AllProcesses => processes("subset=pid,hidepid=off"),
        Mount::Hide(path) => hide(Path::new(path)).map_err(failed(format!("cannot hide {path}"))),
    }
}

fn processes(options: &str) -> Result<(), Failure> {
    mount(Path::new("proc"), Path::new("/proc"), "proc", QUIET | MountFlags::RDONLY, options)
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

/// Mounts an empty tmpfs, if the directory exists.
fn private(path: &Path) -> io::Result<()> {
    match path.symlink_metadata() {
        Ok(about) if about.is_dir() => {
            mount(Path::new("tmpfs"), path, "tmpfs", QUIET, "mode=1777,size=16M,nr_inodes=4k")
        }
        _ => Ok(()),
    }
}

fn own_devices(devices: &[&str]) -> io::Result<()> {
    // Assembled in another place, where the old devices can still be reached, and then moved.
    let room = Path::new(RECORDS);
    let flags = MountFlags::NOSUID | MountFlags::NOEXEC;
    mount(Path::new("tmpfs"), room, "tmpfs", flags, "mode=0755,size=64k,nr_inodes=32")?;
    for device in devices {
        let target = room.join(device.trim_start_matches("/dev/"));
        fs::write(&target, "")?;
        bind(Path::new(device), &target)?;
    }
    symlink(LOG, room.join("log"))?;
    symlink("/proc/self/fd", room.join("fd"))?;
    move_mount(room, Path::new("/dev"))?;
    set_read_only(Path::new("/dev"), true, false)
}

/// Covers a directory with an empty one, a file with an empty file.
fn hide(path: &Path) -> io::Result<()> {
    match path.symlink_metadata() {
        Ok(about) if about.is_dir() => {
            mount(Path::new("tmpfs"), path, "tmpfs", QUIET | MountFlags::RDONLY, "mode=0000,size=4k,nr_inodes=1")
        }
        Ok(about) if about.is_file() => bind(Path::new("/dev/null"), path),
        // A link leads elsewhere, and a missing file needs no cover.
        _ => Ok(()),
    }
}
