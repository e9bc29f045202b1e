//! Small programs about the state of services: `service_started`, `mark_service_stopped`, `service_get_value`,
//! `get_options`, `shell_var`, `rc-abort` and their relatives.

use crate::daemons;
use crate::launch;
use crate::message;
use crate::paths::{Paths, is_service_name};
use crate::state::{self, State};
use std::env;

/// Runs one of them. `None`: no such program.
pub fn run(name: &str, args: &[String]) -> Option<u8> {
    if let Some(word) = name.strip_prefix("mark_service_") {
        let state = State::of_word(without_alias(word))?;
        return Some(mark(name, state, args));
    }
    match name {
        "service_started_daemon" => Some(started_daemon(args)),
        "service_crashed" => Some(is_in(name, args, |paths, service| {
            let now = State::of(paths, service);
            now.has(State::Crashed) || now.has(State::Started) && daemons::is_crashed(paths, service)
        })),
        "service_get_value" | "get_options" => Some(get(name, args)),
        "service_set_value" | "save_options" => Some(set(name, args)),
        "shell_var" => {
            let words: Vec<String> = args.iter().map(|word| shell_var(word)).collect();
            message::print(&words.join(" "));
            Some(0)
        }
        "rc-abort" => Some(abort()),
        "is_runlevel_start" => Some(u8::from(env::var("RC_RUNLEVEL").is_err())),
        _ => {
            let state = State::of_word(without_alias(name.strip_prefix("service_")?))?;
            Some(is_in(name, args, |paths, service| State::of(paths, service).has(state)))
        }
    }
}

fn without_alias(word: &str) -> &str {
    if word == "coldplugged" { "hotplugged" } else { word }
}

/// The service: an argument, or the one whose script runs.
fn service(name: &str, given: Option<&String>) -> Result<String, u8> {
    let found = given.cloned().or_else(|| env::var("RC_SVCNAME").ok()).unwrap_or_default();
    let found = found.rsplit('/').next().unwrap_or_default().to_owned();
    if is_service_name(&found) {
        return Ok(found);
    }
    message::eerror(&format!("{name}: no service given"));
    Err(1)
}

fn is_in(name: &str, args: &[String], question: impl Fn(&Paths, &str) -> bool) -> u8 {
    match service(name, args.first()) {
        Ok(service) => u8::from(!question(&Paths::system(), &service)),
        Err(code) => code,
    }
}

fn mark(name: &str, state: State, args: &[String]) -> u8 {
    let service = match service(name, args.first()) {
        Ok(service) => service,
        Err(code) => return code,
    };
    let paths = Paths::system();
    match state::mark(&paths, &service, state) {
        Ok(()) => 0,
        Err(error) => {
            message::eerror(&format!("{name}: cannot mark {service} in {}: {error}", paths.state.display()));
            1
        }
    }
}

/// `service_started_daemon [SERVICE] DAEMON [INDEX]`
fn started_daemon(args: &[String]) -> u8 {
    let paths = Paths::system();
    let mut words: Vec<&String> = args.iter().collect();
    let index = words.last().and_then(|word| word.parse::<usize>().ok()).filter(|_| words.len() > 1);
    if index.is_some() {
        words.pop();
    }
    let (named, exec) = match *words.as_slice() {
        [exec] => (None, exec),
        [service, exec, ..] => (Some(service), exec),
        [] => {
            message::eerror("service_started_daemon: no program given");
            return 1;
        }
    };
    let service = match service("service_started_daemon", named) {
        Ok(service) => service,
        Err(code) => return code,
    };
    let full = launch::find_program(exec, None).unwrap_or_else(|_| exec.clone());
    let list = daemons::of(&paths, &service);
    let is_it = |daemon: &daemons::Daemon| daemon.exec.as_ref().is_some_and(|one| one == exec || *one == full);
    let found = match index {
        Some(index) => index.checked_sub(1).and_then(|at| list.get(at)).is_some_and(is_it),
        None => list.iter().any(is_it),
    };
    u8::from(!found)
}

fn get(name: &str, args: &[String]) -> u8 {
    let Some(key) = args.first() else {
        message::eerror(&format!("{name}: usage: {name} NAME"));
        return 1;
    };
    let Ok(service) = service(name, None) else { return 1 };
    match state::get_value(&Paths::system(), &service, key) {
        Some(value) => {
            message::print(value.strip_suffix('\n').unwrap_or(&value));
            0
        }
        None => 1,
    }
}

fn set(name: &str, args: &[String]) -> u8 {
    let Some(key) = args.first() else {
        message::eerror(&format!("{name}: usage: {name} NAME VALUE; without a value it is removed"));
        return 1;
    };
    let Ok(service) = service(name, None) else { return 1 };
    // save_options takes all the words that follow.
    let value = if name == "save_options" { args[1..].join(" ") } else { args.get(1).cloned().unwrap_or_default() };
    let value = Some(value).filter(|value| !value.is_empty());
    match state::set_value(&Paths::system(), &service, key, value.as_deref()) {
        Ok(()) => 0,
        Err(error) => {
            message::eerror(&format!("{name}: {service}: cannot save `{key}`: {error}"));
            1
        }
    }
}

/// A word, made fit for a variable's name.
fn shell_var(word: &str) -> String {
    word.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
}

/// Ends the `openrc` that runs a runlevel, when a service asks for it.
fn abort() -> u8 {
    let paths = Paths::system();
    let pid = env::var("RC_PID").ok().or_else(|| state::get_value(&paths, "rc", "pid"));
    match pid.and_then(|text| text.trim().parse::<sys::Pid>().ok()).filter(|pid| *pid > 1) {
        Some(pid) => match sys::kill(pid, sys::SIGUSR1) {
            Ok(()) => 0,
            Err(error) => {
                message::eerror(&format!("rc-abort: cannot signal openrc (process {pid}): {error}"));
                1
            }
        },
        None => {
            message::eerror("rc-abort: openrc does not run");
            1
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables() {
        for (word, variable) in [("net.eth0", "net_eth0"), ("a-b", "a_b"), ("ok", "ok"), ("é", "_")] {
            assert_eq!(shell_var(word), variable);
        }
    }

    #[test]
    fn names_that_are_not_ours_are_left_to_others() {
        for name in ["service_nonsense", "mark_service_nonsense", "einfo", "mark_service_"] {
            assert_eq!(run(name, &[]), None, "{name}");
        }
    }
}
