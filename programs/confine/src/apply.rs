//! Applies a plan. This is the only module with effects on this process. If a part cannot be applied completely, it
//! fails and nothing starts.
//!
//! The order matters: actions that need privileges come first, and the filter of system calls, which forbids most of
//! the others, comes last. The kernel attaches the program's AppArmor profile on execution, after all of this.

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
use crate::failure::{Failure, failed};
use crate::filter;
use crate::logins::start;
use crate::plan::{Place, Plan, RECORDS};

/// The account `service` of the package `filesystem`: the login UID of services.
pub const SERVICES: u32 = 99;
/// The kernel's value for "not set".
const NOBODY: &str = "4294967295";

/// The image's AppArmor policy.
const POLICY: &str = "/usr/lib/apparmor/policy";

/// Applies the plan to this process.
pub fn apply(plan: &Plan, service: &str) -> Result<(), Failure> {
    let before = fs::read_to_string("/proc/self/status").map_err(failed("cannot read /proc/self/status"))?;
    let before = status(&before).ok_or_else(|| Failure::new("/proc/self/status is not as expected"))?;
    let is_root = before.uids.contains(&0);
    // The filter is compiled first: an error in it must not leave a half-confined process.
    let program = filter::compile(&plan.filter)
        .map_err(|error| Failure::new(format!("the filter of system calls cannot be made: {error}")))?;
    if is_root {
        record(plan, service)?;
    }
    // It inherits nothing of the following steps.
    let watcher = plan.logins.map(start::start).transpose()?;
    if let Some(name) = &plan.apparmor {
        come_under(name)?;
    }
    limit(plan)?;
    if !plan.sets_loginuid {
        be_a_service()?;
    }
    for place in &plan.make {
        make(place)?;
    }
    mounts::separate(plan.namespaces, &plan.mounts)?;
    match sys::own_keyring() {
        // A kernel without key retention has nothing to separate.
        Err(error) if error.raw_os_error() != Some(libc::ENOSYS) => {
            return Err(failed("cannot make a key store")(error));
        }
        _ => {}
    }
    let ruleset = access::ruleset(plan)?;
    sys::umask(plan.umask);
    if plan.no_write_execute {
        sys::no_write_execute().map_err(failed("cannot forbid memory that is writable and executable"))?;
    }
    if plan.no_new_privileges {
        sys::no_new_privileges().map_err(failed("cannot set no_new_privs"))?;
    }
    access::restrict(ruleset)?;
    drop_rights(plan, is_root, before.permitted)?;
    let told = sys::seccomp::install(&instructions(&program), watcher.is_some())
        .map_err(failed("cannot install the filter of system calls; without no_new_privs that is root's"))?;
    match (watcher, told) {
        (Some(watcher), Some(told)) => watcher.watch(&told),
        _ => Ok(()),
    }
}

/// Moves this process into a service's control group, and creates it if necessary.
pub fn enter_group(name: &str) -> Result<(), Failure> {
    let group = Path::new("/sys/fs/cgroup").join(format!("openrc.{name}"));
    match fs::create_dir(&group) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => fs::write(group.join("cgroup.procs"), "0"),
    }
    .map_err(failed(format!("cannot enter the control group {}", group.display())))
}

/// Records the sandbox for people and `exposure`, because the kernel does not report all of it.
fn record(plan: &Plan, service: &str) -> Result<(), Failure> {
    let path = Path::new(RECORDS).join(service);
    fs::create_dir_all(RECORDS)
        .and_then(|()| fs::write(&path, plan.render()))
        .map_err(failed(format!("cannot write {}", path.display())))
}

/// Requests an AppArmor profile for the command, by name.
fn come_under(name: &str) -> Result<(), Failure> {
    let path = "/proc/self/attr/apparmor/exec";
    match fs::write(path, format!("exec {name}")) {
        // An image without layer 2 has no policy.
        Err(_) if !Path::new(POLICY).exists() => Ok(()),
        other => other.map_err(failed(format!("cannot enter the AppArmor profile `{name}`; was {POLICY} loaded?"))),
    }
}

