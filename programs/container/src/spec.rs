//! The runtime's configuration: a pure function of the image's configuration, the options of `run`, and policy.

use serde_json::{Value, json};

use crate::account::{self, Accounts};
use crate::calls::Rule;
use crate::problem::{Outcome, problem};

/// The options of `run`, as resolved.
#[derive(Debug, Clone, Default)]
pub struct RunOptions {
    /// The container's name.
    pub name: String,
    /// `USER[:GROUP]`, overriding the image's.
    pub user: Option<String>,
    /// Root in the container is the host's root, so it must be allowed by name.
    pub allow_root: bool,
    /// The host's network instead of none.
    pub host_network: bool,
    /// A command that replaces the image's.
    pub command: Vec<String>,
    /// Added to the environment.
    pub env: Vec<String>,
    /// AppArmor profile, where the kernel has AppArmor.
    pub apparmor: Option<String>,
    /// System calls that are allowed.
    pub calls: Vec<Rule>,
    /// The accounts of the host.
    pub machine: Accounts,
    /// Whether there are control groups of version 2.
    pub limits: bool,
}

/// Files of /proc hidden from a container.
const MASKED: &[&str] = &[
    "/proc/acpi",
    "/proc/asound",
    "/proc/config.gz",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/kmsg",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/proc/timer_stats",
];
/// Files of /proc that a container cannot change.
const READ_ONLY: &[&str] = &["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

/// The configuration. `accounts` are those of the image.
pub fn spec(config: &Value, root: &str, accounts: &Accounts, options: &RunOptions) -> Outcome<Value> {
    let written = options.user.as_deref().or(config["User"].as_str()).unwrap_or_default();
    let who =
        account::UserRequest { written, by_administrator: options.user.is_some(), allow_root: options.allow_root };
    let user = account::resolve_user(who, accounts, &options.machine)?;
    let texts = |value: &Value| -> Vec<String> {
        value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let mut args = texts(&config["Entrypoint"]);
    args.extend(if options.command.is_empty() { texts(&config["Cmd"]) } else { options.command.clone() });
    if args.is_empty() {
        return problem("the image has no command; add one after the image");
    }
    let mut env = texts(&config["Env"]);
    if !env.iter().any(|line| line.starts_with("PATH=")) {
        env.push("PATH=/usr/local/bin:/usr/bin:/bin".to_owned());
    }
    env.extend(options.env.iter().cloned());
    let mut namespaces = vec!["pid", "ipc", "uts", "mount", "cgroup"];
    if !options.host_network {
        namespaces.push("network");
    }
    let tmpfs = |at: &str, options: &[&str]| {
        let options: Vec<&str> = ["nosuid", "nodev", "noexec"].iter().chain(options).copied().collect();
        json!({"destination": at, "type": "tmpfs", "source": "tmpfs", "options": options})
    };
    let mut made = json!({
        "ociVersion": "1.0.2",
        "process": {
            "terminal": false, "user": {"uid": user.uid, "gid": user.gid}, "args": args, "env": env,
            "cwd": config["WorkingDir"].as_str().filter(|path| path.starts_with('/')).unwrap_or("/"),
            "capabilities": {"bounding": [], "effective": [], "inheritable": [], "permitted": [], "ambient": []},
            "rlimits": [{"type": "RLIMIT_NOFILE", "soft": 1024, "hard": 4096}, {"type": "RLIMIT_CORE", "soft": 0, "hard": 0}],
            "noNewPrivileges": true, "oomScoreAdj": 500,
        },
        "root": {"path": root, "readonly": true},
        "hostname": options.name,
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc", "options": ["nosuid", "noexec", "nodev"]},
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "noexec", "mode=755", "size=64k"]},
            {"destination": "/dev/pts", "type": "devpts", "source": "devpts", "options":
                ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]},
            tmpfs("/dev/shm", &["mode=1777", "size=16m"]),
            tmpfs("/run", &["mode=1777", "size=16m"]),
            tmpfs("/tmp", &["mode=1777", "size=64m"]),
        ],
        "linux": {
            "namespaces": namespaces.iter().map(|kind| json!({"type": kind})).collect::<Vec<_>>(),
            "maskedPaths": MASKED, "readonlyPaths": READ_ONLY, "rootfsPropagation": "private",
            "seccomp": {
                "defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_X86_64"],
                "syscalls": options.calls.iter().flat_map(Rule::entries).collect::<Vec<_>>(),
            },
        },
    });
    if !user.groups.is_empty() {
        made["process"]["user"]["additionalGids"] = json!(user.groups);
    }
    if let Some(profile) = &options.apparmor {
        made["process"]["apparmorProfile"] = json!(profile);
    }
    if options.limits {
        made["linux"]["cgroupsPath"] = json!(format!("/containers/{}", options.name));
        made["linux"]["resources"] = json!({"pids": {"limit": 128}, "memory": {"limit": 256 << 20}, "cpu": {"quota": 100_000, "period": 100_000}});
    }
    Ok(made)
}

/// Whether the configuration has limits, which crun must be told.
pub fn has_limits(made: &Value) -> bool {
    made["linux"]["cgroupsPath"].is_string()
}

#[cfg(test)]
#[path = "spec_tests.rs"]
mod tests;
