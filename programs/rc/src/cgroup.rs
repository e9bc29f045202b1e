//! One control group (version 2) per service: `/sys/fs/cgroup/openrc.SERVICE`.
//!
//! Without that file system, nothing here has an effect. The shell that starts the service (`sh/openrc-run.sh`) writes
//! the limits, because it knows the variables.

use sys::Pid;

use crate::conf::is_yes;
use crate::message;
use crate::paths::Paths;
use crate::schedule;
use std::env;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// A killed process takes a moment to go; one that waits for a broken disk takes longer.
const AFTER_KILL: Duration = Duration::from_secs(3);

/// Whether a process is in a service's group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Membership {
    /// It is.
    Ours,
    /// It is not.
    Other,
    /// The service has no group, or the kernel does not say.
    Unknown,
}

/// The group of a service, if groups are mounted.
pub fn directory(paths: &Paths, service: &str) -> Option<PathBuf> {
    paths.cgroup.join("cgroup.procs").exists().then(|| paths.cgroup.join(format!("openrc.{service}")))
}

/// Moves this process into the service's group, and creates it if necessary.
pub fn enter(paths: &Paths, service: &str) -> io::Result<()> {
    let Some(group) = directory(paths, service) else { return Ok(()) };
    delegate_controllers(paths);
    match fs::create_dir(&group) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => fs::write(group.join("cgroup.procs"), "0"),
    }
}

/// Enables limits for child groups: every controller that the kernel offers.
fn delegate_controllers(paths: &Paths) {
    let control = paths.cgroup.join("cgroup.subtree_control");
    let words = |path: &PathBuf| fs::read_to_string(path).unwrap_or_default();
    let (offered, on) = (words(&paths.cgroup.join("cgroup.controllers")), words(&control));
    for controller in offered.split_whitespace().filter(|name| !on.split_whitespace().any(|other| other == *name)) {
        // A controller that cannot be delegated here (cpuset in a container) only means that its limits cannot be set.
        drop(fs::write(&control, format!("+{controller}")));
    }
}

/// Whether a process is in the group of a service.
pub fn membership(paths: &Paths, service: &str, pid: Pid) -> Membership {
    if !directory(paths, service).is_some_and(|group| group.exists()) {
        return Membership::Unknown;
    }
    let Ok(text) = fs::read_to_string(format!("/proc/{pid}/cgroup")) else { return Membership::Unknown };
    let Some(path) = text.lines().find_map(|line| line.strip_prefix("0::/")) else { return Membership::Unknown };
    let first = path.split('/').next().unwrap_or(path);
    if first == format!("openrc.{service}") { Membership::Ours } else { Membership::Other }
}

/// The group of a service and its child groups, the deepest first.
fn groups(paths: &Paths, service: &str) -> Vec<PathBuf> {
    let Some(group) = directory(paths, service) else { return Vec::new() };
    let mut found = vec![group];
    let mut at = 0;
    while let Some(group) = found.get(at) {
        // A removed group has no children.
        let entries = fs::read_dir(group).into_iter().flatten().flatten();
        let below: Vec<PathBuf> = entries
            .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
            .map(|entry| entry.path())
            .collect();
        found.extend(below);
        at += 1;
    }
    found.reverse();
    found
}

/// The processes of a service's group and of those below it.
pub fn processes(paths: &Paths, service: &str) -> Vec<Pid> {
    let list = |group: PathBuf| fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default();
    let numbers = |text: String| text.lines().filter_map(|line| line.parse().ok()).collect::<Vec<Pid>>();
    groups(paths, service).into_iter().map(list).flat_map(numbers).collect()
}

/// Whether no process of the service is left.
pub fn is_empty(paths: &Paths, service: &str) -> bool {
    processes(paths, service).is_empty()
}

/// Kills everything in the group at once, without waiting.
fn kill(paths: &Paths, service: &str) {
    let own = std::process::id() as Pid;
    if let Some(group) = directory(paths, service) {
        let is_inside = processes(paths, service).contains(&own);
        if is_inside || fs::write(group.join("cgroup.kill"), "1").is_err() {
            // Kernels before 5.14. An ended process needs no signal.
            let others = processes(paths, service).into_iter().filter(|pid| *pid != own);
            others.for_each(|pid| drop(sys::kill(pid, sys::SIGKILL)));
        }
    }
}

/// Removes the group if it is empty.
pub fn remove_if_empty(paths: &Paths, service: &str) {
    for group in groups(paths, service) {
        // Busy or absent: both are fine.
        drop(fs::remove_dir(group));
    }
}

/// `cgroup-cleanup [SERVICE]`: ends all processes of a service. Variables: `stopsig`, `rc_timeout_stopsec` (90),
/// `rc_send_sighup`, `rc_send_sigkill` (yes).
pub fn run_cleanup(args: &[String]) -> u8 {
    let paths = Paths::system();
    let Some(service) = args.first().cloned().or_else(|| env::var("RC_SVCNAME").ok()) else {
        message::eerror("cgroup-cleanup: no service given");
        return 1;
    };
    let yes = |name: &str, otherwise: bool| env::var(name).map_or(otherwise, |value| is_yes(&value));
    let grace = env::var("rc_timeout_stopsec").ok().and_then(|text| text.parse().ok()).unwrap_or(90);
    let signal = env::var("stopsig").ok().and_then(|text| schedule::signal(&text).ok()).unwrap_or(sys::SIGTERM);
    let mut signals = vec![signal, sys::SIGCONT];
    if yes("rc_send_sighup", false) {
        signals.push(sys::SIGHUP);
    }
    if end_all(&paths, &service, &signals, Duration::from_secs(grace), yes("rc_send_sigkill", true)) {
        return 0;
    }
    message::eerror(&format!("{service}: processes are left in its control group: {:?}", processes(&paths, &service)));
    1
}

/// Signals all processes of the group, waits, and then has the kernel kill the rest. Returns whether the group is
/// empty.
pub fn end_all(paths: &Paths, service: &str, signals: &[i32], grace: Duration, may_kill: bool) -> bool {
    let own = std::process::id() as Pid;
    let others = || processes(paths, service).into_iter().filter(|pid| *pid != own).collect::<Vec<_>>();
    for pid in others() {
        for signal in signals {
            // The process may have ended meanwhile.
            drop(sys::kill(pid, *signal));
        }
    }
    let mut is_empty = wait_until_empty(&others, grace);
    if !is_empty && may_kill {
        kill(paths, service);
        is_empty = wait_until_empty(&others, AFTER_KILL);
    }
    remove_if_empty(paths, service);
    is_empty
}

fn wait_until_empty(others: &dyn Fn() -> Vec<Pid>, limit: Duration) -> bool {
    let begun = Instant::now();
    while !others().is_empty() {
        if begun.elapsed() >= limit {
            return false;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    true
}
