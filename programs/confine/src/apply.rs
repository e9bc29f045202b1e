//! Does what a plan says. The one module with effects on this process; what cannot be done completely is an error, after
//! which nothing is started.
//!
//! The order matters: what needs rights comes before they go, and the filter of system calls, which forbids most of the rest,
//! comes last. AppArmor's profile of the program is attached by the kernel when it is executed, after all of this.

mod access;
mod mounts;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use seccompiler::sock_filter;
use sys::Resource;
use sys::seccomp::Instruction;

use crate::capability::{COUNT, Capabilities};
use crate::exposure::facts::status;
use crate::filter;
use crate::logins::start;
use crate::plan::{Place, Plan};

/// Where it is written what a service was confined to.
pub const RECORDS: &str = "/run/confine";

/// The account `service` of the package `filesystem`: nobody, in the place of whose login it is.
pub const SERVICES: u32 = 99;
/// Where nobody logged in, as the kernel writes it.
const NOBODY: &str = "4294967295";

/// The image's AppArmor policy.
const POLICY: &str = "/usr/lib/apparmor/policy";

/// Something that could not be done.
#[derive(Debug)]
pub struct Failure {
    /// Line of the profile that asked for it; 0 when it is always done.
    pub line: usize,
    /// What, why, and what to do.
    pub message: String,
}

impl Failure {
    /// Of no line.
    pub fn new(message: impl Into<String>) -> Self {
        Self { line: 0, message: message.into() }
    }

    /// Of a place in the profile.
    fn at(place: &Place, message: impl Into<String>) -> Self {
        Self { line: place.line, message: message.into() }
    }
}

/// Says what failed.
pub fn said(what: impl Into<String>) -> impl FnOnce(io::Error) -> Failure {
    let what = what.into();
    move |error| Failure::new(format!("{what}: {error}"))
}

/// Puts this process under the plan.
pub fn apply(plan: &Plan, service: &str) -> Result<(), Failure> {
    let before = fs::read_to_string("/proc/self/status").map_err(said("cannot read /proc/self/status"))?;
    let before = status(&before).ok_or_else(|| Failure::new("/proc/self/status is not as expected"))?;
    let is_root = before.uids.contains(&0);
    // The kernel's program is made first: an error in it must not leave a half-confined process.
    let program = filter::compile(&plan.filter)
        .map_err(|error| Failure::new(format!("the filter of system calls cannot be made: {error}")))?;
    if is_root {
        record(plan, service)?;
    }
    // It inherits nothing of what follows.
    let watcher = plan.logins.map(start::start).transpose()?;
    if let Some(name) = &plan.apparmor {
        come_under(name)?;
    }
    limit(plan)?;
    if !plan.numbers_logins {
        be_a_service()?;
    }
    for place in &plan.make {
        make(place)?;
    }
    mounts::separate(plan.namespaces, &plan.mounts)?;
    match sys::own_keyring() {
        // A kernel without key stores has nothing to separate.
        Err(error) if error.raw_os_error() != Some(libc::ENOSYS) => return Err(said("cannot make a key store")(error)),
        _ => {}
    }
    let ruleset = access::ruleset(plan)?;
    sys::umask(plan.umask);
    if plan.no_write_execute {
        sys::no_write_execute().map_err(said("cannot forbid memory that is writable and executable"))?;
    }
    if plan.no_new_privileges {
        sys::no_new_privileges().map_err(said("cannot set no_new_privs"))?;
    }
    access::restrict(ruleset)?;
    drop_rights(plan, is_root, before.permitted)?;
    let told = sys::seccomp::install(&instructions(&program), watcher.is_some())
        .map_err(said("cannot install the filter of system calls; without no_new_privs that is root's"))?;
    match (watcher, told) {
        (Some(watcher), Some(told)) => watcher.watch(&told),
        _ => Ok(()),
    }
}

/// Moves this process into a service's control group, which is made if necessary.
pub fn enter_group(name: &str) -> Result<(), Failure> {
    let group = Path::new("/sys/fs/cgroup").join(format!("openrc.{name}"));
    match fs::create_dir(&group) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => fs::write(group.join("cgroup.procs"), "0"),
    }
    .map_err(said(format!("cannot enter the control group {}", group.display())))
}

/// For people and `exposure`: what was done, which the kernel does not tell in full.
fn record(plan: &Plan, service: &str) -> Result<(), Failure> {
    let path = Path::new(RECORDS).join(service);
    fs::create_dir_all(RECORDS)
        .and_then(|()| fs::write(&path, plan.render()))
        .map_err(said(format!("cannot write {}", path.display())))
}

/// Has the kernel put the command under an AppArmor profile, by name.
fn come_under(name: &str) -> Result<(), Failure> {
    let path = "/proc/self/attr/apparmor/exec";
    match fs::write(path, format!("exec {name}")) {
        // An image that was made without that layer has no policy to come under.
        Err(_) if !Path::new(POLICY).exists() => Ok(()),
        other => other.map_err(said(format!("cannot come under the AppArmor profile `{name}`; was {POLICY} loaded?"))),
    }
}

