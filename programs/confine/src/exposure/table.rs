//! The scored restrictions: what each weighs, and why.
//!
//! The score is ten times the weight of missing restrictions divided by the total weight, as in `systemd-analyze
//! security`. A row reads the kernel's view of the running process, never a profile. Landlock has no row, because no
//! file of `/proc` shows it.

use super::facts::{Facts, Mount, Profile, mount_of};
use crate::capability::Capabilities;

/// A restriction.
pub struct Row {
    /// Short, for tables and JSON.
    pub id: &'static str,
    /// Points if it is missing.
    pub weight: u32,
    /// The consequence if it is missing.
    pub lacking: &'static str,
    /// The reason for the weight.
    pub reason: &'static str,
    measure: Measure,
}

enum Measure {
    /// How much is missing, of 2.
    Of2(fn(&Facts) -> u32),
    /// Missing if one of these capabilities can be had.
    Capabilities(&'static [&'static str]),
}

impl Row {
    /// How much of it a process is missing: 0, 1 or 2 of 2.
    pub fn lacks(&self, facts: &Facts) -> u32 {
        match self.measure {
            Measure::Of2(measure) => measure(facts),
            Measure::Capabilities(names) => 2 * u32::from(within_reach(facts).0 & Capabilities::of(names).0 != 0),
        }
    }
}

/// The capabilities that a process has, or gets by starting a program: root gets the bounding set, and so could others
/// through files with capabilities, unless `no_new_privs` is set.
fn within_reach(facts: &Facts) -> Capabilities {
    let status = &facts.status;
    let can_gain = status.uids.contains(&0) || !status.no_new_privileges;
    Capabilities(status.permitted.0 | status.ambient.0 | if can_gain { status.bounding.0 } else { 0 })
}

fn all(lacks: bool) -> u32 {
    if lacks { 2 } else { 0 }
}

/// Whether the system's files are within reach: a chroot holds only a process that cannot call chroot again.
fn sees_files(facts: &Facts) -> bool {
    facts.root == "/" || within_reach(facts).0 & Capabilities::of(&["CAP_SYS_CHROOT"]).0 != 0
}

fn writable(facts: &Facts, path: &str) -> u32 {
    all(sees_files(facts) && mount_of(&facts.mounts, path).is_none_or(|mount| !mount.is_read_only()))
}

/// Whether a path leads to the same place as for process 1.
fn is_shared(facts: &Facts, path: &str) -> bool {
    let place = |mount: &Mount| (mount.device.clone(), mount.root.clone());
    sees_files(facts) && mount_of(&facts.mounts, path).map(place) == mount_of(&facts.mounts_of_init, path).map(place)
}

fn has_own(facts: &Facts, namespace: &str) -> bool {
    facts.own_namespaces.iter().any(|own| own == namespace)
}

fn apparmor(facts: &Facts) -> u32 {
    all(!matches!(facts.profile, Profile::Enforced(_)))
}

fn proc_shows(facts: &Facts) -> u32 {
    if !sees_files(facts) {
        return 0;
    }
    let has = |wanted: &[&str]| {
        let options = mount_of(&facts.mounts, "/proc").map(|mount| &mount.system_options);
        options.is_some_and(|options| options.iter().any(|option| wanted.contains(&option.as_str())))
    };
    let (hides_others, hides_kernel) =
        (has(&["hidepid=invisible", "hidepid=ptraceable", "hidepid=2", "hidepid=4"]), has(&["subset=pid"]));
    u32::from(!hides_others) + u32::from(!hides_kernel)
}

fn settings_writable(facts: &Facts) -> u32 {
    // Without the directory, or with only processes mounted there, there are no settings.
    let hides_kernel =
        mount_of(&facts.mounts, "/proc").is_some_and(|m| m.system_options.iter().any(|o| o == "subset=pid"));
    let sys = writable(facts, "/sys") / 2;
    sys + if hides_kernel { 0 } else { writable(facts, "/proc/sys") / 2 }
}

fn homes_visible(facts: &Facts) -> u32 {
    ["/home", "/root"].iter().map(|path| u32::from(is_shared(facts, path))).sum()
}