/// Sets the services' login UID. A process without one could set anybody's, once; afterwards it cannot change.
fn be_a_service() -> Result<(), Failure> {
    let path = "/proc/self/loginuid";
    match fs::write(path, SERVICES.to_string()) {
        // A kernel without audit has no login UIDs.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        // A logged-in user started this, and stays its login UID.
        Err(_) if fs::read_to_string(path).is_ok_and(|number| number.trim_end() != NOBODY) => Ok(()),
        other => other.map_err(failed(format!("cannot write the services' login UID {SERVICES} to {path}"))),
    }
}

/// The directory of this process's control group, unless it is the root group.
fn control_group() -> Option<PathBuf> {
    let text = fs::read_to_string("/proc/self/cgroup").ok()?;
    let path = text.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let group = Path::new("/sys/fs/cgroup").join(path);
    (!path.is_empty() && group.join("cgroup.procs").exists()).then_some(group)
}

fn limit(plan: &Plan) -> Result<(), Failure> {
    sys::set_limit(Resource::Core, 0).map_err(failed("cannot switch core dumps off"))?;
    if let Some(files) = plan.limits.open_files {
        sys::set_limit(Resource::Files, files).map_err(failed(format!("cannot limit open files to {files}")))?;
    }
    if let Some(count) = plan.limits.user_processes {
        sys::set_limit(Resource::UserProcesses, count)
            .map_err(failed(format!("cannot limit a user's processes to {count}")))?;
    }
    // Each with the kernel's default for a new group.
    let wanted = [
        ("memory.max", "max", plan.limits.memory.map(|bytes| bytes.to_string())),
        ("memory.min", "0", plan.limits.reserved.map(|bytes| bytes.to_string())),
        ("pids.max", "max", plan.limits.processes.map(|count| count.to_string())),
    ];
    let wanted = wanted.into_iter().filter_map(|(file, unset, value)| Some((file, unset, value?)));
    for (file, unset, value) in wanted {
        let Some(group) = control_group() else {
            let why = format!(
                "cannot set {file} to {value}: this process has no control group of its own; start the service with rc-service"
            );
            return Err(Failure::new(why));
        };
        let path = group.join(file);
        let now = fs::read_to_string(&path).map_err(failed(format!("cannot read {}", path.display())))?;
        // Settings from conf.d are the administrator's.
        if now.trim() == unset {
            fs::write(&path, &value).map_err(failed(format!("cannot write {value} to {}", path.display())))?;
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
            // A user who is not root, and cannot become it, cannot have them anyway.
            Err(_) if !is_root && plan.no_new_privileges => break,
            // What the kernel does not know is given up already.
            Ok(known) if known || capability >= COUNT => {}
            Ok(_) => return Err(Failure::new(format!("this kernel does not know capability {capability}"))),
            Err(error) => {
                return Err(failed(format!("cannot drop capability {capability} from the bounding set"))(error));
            }
        }
    }
    let Some(user) = &plan.identity else {
        if is_root {
            // The bounding set limits root's programs.
            return Ok(());
        }
        let left = Capabilities(permitted.0 & keep.0);
        return sys::set_capabilities(left.0, left.0).map_err(failed("cannot drop capabilities"));
    };
    sys::keep_capabilities().map_err(failed("cannot keep capabilities"))?;
    sys::set_groups(user.gid, &user.groups)
        .and_then(|()| sys::set_user(user.uid))
        .map_err(failed(format!("cannot become {}", user.name)))?;
    sys::set_capabilities(keep.0, keep.0).map_err(failed("cannot set capabilities"))?;
    for capability in (0..COUNT).filter(|bit| keep.has(*bit)) {
        sys::raise_ambient(capability).map_err(failed(format!("cannot hand capability {capability} on")))?;
    }
    Ok(())
}
