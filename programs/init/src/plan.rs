//! The steps from the initramfs to the running system, as data.

use std::fmt;

/// The root image in the initramfs.
pub const IMAGE: &str = "/root.erofs";
/// Its mount point before it becomes the root.
pub const SYSROOT: &str = "/sysroot";
/// Process 1 of the system.
pub const INIT: &str = "/sbin/init";
/// The file system in memory for changes; only root can enter it.
pub const OVERLAY: &str = "/run/overlay";
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
}

impl Forbid {
    fn text(self) -> &'static str {
        match self {
            Self::Programs => "nosuid,noexec",
            Self::Devices => "nosuid,nodev",
            Self::DevicesAndPrograms => "nosuid,nodev,noexec",
        }
    }
}

/// A virtual file system.
#[derive(Debug, PartialEq, Eq)]
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
#[derive(Debug, PartialEq, Eq)]
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
    /// Put a writable layer in [`OVERLAY`] over a directory of the image.
    Overlay(&'static str, Forbid),
    /// Become [`INIT`].
    Exec,
}

use Forbid::{Devices, DevicesAndPrograms, Programs};

const fn needed(kind: &'static str, at: &'static str, forbid: Forbid, options: &'static str) -> Step {
    Step::Mount(Virtual { kind, at, forbid, options, optional: false })
}

const fn wanted(kind: &'static str, at: &'static str, forbid: Forbid, options: &'static str) -> Step {
    Step::Mount(Virtual { kind, at, forbid, options, optional: true })
}

/// All steps, in order.
pub const PLAN: &[Step] = &[
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
    needed("tmpfs", "/home", DevicesAndPrograms, "mode=0755,size=30%,nr_inodes=0"),
    wanted("cgroup2", "/sys/fs/cgroup", DevicesAndPrograms, "nsdelegate"),
    wanted("securityfs", "/sys/kernel/security", DevicesAndPrograms, ""),
    // This and the limit of all users together (50 %) leave room for the daemons.
    needed("tmpfs", OVERLAY, Devices, "mode=0700,size=35%"),
    // Scripts of services and of the administrator in /etc are programs; nothing written elsewhere can be executed.
    Step::Overlay("/etc", Devices),
    Step::Overlay("/var", DevicesAndPrograms),
    Step::Overlay("/root", DevicesAndPrograms),
    Step::Exec,
];

impl Step {
    /// Whether the plan continues if the step fails.
    pub fn may_fail(&self) -> bool {
        match self {
            Self::Mount(mount) => mount.optional,
            // A machine without a console still works; freeing memory is optional.
            Self::Console | Self::Clear => true,
            Self::Image | Self::Move(_) | Self::SwitchRoot | Self::Overlay(..) | Self::Exec => false,
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
            Self::Move(_) | Self::Clear | Self::SwitchRoot | Self::Overlay(..) => {
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
            Self::Overlay(at, forbid) => {
                write!(to, "put a writable layer of {OVERLAY}{at} over {at} ({})", forbid.text())
            }
            Self::Exec => write!(to, "start {INIT}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn position(wanted: &Step) -> usize {
        PLAN.iter().position(|step| step == wanted).unwrap()
    }

    #[test]
    fn the_plan_reads_like_this() {
        let text: String = PLAN.iter().map(|step| format!("{step}\n")).collect();
        assert_eq!(text, include_str!("../plan.txt"), "if this is meant, write the new text to plan.txt");
    }

    #[test]
    fn only_a_device_file_system_allows_devices() {
        for step in PLAN {
            if let Step::Mount(mount) = step {
                let device = matches!(mount.kind, "devtmpfs" | "devpts");
                assert_eq!(mount.forbid == Programs, device, "{step}");
            }
        }
    }

    #[test]
    fn what_is_moved_was_mounted_and_goes_before_the_switch() {
        for step in PLAN {
            if let Step::Move(from) = step {
                let mounted = PLAN.iter().position(|other| match other {
                    Step::Mount(mount) => mount.at == *from,
                    _ => false,
                });
                let moved = position(step);
                assert!(position(&Step::Image) < moved && moved < position(&Step::SwitchRoot), "{step}");
                assert!(mounted.unwrap() < position(&Step::Image), "{step}");
            }
        }
    }

    #[test]
    fn overlays_come_after_the_memory_they_lie_in() {
        let memory = PLAN.iter().position(|step| matches!(step, Step::Mount(mount) if mount.at == OVERLAY));
        for step in PLAN {
            if let Step::Overlay(..) = step {
                assert!(memory.unwrap() < position(step), "{step}");
            }
        }
    }

    /// A full home must not fill the file systems of the configuration and the daemons.
    #[test]
    fn what_users_fill_holds_nothing_of_the_system() {
        let is_in_memory = |path: &str| {
            PLAN.iter().any(|step| matches!(step, Step::Mount(mount) if mount.kind == "tmpfs" && mount.at == path))
        };
        for path in ["/home", "/tmp", "/dev/shm"] {
            assert!(is_in_memory(path), "{path}");
            assert!(!PLAN.iter().any(|step| matches!(step, Step::Overlay(at, _) if *at == path)), "{path}");
        }
    }

    #[test]
    fn the_initramfs_is_cleared_while_it_is_still_the_root_and_not_needed() {
        assert!(position(&Step::Image) < position(&Step::Clear));
        assert!(position(&Step::Clear) < position(&Step::SwitchRoot));
        assert_eq!(PLAN.last(), Some(&Step::Exec));
    }

    #[test]
    fn failures_that_matter_stop_the_start() {
        assert!(!Step::Image.may_fail() && !Step::SwitchRoot.may_fail() && !Step::Overlay("/etc", Devices).may_fail());
        assert!(PLAN.iter().filter(|step| step.may_fail()).count() == 4);
    }
}
