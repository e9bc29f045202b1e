//! The steps from the initramfs to the running system, as data.

use std::fmt;
use std::path::{Path, PathBuf};

/// The root image in the initramfs.
pub const IMAGE: &str = "/root.erofs";
/// Its mount point before it becomes the root.
pub const SYSROOT: &str = "/sysroot";
/// Process 1 of the system.
pub const INIT: &str = "/sbin/init";
/// The file system for changes, in memory or the state of an installed system; only root can enter it.
pub const OVERLAY: &str = "/run/overlay";
/// The opened state of an installed system.
pub const STATE: &str = "/dev/mapper/state";
/// The whole environment of the system's init.
pub const ENVIRONMENT: [(&str, &str); 3] =
    [("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"), ("HOME", "/root"), ("TERM", "linux")];

/// Restrictions of a mount besides set-user-ID, which no mount allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forbid {
    /// `nosuid,noexec`: device nodes work.
    Programs,
    /// `nosuid,nodev`: programs can be started.
    Devices,
    /// `nosuid,nodev,noexec`
    DevicesAndPrograms,
    /// `nosuid,nodev,noexec,ro`
    Writing,
}

impl Forbid {
    fn text(self) -> &'static str {
        match self {
            Self::Programs => "nosuid,noexec",
            Self::Devices => "nosuid,nodev",
            Self::DevicesAndPrograms => "nosuid,nodev,noexec",
            Self::Writing => "nosuid,nodev,noexec,ro",
        }
    }
}

