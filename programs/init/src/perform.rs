//! Performs the steps of a plan.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io::{self, Error, ErrorKind};
use std::os::fd::AsFd as _;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, chown, chroot};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use sys::loop_device;
use sys::mount::{MountFlags, move_mount, set_read_only};

use crate::plan::{ENVIRONMENT, Forbid, IMAGE, INIT, OVERLAY, STATE, SYSROOT, Step, Virtual};
use crate::{report, state, unlock};

/// Performs one step.
pub fn perform(step: &Step) -> io::Result<()> {
    match step {
        Step::Mount(mount) => mount_virtual(mount),
        Step::Console => console(),
        Step::Image => image(),
        Step::Move(from) => move_mount(Path::new(from), Path::new(&format!("{SYSROOT}{from}"))),
        Step::Clear => clear(),
        Step::SwitchRoot => switch_root(),
        Step::Unlock(partition) => unlock::unlock(partition),
        Step::Check => state::check(),
        Step::MountState(options) => mount_state(options),
        Step::Watch => state::watch(),
        Step::Overlay(at, forbid) => overlay(at, *forbid),
        Step::Keep(from, at, forbid) => keep(&format!("{OVERLAY}/{from}"), at, *forbid),
        Step::Exec => Err(exec()),
    }
}

fn flags(forbid: Forbid) -> MountFlags {
    match forbid {
        Forbid::Programs => MountFlags::NOSUID | MountFlags::NOEXEC,
        Forbid::Devices => MountFlags::NOSUID | MountFlags::NODEV,
        Forbid::DevicesAndPrograms => MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC,
        Forbid::Writing => flags(Forbid::DevicesAndPrograms) | MountFlags::RDONLY,
    }
}

fn mount_virtual(plan: &Virtual) -> io::Result<()> {
    make_dir(plan.at);
    // Read-only is this mount, not the file system: a program can make it writable for itself.
    mount(plan.kind, plan.at, plan.kind, flags(plan.forbid) - MountFlags::RDONLY, plan.options)?;
    if plan.forbid == Forbid::Writing { set_read_only(Path::new(plan.at), true, false) } else { Ok(()) }
}

fn mount(source: &str, at: &str, kind: &str, flags: MountFlags, options: &str) -> io::Result<()> {
    sys::mount::mount(Path::new(source), Path::new(at), kind, flags, options)
}

/// Creates a mount point if possible; if not, the mount reports the reason.
fn make_dir(path: &str) {
    let _made_or_there = DirBuilder::new().mode(0o755).create(path);
}

fn console() -> io::Result<()> {
    let console = OpenOptions::new().read(true).write(true).custom_flags(libc::O_NOCTTY).open("/dev/console")?;
    sys::replace_stdio(console.as_fd())
}

/// Mounts the image straight from its file where the kernel can do that (not from a tmpfs),
/// otherwise through a loop device.
fn image() -> io::Result<()> {
    make_dir(SYSROOT);
    let flags = flags(Forbid::Devices) | MountFlags::RDONLY;
    let how = match mount(IMAGE, SYSROOT, "erofs", flags, "") {
        Ok(()) => "its file".to_owned(),
        Err(direct) => {
            through_loop(flags).map_err(|error| explain(error, &format!("{direct}; through a loop device")))?
        }
    };
    report::note(&format!("the root image is mounted read-only from {how}"));
    Ok(())
}

fn through_loop(flags: MountFlags) -> io::Result<String> {
    let image = File::open(IMAGE).map_err(|error| explain(error, IMAGE))?;
    let control = File::open("/dev/loop-control").map_err(|error| explain(error, "/dev/loop-control"))?;
    let name = format!("/dev/loop{}", loop_device::free(&control)?);
    // Held until the mount is made: the kernel detaches the file after the last user.
    let device = File::open(&name).map_err(|error| explain(error, &name))?;
    loop_device::attach(&device, &image).map_err(|error| explain(error, &name))?;
    mount(&name, SYSROOT, "erofs", flags, "").map_err(|error| explain(error, &name))?;
    Ok(name)
}

/// Deletes the initramfs: nobody can reach its files later, but they take memory. The mount keeps the image itself
/// open, without a name.
fn clear() -> io::Result<()> {
    if !sys::is_in_memory("/")? {
        return Err(Error::new(ErrorKind::Unsupported, "the root is not in memory"));
    }
    let root = fs::symlink_metadata("/")?;
    clear_dir(Path::new("/"), &root)
}

