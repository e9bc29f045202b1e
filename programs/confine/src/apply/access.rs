//! Landlock: access to files by path, TCP ports, signals and abstract sockets.
//!
//! What Landlock does not see, as of Linux 6.12, and what covers it instead: data in the first packet of a TCP
//! connection (TCP Fast Open), which the filter of system calls refuses and the kernel's settings disable; UDP and raw
//! sockets, which are granted by family, and whose ports and addresses only the packet filter knows; Unix sockets with
//! a path, which file modes and AppArmor control; `chmod`, `chown`, `stat`, time stamps and extended attributes, which
//! belong to the owner; files that were open before.

use std::fs;

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible as _, NetPort, PathBeneath, PathFd,
    Ruleset, RulesetAttr as _, RulesetCreated, RulesetCreatedAttr as _, RulesetError, Scope,
};

use crate::failure::Failure;
use crate::plan::{Access, FileRule, Plan};

/// The version of Linux 6.12. An older kernel could not enforce all of it, so it is an error.
const VERSION: ABI = ABI::V6;

fn failed(error: RulesetError) -> Failure {
    Failure::new(format!(
        "Landlock cannot be set up: {error}; it needs Linux 6.12 and `landlock` in the kernel's LSM list"
    ))
}

/// The rules, with every path opened; `None` if nothing is restricted.
pub fn ruleset(plan: &Plan) -> Result<Option<RulesetCreated>, Failure> {
    let mut scopes = BitFlags::<Scope>::EMPTY;
    if !plan.signals_outside {
        scopes |= Scope::Signal;
    }
    if !plan.sockets_outside {
        scopes |= Scope::AbstractUnixSocket;
    }
    if plan.files.is_none() && plan.ports.is_none() && scopes.is_empty() {
        return Ok(None);
    }
    let mut handled = Ruleset::default().set_compatibility(CompatLevel::HardRequirement);
    if plan.files.is_some() {
        handled = handled.handle_access(AccessFs::from_all(VERSION)).map_err(failed)?;
    }
    if plan.ports.is_some() {
        handled = handled.handle_access(AccessNet::from_all(VERSION)).map_err(failed)?;
    }
    if !scopes.is_empty() {
        handled = handled.scope(scopes).map_err(failed)?;
    }
    let mut created = handled.create().map_err(failed)?;
    for rule in plan.files.iter().flatten() {
        created = add(created, rule)?;
    }
    if let Some(ports) = &plan.ports {
        for port in &ports.bind {
            created = created.add_rule(NetPort::new(*port, AccessNet::BindTcp)).map_err(failed)?;
        }
        for port in &ports.connect {
            created = created.add_rule(NetPort::new(*port, AccessNet::ConnectTcp)).map_err(failed)?;
        }
    }
    // The plan decides about no_new_privs.
    Ok(Some(created.no_new_privs(false)))
}

fn add(created: RulesetCreated, rule: &FileRule) -> Result<RulesetCreated, Failure> {
    let place = &rule.place;
    let about = match fs::metadata(&place.path) {
        Ok(about) => about,
        Err(error) if place.optional && error.kind() == std::io::ErrorKind::NotFound => return Ok(created),
        Err(error) if place.at.is_none() => {
            let hint = "is it below a directory that the profile hides?";
            return Err(Failure::new(format!("`{}` cannot be reached: {error}; {hint}", place.path)));
        }
        Err(error) => {
            let hint = "make it in start_pre, or write `-` before it if it may be missing";
            return Err(Failure::at(place, format!("`{}` is granted, but: {error}; {hint}", place.path)));
        }
    };
    let mut rights = rights(rule.access);
    if !about.is_dir() {
        rights &= AccessFs::from_file(VERSION);
    }
    let opened = PathFd::new(&place.path).map_err(|error| Failure::at(place, error.to_string()))?;
    created.add_rule(PathBeneath::new(opened, rights)).map_err(failed)
}

fn rights(access: Access) -> BitFlags<AccessFs> {
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    match access {
        Access::List => AccessFs::ReadDir.into(),
        Access::Read => read,
        Access::Execute => read | AccessFs::Execute,
        Access::Device => read | AccessFs::WriteFile | AccessFs::Truncate | AccessFs::IoctlDev,
        Access::Write => {
            let not_written = AccessFs::Execute | AccessFs::MakeChar | AccessFs::MakeBlock | AccessFs::IoctlDev;
            AccessFs::from_all(VERSION) & !not_written
        }
    }
}

/// Restricts this process and everything it starts.
pub fn restrict(ruleset: Option<RulesetCreated>) -> Result<(), Failure> {
    match ruleset {
        Some(ruleset) => ruleset.restrict_self().map(drop).map_err(failed),
        None => Ok(()),
    }
}