/// A virtual file system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Virtual {
    /// The type, also used as the name of the source.
    pub kind: &'static str,
    /// The mount point, which is made if it can be.
    pub at: &'static str,
    /// The mount flags.
    pub forbid: Forbid,
    /// Options of the file system itself.
    pub options: &'static str,
    /// Whether the system works without it.
    pub optional: bool,
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Mount a virtual file system.
    Mount(Virtual),
    /// Make `/dev/console` standard input, output and error.
    Console,
    /// Mount [`IMAGE`] read-only at [`SYSROOT`].
    Image,
    /// Move a mount to the same place below [`SYSROOT`].
    Move(&'static str),
    /// Free the memory of the initramfs.
    Clear,
    /// Make [`SYSROOT`] the root.
    SwitchRoot,
    /// Open the encrypted state in this partition as [`STATE`], with what somebody types on a console.
    Unlock(PathBuf),
    /// Repair the file system in [`STATE`] as far as its journal and its checks allow.
    Check,
    /// Mount [`STATE`] at [`OVERLAY`].
    MountState(&'static str),
    /// Start the machine's watchdog, if the slot is on trial: the service `confirm` comes by, or the machine restarts.
    Watch,
    /// Put a writable layer in [`OVERLAY`] over a directory of the image.
    Overlay(&'static str, Forbid),
    /// Show a directory of [`OVERLAY`] in place of one of the image, without what the image has there.
    Keep(&'static str, &'static str, Forbid),
    /// Become [`INIT`].
    Exec,
}

use Forbid::{Devices, DevicesAndPrograms, Programs, Writing};

const fn needed(kind: &'static str, at: &'static str, forbid: Forbid, options: &'static str) -> Step {
    Step::Mount(Virtual { kind, at, forbid, options, optional: false })
}

const fn wanted(kind: &'static str, at: &'static str, forbid: Forbid, options: &'static str) -> Step {
    Step::Mount(Virtual { kind, at, forbid, options, optional: true })
}

/// The first steps, the same for every machine. After them the disks and the firmware's variables can be read.
pub const START: &[Step] = &[
    needed("devtmpfs", "/dev", Programs, "mode=0755"),
    Step::Console,
    // Users cannot see the processes of others.
    needed("proc", "/proc", DevicesAndPrograms, "hidepid=invisible"),
    needed("sysfs", "/sys", DevicesAndPrograms, ""),
    Step::Image,
    Step::Move("/dev"),
    Step::Move("/proc"),
    Step::Move("/sys"),
    Step::Clear,
    Step::SwitchRoot,
    needed("devpts", "/dev/pts", Programs, "gid=5,mode=0620,ptmxmode=0666"),
    // Each place that users write to is larger than the 25 % that one of them may have (hardening/6-isolation/users.toml), so that
    // nobody fills it for others. A file costs its owner memory too, so their number needs no limit here, which would be all users'.
    needed("tmpfs", "/dev/shm", DevicesAndPrograms, "mode=1777,size=30%,nr_inodes=0"),
    needed("tmpfs", "/run", DevicesAndPrograms, "mode=0755,size=10%"),
    needed("tmpfs", "/tmp", DevicesAndPrograms, "mode=1777,size=30%,nr_inodes=0"),
    wanted("cgroup2", "/sys/fs/cgroup", DevicesAndPrograms, "nsdelegate"),
    wanted("securityfs", "/sys/kernel/security", DevicesAndPrograms, ""),
    // A machine with BIOS has none. What writes variables makes this mount writable for itself.
    wanted("efivarfs", "/sys/firmware/efi/efivars", Writing, ""),
];

/// The steps after [`START`] without a state: all changes are in memory.
pub const MEMORY: &[Step] = &[
    needed("tmpfs", "/home", DevicesAndPrograms, "mode=0755,size=30%,nr_inodes=0"),
    // This and the limit of all users together (50 %) leave room for the daemons.
    needed("tmpfs", OVERLAY, Devices, "mode=0700,size=35%"),
    // Scripts of services and of the administrator in /etc are programs; nothing written elsewhere can be executed.
    Step::Overlay("/etc", Devices),
    Step::Overlay("/var", DevicesAndPrograms),
    Step::Overlay("/root", DevicesAndPrograms),
    Step::Exec,
];

/// The steps after [`START`] with the state in this partition: all changes last.
pub fn installed(state: &Path) -> Vec<Step> {
    vec![
        Step::Unlock(state.to_owned()),
        Step::Check,
        Step::MountState("prjquota"),
        Step::Watch,
        Step::Overlay("/etc", Devices),
        Step::Overlay("/var", DevicesAndPrograms),
        Step::Overlay("/root", DevicesAndPrograms),
        Step::Overlay("/home", DevicesAndPrograms),
        // Each has room of its own, which the layer over /var could not give it.
        Step::Keep("log", "/var/log", DevicesAndPrograms),
        Step::Keep("audit", "/var/log/audit", DevicesAndPrograms),
        Step::Keep("containers", "/var/lib/containers", DevicesAndPrograms),
        Step::Exec,
    ]
}

/// Both ways to start, as text. The state's partition is an example.
pub fn text() -> String {
    let lines = |steps: &[Step]| steps.iter().map(|step| format!("  {step}\n")).collect::<String>();
    format!(
        "every machine:\n{}without a state:\n{}with a state:\n{}",
        lines(START),
        lines(MEMORY),
        lines(&installed(Path::new("/dev/sda3")))
    )
}

impl Step {
    /// Whether the plan continues if the step fails.
    pub fn may_fail(&self) -> bool {
        match self {
            Self::Mount(mount) => mount.optional,
            // A machine without a console still works; freeing memory is optional.
            Self::Console | Self::Clear => true,
            // An image without containers has no place for them, and many machines have no watchdog.
            Self::Keep(..) | Self::Watch => true,
            Self::Image | Self::Move(_) | Self::SwitchRoot | Self::Overlay(..) | Self::Exec => false,
            Self::Unlock(_) | Self::Check | Self::MountState(_) => false,
        }
    }

    /// Advice for the person at the machine.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Mount(_) | Self::Console => {
                "The kernel may lack this file system, or the image its mount point. \
                 Boot another version of the system."
            }
            Self::Image => {
                "The image may be damaged, or memory too small to unpack it. Check the medium \
                 against its published digest, give the machine more memory, or boot another \
                 version of the system."
            }
            Self::Unlock(_) => {
                "The partition may be damaged. On another machine `cryptsetup luksDump` says what is left of it, \
                 and `cryptsetup open` opens it with the passphrase or the recovery key."
            }
            Self::Check | Self::MountState(_) => {
                "The file system may be damaged. On another machine, open the partition with `cryptsetup open`, \
                 copy what you need, and repair it with `e2fsck`."
            }
            Self::Move(_) | Self::Clear | Self::SwitchRoot | Self::Overlay(..) | Self::Keep(..) | Self::Watch => {
                "The image may lack this directory, or memory be too small. \
                 Boot another version of the system."
            }
            Self::Exec => {
                "The image holds no program there that this machine can start. \
                 Boot another version of the system."
            }
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mount(Virtual { kind, at, forbid, options, .. }) => {
                let comma = if options.is_empty() { "" } else { "," };
                write!(to, "mount {kind} on {at} ({}{comma}{options})", forbid.text())
            }
            Self::Console => write!(to, "open /dev/console"),
            Self::Image => write!(to, "mount the image {IMAGE} on {SYSROOT} (ro,{})", Devices.text()),
            Self::Move(from) => write!(to, "move {from} to {SYSROOT}{from}"),
            Self::Clear => write!(to, "free the files of the initramfs"),
            Self::SwitchRoot => write!(to, "make {SYSROOT} the root"),
            Self::Unlock(state) => write!(to, "open the state in {} as {STATE}", state.display()),
            Self::Check => write!(to, "check the file system in {STATE}"),
            Self::MountState(options) => write!(to, "mount {STATE} on {OVERLAY} ({},{options})", Devices.text()),
            Self::Watch => write!(to, "start the watchdog, if the slot is on trial"),
            Self::Overlay(at, forbid) => {
                write!(to, "put a writable layer of {OVERLAY}{at} over {at} ({})", forbid.text())
            }
            Self::Keep(from, at, forbid) => write!(to, "show {OVERLAY}/{from} on {at} ({})", forbid.text()),
            Self::Exec => write!(to, "start {INIT}"),
        }
    }
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