/// Deletes the content of a directory on the same file system.
fn clear_dir(dir: &Path, root: &Metadata) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let metadata = fs::symlink_metadata(&path)?;
        if metadata.dev() != root.dev() {
            continue;
        }
        if metadata.is_dir() {
            clear_dir(&path, root)?;
            // Directories that contain a mount must stay.
            let _removed = fs::remove_dir(&path);
        } else {
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}

fn switch_root() -> io::Result<()> {
    std::env::set_current_dir(SYSROOT)?;
    move_mount(Path::new("."), Path::new("/"))?;
    chroot(".")?;
    std::env::set_current_dir("/")
}

fn overlay(at: &str, forbid: Forbid) -> io::Result<()> {
    let (base, upper) = (format!("{OVERLAY}{at}"), format!("{OVERLAY}{at}/upper"));
    let work = format!("{base}/work");
    closed_dir(&base)?;
    like(at, &upper)?;
    closed_dir(&work)?;
    let options = format!("lowerdir={at},upperdir={upper},workdir={work},redirect_dir=off,metacopy=off");
    mount("overlay", at, "overlay", flags(forbid), &options)
}

/// Creates a directory for root alone, if it is not there from an earlier start.
fn closed_dir(path: &str) -> io::Result<bool> {
    match DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(explain(error, path)),
    }
}

/// Creates a directory that will be seen in place of another one, with the mode and owner of that one. What an earlier start made
/// keeps its own.
fn like(model: &str, path: &str) -> io::Result<()> {
    let model = fs::metadata(model).map_err(|error| explain(error, model))?;
    if closed_dir(path)? {
        chown(path, Some(model.uid()), Some(model.gid()))?;
        fs::set_permissions(path, fs::Permissions::from_mode(model.mode() & 0o7777))?;
    }
    Ok(())
}

/// A new file system lets everybody in; the layers are root's.
fn mount_state(options: &str) -> io::Result<()> {
    make_dir(OVERLAY);
    mount(STATE, OVERLAY, "ext4", flags(Forbid::Devices), options)?;
    fs::set_permissions(OVERLAY, fs::Permissions::from_mode(0o700))
}

/// Shows the directory `from` at `at`. A mount of part of a file system takes its flags in a second call.
fn keep(from: &str, at: &str, forbid: Forbid) -> io::Result<()> {
    // In a directory that is kept itself, an earlier start may have left it, or none was there yet.
    if at.starts_with("/var/log/") {
        closed_dir(at)?;
    }
    like(at, from)?;
    mount(from, at, "", MountFlags::BIND, "")?;
    mount("", at, "", MountFlags::BIND | sys::mount::REMOUNT | flags(forbid), "")
}

/// Becomes the system's init; returns only if that fails.
fn exec() -> Error {
    report::note(&format!("handing over to {INIT}"));
    Command::new(INIT).env_clear().envs(ENVIRONMENT).exec()
}

/// Adds context to an error.
fn explain(error: Error, about: &str) -> Error {
    Error::new(error.kind(), format!("{about}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clearing_removes_files_and_keeps_other_file_systems() {
        let dir = testkit::TempDir::new("init-clear");
        fs::create_dir_all(dir.join("a/b")).unwrap();
        fs::write(dir.join("a/b/file"), "x").unwrap();
        fs::write(dir.join("file"), "x").unwrap();
        std::os::unix::fs::symlink("/proc", dir.join("link")).unwrap();

        let elsewhere = fs::symlink_metadata("/proc").unwrap();
        clear_dir(&dir, &elsewhere).unwrap();
        assert_eq!(fs::read_dir(&dir).unwrap().count(), 3, "another device must be left alone");

        clear_dir(&dir, &fs::symlink_metadata(&dir).unwrap()).unwrap();
        assert_eq!(fs::read_dir(&dir).unwrap().count(), 0);
        assert!(Path::new("/proc/self").exists(), "a link must not be followed");
        fs::remove_dir(&dir).unwrap();
    }

    #[test]
    fn errors_say_what_they_are_about() {
        let error = explain(Error::from_raw_os_error(libc::ENOENT), "/dev/loop0");
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(error.to_string().starts_with("/dev/loop0: No such file or directory"), "{error}");
    }
}