fn network(facts: &Facts) -> u32 {
    match (has_own(facts, "net"), facts.has_network_sockets) {
        (true, _) => 0,
        (false, false) => 1,
        (false, true) => 2,
    }
}

const fn row(
    id: &'static str,
    weight: u32,
    lacking: &'static str,
    reason: &'static str,
    measure: fn(&Facts) -> u32,
) -> Row {
    Row { id, weight, lacking, reason, measure: Measure::Of2(measure) }
}

const fn can(
    id: &'static str,
    weight: u32,
    names: &'static [&'static str],
    lacking: &'static str,
    reason: &'static str,
) -> Row {
    Row { id, weight, lacking, reason, measure: Measure::Capabilities(names) }
}

/// All rows.
pub const TABLE: &[Row] = &[
    row(
        "system-calls",
        200,
        "No filter of system calls",
        "The kernel's whole surface is open, and a hole in it ends every other restriction",
        |facts| all(facts.status.seccomp == 0),
    ),
    row(
        "apparmor",
        200,
        "No enforced AppArmor profile",
        "A mandatory policy holds for root too, and the process cannot leave it",
        apparmor,
    ),
    row(
        "root",
        80,
        "A user of it is root",
        "Root owns the system's files and gets capabilities by starting a program",
        |facts| all(facts.status.uids.contains(&0)),
    ),
    row(
        "no-new-privileges",
        80,
        "Starting a program can give it rights",
        "Any file with a set-user-ID bit or capabilities would be a way up",
        |facts| all(!facts.status.no_new_privileges),
    ),
    can(
        "cap-admin",
        60,
        &["CAP_SYS_ADMIN"],
        "Administers the system: mounts, namespaces, much else",
        "Most ways from a service to the whole machine lead through it",
    ),
    can(
        "cap-kernel",
        25,
        &["CAP_SYS_MODULE", "CAP_SYS_RAWIO"],
        "Changes the kernel or speaks to hardware",
        "Code in the kernel is beyond every restriction",
    ),
    can(
        "cap-trace",
        25,
        &["CAP_SYS_PTRACE"],
        "Looks into and changes other processes",
        "Another service's rights are its own then",
    ),
    can(
        "cap-files",
        25,
        &["CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH"],
        "Opens files against their modes",
        "Keys and passwords are protected by modes",
    ),
    can(
        "cap-users",
        25,
        &["CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP"],
        "Becomes any user",
        "Each user's files are its own then",
    ),
    can(
        "cap-network",
        20,
        &["CAP_NET_ADMIN"],
        "Configures the network",
        "Packet filter, addresses and routes are the perimeter",
    ),
    can(
        "cap-owners",
        15,
        &["CAP_CHOWN", "CAP_FOWNER"],
        "Gives files away, changes modes of others' files",
        "What a mode protects can be opened in two steps",
    ),
    can(
        "cap-inspect",
        15,
        &["CAP_BPF", "CAP_PERFMON", "CAP_CHECKPOINT_RESTORE"],
        "Inspects the kernel and all processes",
        "Secrets of others are in what it sees",
    ),
    can("cap-set-id", 10, &["CAP_SETFCAP", "CAP_FSETID"], "Makes files that give rights", "It outlives the process"),
    can("cap-kill", 10, &["CAP_KILL"], "Signals any process", "It stops services, log and audit among them"),
    can("cap-raw", 10, &["CAP_NET_RAW"], "Sends and reads raw packets", "It sees and forges others' traffic"),
    can("cap-boot", 10, &["CAP_SYS_BOOT"], "Restarts the machine", "Everything ends at once"),
    can(
        "cap-devices",
        10,
        &["CAP_MKNOD"],
        "Makes device files",
        "A disk under another name has no mode that protects it",
    ),
    can(
        "cap-audit",
        10,
        &["CAP_AUDIT_CONTROL", "CAP_AUDIT_READ"],
        "Reads or switches audit",
        "An intruder's first wish is to be unseen",
    ),
    can(
        "cap-policy",
        10,
        &["CAP_MAC_ADMIN", "CAP_MAC_OVERRIDE"],
        "Changes mandatory policy",
        "The restriction that holds for root would be its own",
    ),
    can(
        "cap-log",
        10,
        &["CAP_SYSLOG"],
        "Reads and clears the kernel's log",
        "Addresses in it help attacks on the kernel",
    ),
    can(
        "cap-time",
        10,
        &["CAP_SYS_TIME", "CAP_WAKE_ALARM"],
        "Sets the clock",
        "Certificates and logs depend on the time",
    ),
    can(
        "cap-priority",
        10,
        &["CAP_SYS_NICE", "CAP_SYS_RESOURCE"],
        "Takes more of the machine than its share",
        "Limits would be wishes",
    ),
    can(
        "cap-ports",
        5,
        &["CAP_NET_BIND_SERVICE", "CAP_NET_BROADCAST"],
        "Takes ports below 1024",
        "It can stand in for another service",
    ),
    can(
        "cap-root-directory",
        5,
        &["CAP_SYS_CHROOT"],
        "Changes the root directory",
        "A step on the way out of a directory",
    ),
    can(
        "cap-other",
        5,
        &[
            "CAP_IPC_LOCK",
            "CAP_IPC_OWNER",
            "CAP_LEASE",
            "CAP_LINUX_IMMUTABLE",
            "CAP_SYS_PACCT",
            "CAP_SYS_TTY_CONFIG",
            "CAP_BLOCK_SUSPEND",
            "CAP_AUDIT_WRITE",
        ],
        "Has lesser capabilities",
        "Each is small, and none is needed by most",
    ),
    row(
        "ambient",
        10,
        "Hands capabilities on to what it starts",
        "A shell that it is made to start has them too",
        |facts| all(facts.status.ambient.0 != 0),
    ),
    row(
        "system-read-only",
        30,
        "Can write where the system's programs are",
        "What is changed there outlives the process",
        |facts| writable(facts, "/usr"),
    ),
    row("etc-read-only", 20, "/etc can be written", "Accounts and services are configured there", |facts| {
        writable(facts, "/etc")
    }),
    row(
        "settings-read-only",
        30,
        "Kernel settings can be written",
        "Most of hardening layer 1 is there",
        settings_writable,
    ),
    row(
        "proc-subset",
        20,
        "/proc shows other processes or the kernel",
        "Command lines, environments, addresses",
        proc_shows,
    ),
    row("homes-hidden", 20, "/home and /root are visible", "Few services have business there", homes_visible),
    row("own-tmp", 20, "/tmp is everybody's", "Files of others, and links they lay", |facts| {
        all(is_shared(facts, "/tmp"))
    }),
    row("own-devices", 20, "/dev is everybody's", "Disks, memory, terminals are a mode away", |facts| {
        all(is_shared(facts, "/dev"))
    }),
    row("own-mounts", 10, "Mounts are the system's", "What it mounts, everybody sees", |facts| {
        all(!has_own(facts, "mnt"))
    }),
    row(
        "network",
        50,
        "The network is within reach",
        "Half of it counts when it is shared, all when sockets are open: what comes in, and what can be sent out",
        network,
    ),
    row(
        "own-processes",
        10,
        "Numbers of all processes are within reach",
        "What can be named can be signalled",
        |facts| all(!has_own(facts, "pid")),
    ),
    row("own-ipc", 10, "Shared memory of others is within reach", "Its modes are often wide", |facts| {
        all(!has_own(facts, "ipc"))
    }),
    row("own-host-name", 5, "The host name is the system's", "Logs carry it", |facts| all(!has_own(facts, "uts"))),
    row("memory-limit", 20, "Memory is not limited", "One service can starve all others", |facts| {
        all(!facts.memory_is_limited)
    }),
    row("process-limit", 20, "Processes are not limited", "A fork bomb ends in the whole machine", |facts| {
        all(!facts.processes_are_limited)
    }),
    row("core-dumps", 10, "Core dumps are allowed", "Memory with keys would be written to a file", |facts| {
        all(facts.core_limit != Some(0))
    }),
    row("umask", 10, "New files can be written by others", "A mistake in a mode is nobody's fault then", |facts| {
        all(facts.status.umask & 0o022 != 0o022)
    }),
];
