//! `rc`: services, in OpenRC's interface.
//!
//! One program with many names. Its name selects the applet; `rc NAME ARGUMENTS` does the same. This module only
//! dispatches.
//!
//! * one service: [`service`] (`openrc-run`), [`launch`] (what a daemon runs as), [`start_stop_daemon`],
//!   [`supervise_daemon`], [`daemons`] (which daemons a service started), [`process`], [`cgroup`];
//! * all services: [`depend`], [`runlevel`], [`openrc`], [`rc_status`], [`rc_service`], [`rc_update`], [`rc_depend`],
//!   [`starter`] (who starts services for a login);
//! * small programs for service scripts: [`eapplets`], [`checkpath`], [`fstab`], [`mountinfo`], [`newer`], [`applets`];
//! * beneath: [`paths`], [`state`], [`conf`], [`limits`], [`pattern`], [`message`], [`getopt`], [`users`],

mod applets;
mod cgroup;
mod checkpath;
mod conf;
mod daemons;
mod depend;
mod eapplets;
mod fstab;
mod getopt;
mod launch;
mod limits;
mod message;
mod mountinfo;
mod newer;
mod openrc;
mod paths;
mod pattern;
mod process;
mod rc_depend;
mod rc_service;
mod rc_status;
mod rc_update;
mod runlevel;
mod schedule;
mod service;
mod start_stop_daemon;
mod starter;
mod state;
mod supervise_daemon;
#[cfg(test)]
mod testing;
mod users;

use std::process::ExitCode;

/// Prints which program this is.
const VERSION: &str = concat!("rc ", env!("CARGO_PKG_VERSION"), " (OpenRC's interface)");

fn main() -> ExitCode {
    let mut words: Vec<String> = std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect();
    if words.is_empty() {
        words.push("rc".to_owned());
    }
    let mut name = base_name(&words[0]).to_owned();
    words.remove(0);
    if name == "rc" && words.first().is_some_and(|word| !word.starts_with('-')) {
        name = base_name(&words.remove(0)).to_owned();
    }
    if words.iter().take_while(|word| *word != "--").any(|word| word == "--version") {
        message::print(VERSION);
        return ExitCode::SUCCESS;
    }
    match run(&name, &words) {
        Some(code) => ExitCode::from(code),
        None => {
            message::eerror(&format!("`{name}` is not a program of rc; try `rc rc-service --help`"));
            ExitCode::from(127)
        }
    }
}

fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Runs the applet. `None`: unknown name.
fn run(name: &str, args: &[String]) -> Option<u8> {
    Some(match name {
        "openrc" => openrc::run(args),
        "rc-service" | "service" => rc_service::run(args),
        "rc-update" => rc_update::run(args),
        "rc-status" => rc_status::run(args),
        "rc-depend" => rc_depend::run(args),
        "openrc-run" | "runscript" => service::run(args),
        "rc-starter" => starter::run(args),
        "start-stop-daemon" => start_stop_daemon::run(args),
        "supervise-daemon" => supervise_daemon::run(args),
        "checkpath" => checkpath::run(args),
        "fstabinfo" => fstab::run(args),
        "mountinfo" => mountinfo::run(args),
        "is_newer_than" => newer::run(args, newer::Question::Newer),
        "is_older_than" => newer::run(args, newer::Question::Older),
        "cgroup-cleanup" => cgroup::run_cleanup(args),
        _ => return applets::run(name, args).or_else(|| eapplets::run(name, args)),
    })
}
