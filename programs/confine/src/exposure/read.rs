//! Reads `/proc` and the control groups: the only module of this half of the program with effects.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;

use super::facts::{self, Facts};

const GROUPS: &str = "/sys/fs/cgroup";
/// Kinds of namespaces, as `/proc/PID/ns` names them.
const NAMESPACES: [&str; 7] = ["cgroup", "ipc", "mnt", "net", "pid", "user", "uts"];
/// Tables of sockets, with the column of the inode.
const SOCKETS: [(&str, usize); 7] =
    [("tcp", 9), ("tcp6", 9), ("udp", 9), ("udp6", 9), ("raw", 9), ("raw6", 9), ("packet", 8)];

fn named(path: &str) -> impl FnOnce(io::Error) -> String + '_ {
    move |error| match error.kind() {
        io::ErrorKind::PermissionDenied => {
            format!("cannot read {path}: {error}; only root may look at other users' processes")
        }
        _ => format!("cannot read {path}: {error}"),
    }
}

fn text(path: &str) -> Result<String, String> {
    fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).map_err(named(path))
}

/// Services that `rc` started and that have processes.
pub fn services() -> Result<Vec<String>, String> {
    let entries = fs::read_dir(GROUPS).map_err(named(GROUPS))?;
    let name = |entry: fs::DirEntry| facts::service_of(entry.file_name().to_str()?).map(str::to_owned);
    let mut names: Vec<String> = entries.flatten().filter_map(name).collect();
    names.retain(|name| !processes(name).is_empty());
    names.sort();
    Ok(names)
}

/// The processes of a service, in its control group and below.
pub fn processes(service: &str) -> Vec<u32> {
    let mut found = BTreeSet::new();
    let mut groups = vec![Path::new(GROUPS).join(format!("openrc.{service}"))];
    while let Some(group) = groups.pop() {
        // A group that just vanished has no processes.
        let list = fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default();
        found.extend(list.lines().filter_map(|line| line.parse::<u32>().ok()));
        let entries = fs::read_dir(&group).into_iter().flatten().flatten();
        groups.extend(
            entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|entry| entry.path()),
        );
    }
    found.into_iter().collect()
}

/// The service that a process belongs to.
pub fn service_of(pid: u32) -> Option<String> {
    let text = text(&format!("/proc/{pid}/cgroup")).ok()?;
    facts::service_of(facts::control_group(&text)?).map(str::to_owned)
}

/// Whether a process is alive and a program; ended ones are not scored.
pub fn runs(pid: u32) -> bool {
    fs::read_link(format!("/proc/{pid}/exe")).is_ok()
}

/// Reads the facts of a process.
pub fn process(pid: u32) -> Result<Facts, String> {
    let file = |name: &str| format!("/proc/{pid}/{name}");
    let status =
        facts::status(&text(&file("status"))?).ok_or_else(|| format!("{} is not as expected", file("status")))?;
    // The older file belongs to every security module; a kernel without AppArmor has neither.
    let label = text(&file("attr/apparmor/current")).or_else(|_| text(&file("attr/current"))).unwrap_or_default();
    let mut own_namespaces = Vec::new();
    for kind in NAMESPACES {
        let (path, of_init) = (file(&format!("ns/{kind}")), format!("/proc/1/ns/{kind}"));
        match (fs::read_link(&path), fs::read_link(&of_init)) {
            (Ok(own), Ok(of_init)) if own != of_init => own_namespaces.push(kind.to_owned()),
            // A kernel without this kind of namespace has one for all.
            (Err(error), Err(_)) if error.kind() == io::ErrorKind::NotFound => {}
            (own, of_init_link) => {
                own.map_err(named(&path))?;
                of_init_link.map_err(named(&of_init))?;
            }
        }
    }
    let group = text(&file("cgroup"))?;
    let is_limited = |name: &str| {
        let path = facts::control_group(&group).map(|group| Path::new(GROUPS).join(group).join(name));
        path.and_then(|path| fs::read_to_string(path).ok()).is_some_and(|limit| limit.trim() != "max")
    };
    Ok(Facts {
        pid,
        status,
        profile: facts::apparmor(&label),
        own_namespaces,
        root: fs::read_link(file("root")).map_err(named("its root directory"))?.to_string_lossy().into_owned(),
        mounts: facts::mounts(&text(&file("mountinfo"))?),
        mounts_of_init: facts::mounts(&text("/proc/1/mountinfo")?),
        core_limit: facts::limit(&text(&file("limits"))?, "Max core file size"),
        memory_is_limited: is_limited("memory.max"),
        processes_are_limited: is_limited("pids.max"),
        has_network_sockets: has_network_sockets(pid)?,
    })
}

fn has_network_sockets(pid: u32) -> Result<bool, String> {
    let path = format!("/proc/{pid}/fd");
    let entries = fs::read_dir(&path).map_err(named(&path))?;
    let target = |entry: fs::DirEntry| facts::socket_number(fs::read_link(entry.path()).ok()?.to_str()?);
    let held: BTreeSet<u64> = entries.flatten().filter_map(target).collect();
    let tables = SOCKETS.iter().map(|(name, column)| {
        // A kernel without IPv6 lacks some of them.
        let table = text(&format!("/proc/{pid}/net/{name}")).unwrap_or_default();
        facts::socket_numbers(&table, *column)
    });
    Ok(tables.flatten().any(|number| held.contains(&number)))
}