/// Takes the services' number of a login, for audit. A process without one can take anybody's, once; a number that is set stays.
fn be_a_service() -> Result<(), Failure> {
    let path = "/proc/self/loginuid";
    match fs::write(path, SERVICES.to_string()) {
        // A kernel without audit keeps no numbers.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        // Somebody who is logged in started this: it stays his.
        Err(_) if fs::read_to_string(path).is_ok_and(|number| number.trim_end() != NOBODY) => Ok(()),
        other => other.map_err(said(format!("cannot write {SERVICES}, the services' number, to {path}"))),
    }
}

/// The directory of this process's control group, unless it is the machine's.
fn control_group() -> Option<PathBuf> {
    let text = fs::read_to_string("/proc/self/cgroup").ok()?;
    let path = text.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let group = Path::new("/sys/fs/cgroup").join(path);
    (!path.is_empty() && group.join("cgroup.procs").exists()).then_some(group)
}

fn limit(plan: &Plan) -> Result<(), Failure> {
    sys::set_limit(Resource::Core, 0).map_err(said("cannot switch core dumps off"))?;
    if let Some(files) = plan.limits.open_files {
        sys::set_limit(Resource::Files, files).map_err(said(format!("cannot limit open files to {files}")))?;
    }
    if let Some(count) = plan.limits.user_processes {
        sys::set_limit(Resource::UserProcesses, count)
            .map_err(said(format!("cannot limit a user's processes to {count}")))?;
    }
    // Each with the value that the kernel gives a new group.
    let wanted = [
        ("memory.max", "max", plan.limits.memory.map(|bytes| bytes.to_string())),
        ("memory.min", "0", plan.limits.reserved.map(|bytes| bytes.to_string())),
        ("pids.max", "max", plan.limits.processes.map(|count| count.to_string())),
    ];
    let wanted = wanted.into_iter().filter_map(|(file, unset, value)| Some((file, unset, value?)));
    for (file, unset, value) in wanted {
        let Some(group) = control_group() else {
            let why = format!(
                "{file} is to be {value}, but this process has no control group of its own; start the service with rc-service"
            );
            return Err(Failure::new(why));
        };
        let path = group.join(file);
        let now = fs::read_to_string(&path).map_err(said(format!("cannot read {}", path.display())))?;
        // What conf.d set is the administrator's word.
        if now.trim() == unset {
            fs::write(&path, &value).map_err(said(format!("cannot write {value} to {}", path.display())))?;
        }
    }
    Ok(())
}

fn make(place: &Place) -> Result<(), Failure> {
    let open = fs::OpenOptions::new().append(true).create(true).open(&place.path);
    let file = open.map_err(|error| Failure::at(place, format!("cannot make `{}`: {error}", place.path)))?;
    let readable = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    file.set_permissions(readable)
        .map_err(|error| Failure::at(place, format!("cannot set the mode of `{}`: {error}", place.path)))
}

/// The filter as the kernel takes it.
fn instructions(program: &[sock_filter]) -> Vec<Instruction> {
    program.iter().map(|&sock_filter { code, jt, jf, k }| Instruction { code, jt, jf, k }).collect()
}

fn drop_rights(plan: &Plan, is_root: bool, permitted: Capabilities) -> Result<(), Failure> {
    let keep = plan.capabilities;
    for capability in (0..64).filter(|bit| *bit >= COUNT || !keep.has(*bit)) {
        match sys::drop_from_bounding_set(capability) {
            // Who is not root, and cannot become it, cannot have them anyway.
            Err(_) if !is_root && plan.no_new_privileges => break,
            // What the kernel does not know is given up already.
            Ok(known) if known || capability >= COUNT => {}
            Ok(_) => return Err(Failure::new(format!("this kernel does not know capability {capability}"))),
            Err(error) => return Err(said(format!("cannot give up capability {capability} for good"))(error)),
        }
    }
    let Some(user) = &plan.identity else {
        if is_root {
            // What root's programs have is what the bounding set leaves.
            return Ok(());
        }
        let left = Capabilities(permitted.0 & keep.0);
        return sys::set_capabilities(left.0, left.0).map_err(said("cannot give up capabilities"));
    };
    sys::keep_capabilities().map_err(said("cannot keep capabilities"))?;
    sys::set_groups(user.gid, &user.groups)
        .and_then(|()| sys::set_user(user.uid))
        .map_err(said(format!("cannot become {}", user.name)))?;
    sys::set_capabilities(keep.0, keep.0).map_err(said("cannot set capabilities"))?;
    for capability in (0..COUNT).filter(|bit| keep.has(*bit)) {
        sys::raise_ambient(capability).map_err(said(format!("cannot hand capability {capability} on")))?;
    }
    Ok(())
}
