//! The sandbox plan of a service, computed from its profile and facts of the machine. A plan is data that can be printed;
//! [`crate::apply`] applies it, in its order.

mod render;
pub mod resolve;

use std::collections::BTreeSet;

use base::findings::Span;

use crate::calls::Group;
use crate::capability::Capabilities;

/// Records of the sandboxes of services: the plans that were applied.
pub const RECORDS: &str = "/run/confine";

/// All actions before the command runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The service's purpose.
    pub summary: String,
    /// The AppArmor profile, unless the command's path determines it.
    pub apparmor: Option<String>,
    /// The user to become.
    pub identity: Option<Identity>,
    /// File mode mask.
    pub umask: u32,
    /// Limits of the control group and of the process.
    pub limits: Limits,
    /// Whether its processes become users, who have their own control groups.
    pub logins: Option<Logins>,
    /// Limits of each user.
    pub users: Option<Users>,
    /// Private namespaces.
    pub namespaces: Namespaces,
    /// Mounts, in this order; empty without a mount namespace.
    pub mounts: Vec<Mount>,
    /// Files created first.
    pub make: Vec<Place>,
    /// File access; `None` is unrestricted.
    pub files: Option<Vec<FileRule>>,
    /// TCP ports to listen on and to connect to; `None` is unrestricted.
    pub ports: Option<Ports>,
    /// Whether it can signal processes outside.
    pub signals_outside: bool,
    /// Whether it can connect to abstract sockets of processes outside.
    pub sockets_outside: bool,
    /// Whether it sets login UIDs. Otherwise it has the services' own, and cannot take another.
    pub sets_loginuid: bool,
    /// The capabilities it keeps.
    pub capabilities: Capabilities,
    /// Whether `no_new_privs` is set.
    pub no_new_privileges: bool,
    /// Whether memory is either writable or executable.
    pub no_write_execute: bool,
    /// System calls.
    pub filter: Filter,
}

/// A resolved user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The name in the profile.
    pub name: String,
    /// UID.
    pub uid: u32,
    /// GID.
    pub gid: u32,
    /// Supplementary groups.
    pub groups: Vec<u32>,
}

/// Amounts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Limits {
    /// Bytes for the control group.
    pub memory: Option<u64>,
    /// Bytes protected from reclaim.
    pub reserved: Option<u64>,
    /// Processes in the control group.
    pub processes: Option<u32>,
    /// Processes of one user, by UID.
    pub user_processes: Option<u64>,
    /// Open files of a process.
    pub open_files: Option<u64>,
}

/// The control groups of users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Users {
    /// Members of this group have separate limits.
    pub apart: String,
    /// Logins of one user at a time.
    pub logins: u32,
    /// Bytes of one user.
    pub memory: u64,
    /// Processes of one user.
    pub processes: u32,
    /// Bytes of all.
    pub all_memory: u64,
    /// Processes of all.
    pub all_processes: u32,
    /// CPU weight of all.
    pub weight: u32,
}

/// Private namespaces of the service.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Namespaces {
    /// Mounts.
    pub mount: bool,
    /// System V IPC and POSIX message queues.
    pub ipc: bool,
    /// Host name.
    pub uts: bool,
    /// Network.
    pub net: bool,
}

/// A path, with its place in the profile.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Absolute.
    pub path: String,
    /// May be missing; then the step is skipped.
    pub optional: bool,
    /// None for built-in ones.
    pub at: Option<Span>,
}

/// A step in a private mount namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mount {
    /// Later mounts of the system appear here too, but not the reverse.
    Receive,
    /// Makes the path a mount, so that it can have its own flags.
    Own(Place),
    /// Makes all mounts read-only.
    AllReadOnly,
    /// Makes a mount writable again, with all mounts below it.
    Writable(Place),
    /// Makes a mount writable again, without the mounts below it.
    WritableAlone(&'static str),
    /// An empty tmpfs, writable for all users.
    Private(&'static str),
    /// `/dev` with only these devices.
    Devices(&'static [&'static str]),
    /// `/proc` with the service's own processes only.
    Processes,
    /// `/proc` with all processes and nothing else.
    AllProcesses,
    /// Hides the path, if it exists.
    Hide(&'static str),
}

/// Kinds of file access.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// List directories.
    List,
    /// Read.
    Read,
    /// Read and execute.
    Execute,
    /// Read, write and control a device.
    Device,
    /// Read, create, change, remove.
    Write,
}

