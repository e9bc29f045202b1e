//! What confining a service comes to: values, computed from its profile and facts of the machine, that can be printed.
//! Nothing here has an effect; [`crate::apply`] does what a plan says, in its order.

mod render;
mod resolve;

use std::collections::BTreeSet;

use crate::calls::Group;
use crate::capability::Capabilities;

pub use resolve::{Facts, resolve};

/// Everything that will be done before the command runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// What the service does.
    pub summary: String,
    /// The AppArmor profile that the command comes under, unless its path says it.
    pub apparmor: Option<String>,
    /// Whom to become.
    pub identity: Option<Identity>,
    /// File mode mask.
    pub umask: u32,
    /// Limits of the control group and of the process.
    pub limits: Limits,
    /// Whether its processes become users, who have control groups of their own.
    pub logins: Option<Logins>,
    /// What each user gets.
    pub users: Option<Users>,
    /// Namespaces of its own.
    pub namespaces: Namespaces,
    /// Mounts, in this order; empty without a mount namespace.
    pub mounts: Vec<Mount>,
    /// Files that are made first.
    pub make: Vec<Place>,
    /// File access, unless it is not restricted.
    pub files: Option<Vec<FileRule>>,
    /// TCP ports, unless they are not restricted: to listen on, to connect to.
    pub ports: Option<Ports>,
    /// Whether signals reach processes outside.
    pub signals_outside: bool,
    /// Whether abstract sockets of processes outside can be connected to.
    pub sockets_outside: bool,
    /// Whether it says whose logins there are, for audit. Otherwise it has the services' own number, and nobody's can be taken.
    pub numbers_logins: bool,
    /// The capabilities that can still be had.
    pub capabilities: Capabilities,
    /// Whether `no_new_privs` is set.
    pub no_new_privileges: bool,
    /// Whether memory is either writable or executable.
    pub no_write_execute: bool,
    /// System calls.
    pub filter: Filter,
}

/// A user, resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The name that was given.
    pub name: String,
    /// User number.
    pub uid: u32,
    /// Group number.
    pub gid: u32,
    /// All groups.
    pub groups: Vec<u32>,
}

/// Amounts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Limits {
    /// Bytes for the control group.
    pub memory: Option<u64>,
    /// Bytes that are kept for it.
    pub reserved: Option<u64>,
    /// Processes in the control group.
    pub processes: Option<u32>,
    /// Processes of one user, by number.
    pub user_processes: Option<u64>,
    /// Open files of a process.
    pub open_files: Option<u64>,
}

/// The control groups of users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Users {
    /// Members of this group are apart.
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
    /// Share of the processor of all.
    pub weight: u32,
}

/// Which namespaces the service has for itself.
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

/// A path, with the line that named it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Absolute.
    pub path: String,
    /// May be missing; then nothing is done.
    pub optional: bool,
    /// Line of the profile; 0: always so.
    pub line: usize,
}

/// A step in a mount namespace of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mount {
    /// What the system mounts later appears here too, but not the reverse.
    Receive,
    /// The path becomes a mount, to have its own flags.
    Own(Place),
    /// All mounts become read-only.
    AllReadOnly,
    /// A mount becomes writable again, with all that is mounted below it.
    Writable(Place),
    /// A mount becomes writable again, and nothing that is mounted below it.
    WritableAlone(&'static str),
    /// An empty file system in memory, for everybody in it.
    Private(&'static str),
    /// `/dev` with nothing but these.
    Devices(&'static [&'static str]),
    /// `/proc` with its own processes only.
    Processes,
    /// `/proc` with all processes and nothing else.
    AllProcesses,
    /// Nothing is to be seen there, if it exists.
    Hide(&'static str),
}

/// What may be done with files.
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
    /// Read, make, change, remove.
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
    /// Bits that make programs run as their owner may be set.
    pub set_id_bits: bool,
    /// Memory may be writable and executable.
    pub write_execute: bool,
    /// Real-time scheduling.
    pub realtime: bool,
    /// Another execution domain.
    pub personality: bool,
    /// Becoming a user is told to who moves logins, and waits for the answer.
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
            /// All, with their words in a profile and what these mean.
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
    /// What a service uses together with the system, where otherwise it has its own or none.
    Share {
        Mounts = "mounts", "All mounts, and every change of them";
        Network = "network", "Network devices, addresses, ports";
        Ipc = "ipc", "System V IPC";
        HostName = "host-name", "The host name and its changes";
        Tmp = "tmp", "/tmp, /var/tmp, /dev/shm";
        Devices = "devices", "/dev; otherwise null, zero, full, random, urandom and log";
        Kernel = "kernel", "/proc and /sys with the kernel's settings and facts; otherwise its own processes only";
        Processes = "processes", "What the kernel says of all processes, without its settings; otherwise of its own only";
        Home = "home", "/home, /root, /mnt, /boot";
        LoginNumber = "login-number", "Whose login it is, for audit: processes write it in /proc, the settings there stay read-only. Otherwise the service has a number of its own";
        Signals = "signals", "Signals to processes of others";
        AbstractSockets = "abstract-sockets", "Abstract sockets of others";
    }
}

words! {
    /// How many logins one start of the program is for.
    Logins {
        One = "one", "The program becomes one user, once";
        Many = "many", "The program starts processes that become users";
    }
}

words! {
    /// Restrictions that are otherwise made.
    Lift {
        Files = "files", "Access to files only below granted paths";
        Ports = "ports", "TCP only with granted ports";
        NoNewPrivileges = "no-new-privileges", "No rights by starting a program";
        WriteExecute = "write-execute", "Memory either writable or executable";
        SetIdBits = "set-id-bits", "No set-user-ID and set-group-ID bits on files";
        Realtime = "realtime", "No real-time scheduling";
        Personality = "personality", "No other execution domain";
    }
}
