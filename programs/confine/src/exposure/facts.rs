//! The state of a process, read from texts of `/proc`. Pure: texts in, facts out; a malformed text gives `None`, never
//! a panic.

use crate::capability::Capabilities;

/// From `/proc/PID/status`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// The program's short name.
    pub name: String,
    /// Real, effective, saved and file system user.
    pub uids: [u32; 4],
    /// Permitted capabilities.
    pub permitted: Capabilities,
    /// Bounding set.
    pub bounding: Capabilities,
    /// Ambient capabilities.
    pub ambient: Capabilities,
    /// `no_new_privs`.
    pub no_new_privileges: bool,
    /// Seccomp mode: 0 none, 1 strict, 2 filter.
    pub seccomp: u8,
    /// Number of filters.
    pub filters: u32,
    /// File mode mask.
    pub umask: u32,
}

/// Reads `/proc/PID/status`.
pub fn status(text: &str) -> Option<Status> {
    let field = |name: &str| {
        let rest = |line: &'_ str| {
            line.strip_prefix(name).and_then(|rest| rest.strip_prefix(':')).map(str::trim).map(str::to_owned)
        };
        text.lines().find_map(rest)
    };
    let set = |name| u64::from_str_radix(&field(name)?, 16).ok().map(Capabilities);
    let numbers: Vec<u32> = field("Uid")?.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    Some(Status {
        name: field("Name")?,
        uids: numbers.try_into().ok()?,
        permitted: set("CapPrm")?,
        bounding: set("CapBnd")?,
        ambient: set("CapAmb")?,
        no_new_privileges: field("NoNewPrivs")? == "1",
        seccomp: field("Seccomp")?.parse().ok()?,
        // Kernels before 5.9 do not count them.
        filters: field("Seccomp_filters").and_then(|number| number.parse().ok()).unwrap_or(0),
        umask: u32::from_str_radix(&field("Umask")?, 8).ok()?,
    })
}

/// The AppArmor state of a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Profile {
    /// A profile in enforce mode.
    Enforced(String),
    /// A profile in complain mode, or an unconfined one.
    Weak(String),
    /// None.
    None,
}

/// Reads `/proc/PID/attr/apparmor/current`: `NAME (enforce)`, `unconfined`, or several joined by `//&`.
pub fn apparmor(text: &str) -> Profile {
    let text = text.trim_end_matches(['\n', '\0']).trim();
    match text.rsplit_once(" (") {
        _ if text.is_empty() || text == "unconfined" => Profile::None,
        Some((name, "enforce)")) => Profile::Enforced(name.to_owned()),
        Some((name, _)) => Profile::Weak(name.to_owned()),
        None => Profile::Weak(text.to_owned()),
    }
}

/// A line of `/proc/PID/mountinfo`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// Device number of the file system.
    pub device: String,
    /// The mounted directory in it.
    pub root: String,
    /// Mount point.
    pub point: String,
    /// Flags of this mount.
    pub options: Vec<String>,
    /// Kind of file system.
    pub kind: String,
    /// Options of the file system.
    pub system_options: Vec<String>,
}

impl Mount {
    /// Whether it is read-only.
    pub fn is_read_only(&self) -> bool {
        let has = |list: &[String]| list.iter().any(|option| option == "ro");
        has(&self.options) || has(&self.system_options)
    }
}

/// Reads `/proc/PID/mountinfo`; skips malformed lines.
pub fn mounts(text: &str) -> Vec<Mount> {
    let words = |text: &str| text.split(',').map(str::to_owned).collect::<Vec<_>>();
    let read = |line: &str| {
        let (own, system) = line.split_once(" - ")?;
        let own: Vec<&str> = own.split(' ').collect();
        let system: Vec<&str> = system.split(' ').collect();
        Some(Mount {
            device: (*own.get(2)?).to_owned(),
            root: (*own.get(3)?).to_owned(),
            point: (*own.get(4)?).to_owned(),
            options: words(own.get(5)?),
            kind: (*system.first()?).to_owned(),
            system_options: words(system.get(2)?),
        })
    };
    text.lines().filter_map(read).collect()
}

/// The mount that contains a path: of the longest mount points, the last one, which covers the others.
pub fn mount_of<'a>(mounts: &'a [Mount], path: &str) -> Option<&'a Mount> {
    let contains = |point: &str| {
        point == "/" || path.strip_prefix(point).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    mounts.iter().filter(|mount| contains(&mount.point)).max_by_key(|mount| mount.point.len())
}

/// The soft limit in a line of `/proc/PID/limits`; `None` if it is missing or unlimited.
pub fn limit(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()?.parse().ok()
}

/// The control group, from `/proc/PID/cgroup`; `None` for the root group.
pub fn control_group(text: &str) -> Option<&str> {
    text.lines().find_map(|line| line.strip_prefix("0::/")).filter(|path| !path.is_empty())
}

/// The service of a control group that `rc` made.
pub fn service_of(group: &str) -> Option<&str> {
    group.split('/').next()?.strip_prefix("openrc.").filter(|name| !name.is_empty())
}

/// Inodes of sockets in a table like `/proc/PID/net/tcp` or `/proc/PID/net/packet`, whose first line names the columns.
pub fn socket_numbers(text: &str, column: usize) -> Vec<u64> {
    let number = |line: &str| line.split_whitespace().nth(column)?.parse().ok();
    text.lines().skip(1).filter_map(number).collect()
}

/// The inode in the target of a socket descriptor: `socket:[123]`.
pub fn socket_number(link: &str) -> Option<u64> {
    link.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
}

/// Everything that is scored of a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// PID.
    pub pid: u32,
    /// User, capabilities, filters.
    pub status: Status,
    /// AppArmor.
    pub profile: Profile,
    /// Namespaces that it does not share with process 1, by the kernel's short names.
    pub own_namespaces: Vec<String>,
    /// Its root directory, as process 1 names it.
    pub root: String,
    /// Its mounts.
    pub mounts: Vec<Mount>,
    /// The mounts of process 1.
    pub mounts_of_init: Vec<Mount>,
    /// Size of core dumps; `None` is unlimited.
    pub core_limit: Option<u64>,
    /// Whether its control group limits memory.
    pub memory_is_limited: bool,
    /// Whether its control group limits processes.
    pub processes_are_limited: bool,
    /// Whether it has network sockets.
    pub has_network_sockets: bool,
}