/// Access below a path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileRule {
    /// Where.
    pub place: Place,
    /// What.
    pub access: Access,
}

/// TCP ports.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ports {
    /// To listen on.
    pub bind: BTreeSet<u16>,
    /// To connect to.
    pub connect: BTreeSet<u16>,
}

/// System calls and the values of their arguments.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// What is allowed.
    pub groups: BTreeSet<Group>,
    /// Families of sockets.
    pub families: BTreeSet<Family>,
    /// Set-user-ID and set-group-ID bits may be set.
    pub set_id_bits: bool,
    /// Memory may be writable and executable.
    pub write_execute: bool,
    /// Real-time scheduling.
    pub realtime: bool,
    /// Other execution domains.
    pub personality: bool,
    /// Becoming a user notifies the process that moves logins, and waits for it.
    pub tells_logins: bool,
}

macro_rules! words {
    ($(#[$doc:meta])* $type:ident { $($variant:ident = $word:literal, $meaning:literal;)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $type {
            $(#[doc = $meaning] $variant,)*
        }

        impl $type {
            /// All values, with their words in a profile and their meaning.
            pub const ALL: &'static [($type, &'static str, &'static str)] = &[$(($type::$variant, $word, $meaning),)*];

            /// By its word.
            pub fn from_word(text: &str) -> Option<$type> {
                $type::ALL.iter().find(|(_, word, _)| *word == text).map(|(found, ..)| *found)
            }
        }
    };
}

words! {
    /// Families of sockets.
    Family {
        Unix = "unix", "Within the machine";
        Inet = "inet", "IPv4, streams and datagrams";
        Inet6 = "inet6", "IPv6, streams and datagrams";
        Netlink = "netlink", "To the kernel, whatever the protocol";
        Route = "route", "To the kernel, about addresses and routes";
        Audit = "audit", "To the kernel, about what is recorded";
        Packet = "packet", "Frames as they come from the card";
        Raw = "raw", "IP packets as they come";
        Any = "any", "Whatever the kernel knows";
    }
}

words! {
    /// What a service uses of the host's, where it otherwise has its own or nothing.
    HostResource {
        Mounts = "mounts", "All mounts, and every change of them";
        Network = "network", "Network devices, addresses, ports";
        Ipc = "ipc", "System V IPC";
        HostName = "host-name", "The host name and its changes";
        Tmp = "tmp", "/tmp, /var/tmp, /dev/shm";
        Devices = "devices", "/dev; otherwise null, zero, full, random, urandom and log";
        Kernel = "kernel", "/proc and /sys with the kernel's settings and facts; otherwise its own processes only";
        Processes = "processes", "What the kernel says of all processes, without its settings; otherwise of its own only";
        Home = "home", "/home, /root, /mnt, /boot";
        Signals = "signals", "Signals to processes of others";
        AbstractSockets = "abstract-sockets", "Abstract sockets of others";
    }
}

words! {
    /// Number of logins of one start of the program.
    Logins {
        One = "one", "The program becomes one user, once";
        Many = "many", "The program starts processes that become users";
    }
}

words! {
    /// What a service may do although the sandbox forbids it otherwise.
    Allow {
        AllFiles = "all-files", "Files outside the granted paths";
        AllPorts = "all-ports", "TCP ports that are not granted";
        LoginUid = "loginuid", "Setting the login UID of audit in /proc, where settings stay read-only; otherwise it is the services' own";
        NewPrivileges = "new-privileges", "Privileges gained by starting a program";
        Personality = "personality", "Other execution domains";
        Realtime = "realtime", "Real-time scheduling";
        SetIdBits = "set-id-bits", "Set-user-ID and set-group-ID bits on files";
        WriteExecute = "write-execute", "Memory that is writable and executable";
    }
}
