//! Mounts and namespaces.

use std::ffi::CString;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use rustix::mount::UnmountFlags;
use rustix::thread::UnshareFlags;

pub use rustix::mount::{MountFlags, MountPropagationFlags};

/// Gives a mount other flags: `MS_REMOUNT`, which rustix keeps for itself.
pub const REMOUNT: MountFlags = MountFlags::from_bits_retain(libc::MS_REMOUNT as u32);

use crate::result::check_long;

/// Mounts a file system. No options are the empty text.
pub fn mount(source: &Path, at: &Path, kind: &str, flags: MountFlags, options: &str) -> io::Result<()> {
    let options = CString::new(options)?;
    let options = Some(options.as_c_str()).filter(|options| !options.is_empty());
    Ok(rustix::mount::mount(source, at, kind, flags, options)?)
}

/// Moves a mount to another place.
pub fn move_mount(from: &Path, to: &Path) -> io::Result<()> {
    Ok(rustix::mount::mount_move(from, to)?)
}

/// Shows a tree at a second place, with all that is mounted in it.
pub fn bind(from: &Path, to: &Path) -> io::Result<()> {
    Ok(rustix::mount::mount_bind_recursive(from, to)?)
}

/// Changes what mounts from there on tell others and hear of them.
pub fn set_propagation(at: &Path, flags: MountPropagationFlags) -> io::Result<()> {
    Ok(rustix::mount::mount_change(at, flags)?)
}

/// Unmounts.
pub fn unmount(at: &Path) -> io::Result<()> {
    Ok(rustix::mount::unmount(at, UnmountFlags::empty())?)
}

/// Unmounts; a mount in use goes away with its last user.
pub fn detach(at: &Path) -> io::Result<()> {
    Ok(rustix::mount::unmount(at, UnmountFlags::DETACH)?)
}

/// Makes a mount read-only or writable, or with `below` all mounts from there on.
pub fn set_read_only(at: &Path, read_only: bool, below: bool) -> io::Result<()> {
    let at = CString::new(at.as_os_str().as_bytes())?;
    let (set, clear) = if read_only { (libc::MOUNT_ATTR_RDONLY, 0) } else { (0, libc::MOUNT_ATTR_RDONLY) };
    // The kernel's `struct mount_attr`: set, clear, propagation, user namespace.
    let attributes: [u64; 4] = [set, clear, 0, 0];
    let flags = if below { libc::AT_RECURSIVE } else { 0 };
    // SAFETY: the path ends with NUL; the kernel reads exactly as many bytes as it is told, of an object that large.
    check_long(unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            libc::AT_FDCWD,
            at.as_ptr(),
            flags,
            attributes.as_ptr(),
            size_of_val(&attributes),
        )
    })
    .map(drop)
}

/// Namespaces that a process can have for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Namespace {
    /// Mounts.
    Mount,
    /// Message queues, semaphores, shared memory.
    Ipc,
    /// The machine's name.
    Uts,
    /// The network.
    Network,
}

/// Leaves the system's namespaces for new ones.
pub fn unshare(namespaces: &[Namespace]) -> io::Result<()> {
    let flags = namespaces.iter().map(|namespace| match namespace {
        Namespace::Mount => UnshareFlags::NEWNS,
        Namespace::Ipc => UnshareFlags::NEWIPC,
        Namespace::Uts => UnshareFlags::NEWUTS,
        Namespace::Network => UnshareFlags::NEWNET,
    });
    // SAFETY: the table of descriptors stays shared.
    Ok(unsafe { rustix::thread::unshare_unsafe(flags.collect()) }?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_carry_the_reason() {
        let nowhere = Path::new("/no/such/path");
        let quiet = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
        let error = mount(Path::new("none"), nowhere, "tmpfs", quiet, "").unwrap_err();
        assert!(matches!(error.raw_os_error(), Some(libc::ENOENT | libc::EPERM)), "{error}");
        assert!(unmount(nowhere).is_err() && detach(nowhere).is_err() && set_read_only(nowhere, true, false).is_err());
        let error = mount(Path::new("a\0b"), Path::new("/"), "tmpfs", MountFlags::empty(), "").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    }
}
