//! The sandbox of a build's steps: the configuration of an OCI runtime, as a value.
//!
//! Recipes and their sources are not trusted. Their phases run as root of a user namespace whose ids own nothing on the host: few
//! capabilities and none that reach beyond the namespace, no way to gain any, a filter of system calls, no network, no mount that
//! carries set-id bits or devices, and limits. The code that renders each of these says what it is for; `tests/tests/hostile.rs` is
//! a package that tries to get past them.

mod calls;
pub mod ids;
pub mod limits;
pub mod tokens;

use camino::Utf8PathBuf;
use serde_json::{Value, json};

use ids::Ids;
use limits::Limits;

/// A mount: host directory, path inside, whether it is read-only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// Directory or file on the host.
    pub host: Utf8PathBuf,
    /// Absolute path inside.
    pub guest: String,
    /// Read-only.
    pub read_only: bool,
}

impl Mount {
    /// A read-only mount.
    pub fn input(host: impl Into<Utf8PathBuf>, guest: impl Into<String>) -> Self {
        Self { host: host.into(), guest: guest.into(), read_only: true }
    }

    /// A writable mount.
    pub fn output(host: impl Into<Utf8PathBuf>, guest: impl Into<String>) -> Self {
        Self { read_only: false, ..Self::input(host, guest) }
    }
}

/// How much of the sandbox there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Walls {
    /// All of it, for a build with these ids.
    All(Ids),
    /// Root of the host with namespaces for mounts, processes and network: what `bench sandbox` compares with, and nothing else
    /// uses.
    Few,
}

/// Everything about a container but the command in it.
#[derive(Debug, Clone)]
pub struct Sandbox {
    /// Its root file system on the host, writable.
    pub root: Utf8PathBuf,
    /// Host name inside.
    pub hostname: String,
    /// What is mounted, in order.
    pub mounts: Vec<Mount>,
    /// The ids of its processes, inside and on the host.
    pub walls: Walls,
    /// What it may take.
    pub limits: Limits,
    /// Its control group, below that of this program; none where the host has no control groups.
    pub group: Option<String>,
}

/// What root needs inside, over its own files and processes: owners and modes for `install`, other users for tests that change to
/// them, `chroot` for tests that use it, ports below 1024 of the sandbox's own network. Its ids own nothing on the
/// host, so it has these rights over nothing else.
const CAPABILITIES: [&str; 11] = [
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_NET_BIND_SERVICE",
    "CAP_SETFCAP",
    "CAP_SETGID",
    "CAP_SETPCAP",
    "CAP_SETUID",
    "CAP_SYS_CHROOT",
];

/// Files that tell of the host, or command it: empty inside.
const HIDDEN: [&str; 13] = [
    "/proc/acpi",
    "/proc/kallsyms",
    "/proc/kcore",
    "/proc/key-users",
    "/proc/keys",
    "/proc/kmsg",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/sysrq-trigger",
    "/proc/timer_list",
    "/sys/firmware",
    "/sys/kernel",
];
/// What only the host writes.
const READ_ONLY: [&str; 4] = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys"];

impl Sandbox {
    /// The runtime's configuration for `argv` in this sandbox, on a terminal or not.
    pub fn config(&self, argv: &[String], terminal: bool) -> Value {
        let mut config = json!({
            "ociVersion": "1.0.2",
            "process": self.process(argv, terminal),
            "root": { "path": self.root, "readonly": false },
            "hostname": self.hostname,
            "mounts": self.mounts(),
            "linux": {
                "namespaces": self.namespaces(),
                "maskedPaths": HIDDEN,
                "readonlyPaths": READ_ONLY,
                "rootfsPropagation": "private",
            },
        });
        let linux = &mut config["linux"];
        if let Some(group) = &self.group {
            linux["cgroupsPath"] = json!(group);
        }
        if let Walls::All(ids) = self.walls {
            let rows = |map: &[(u32, u32, u32)]| -> Vec<Value> {
                map.iter().map(|(id, host, size)| json!({ "containerID": id, "hostID": host, "size": size })).collect()
            };
            let [users, groups] = ids.mappings();
            linux["uidMappings"] = json!(rows(&users));
            linux["gidMappings"] = json!(rows(&groups));
            linux["seccomp"] = calls::filter();
            if self.group.is_some() {
                linux["resources"] = self.resources();
            }
        }
        config
    }

    fn process(&self, argv: &[String], terminal: bool) -> Value {
        let mut process = json!({
            "terminal": terminal,
            "user": { "uid": 0, "gid": 0 },
            "args": argv,
            // The command is `env -i`, which is found by its path.
            "env": ["PATH=/usr/bin"],
            "cwd": "/",
            "capabilities": { "bounding": CAPABILITIES, "permitted": CAPABILITIES, "effective": CAPABILITIES },
        });
        if let Walls::All(_) = self.walls {
            process["noNewPrivileges"] = json!(true);
            // The control group's limit comes first, where there is one: it counts whom it refused.
            let processes = if self.group.is_some() { 2 * limits::PROCESSES } else { limits::PROCESSES };
            process["rlimits"] = json!([
                rlimit("RLIMIT_NPROC", processes),
                rlimit("RLIMIT_NOFILE", limits::OPEN_FILES),
                rlimit("RLIMIT_FSIZE", limits::FILE_END),
                // Not 0: the kernel would still hand the dump to a program of the host, where `core_pattern` names one.
                rlimit("RLIMIT_CORE", 1),
            ]);
            // When the whole machine runs out of memory, builds go first.
            process["oomScoreAdj"] = json!(500);
        }
        process
    }

    fn resources(&self) -> Value {
        let mut resources = json!({
            "pids": { "limit": limits::PROCESSES },
            // None; the usual small ones are the runtime's own.
            "devices": [{ "allow": false, "access": "rwm" }],
        });
        if let Some(bytes) = self.limits.memory {
            resources["memory"] = json!({ "limit": bytes });
        }
        resources
    }

    fn namespaces(&self) -> Vec<Value> {
        let mut kinds = vec!["pid", "network", "ipc", "uts", "mount", "cgroup"];
        if let Walls::All(_) = self.walls {
            kinds.push("user");
        }
        kinds.into_iter().map(|kind| json!({ "type": kind })).collect()
    }

    fn mounts(&self) -> Vec<Value> {
        let own = |guest: &str, kind: &str, options: &[&str]| json!({ "destination": guest, "type": kind, "source": kind, "options": options });
        let closed = ["nosuid", "noexec", "nodev"];
        let mut mounts = vec![
            own("/proc", "proc", &closed),
            own("/dev", "tmpfs", &["nosuid", "noexec", "strictatime", "mode=755", "size=65536k"]),
            own("/dev/pts", "devpts", &["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]),
            own("/dev/shm", "tmpfs", &["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"]),
            own("/dev/mqueue", "mqueue", &closed),
            own("/sys", "sysfs", &["nosuid", "noexec", "nodev", "ro"]),
        ];
        let bind = |mount: &Mount| {
            let mode = if mount.read_only { "ro" } else { "rw" };
            json!({
                "destination": mount.guest, "type": "bind", "source": mount.host,
                "options": ["rbind", "rprivate", mode, "nosuid", "nodev"],
            })
        };
        mounts.extend(self.mounts.iter().map(bind));
        mounts
    }
}

fn rlimit(kind: &str, value: u64) -> Value {
    json!({ "type": kind, "hard": value, "soft": value })
}

#[cfg(test)]
mod tests;
