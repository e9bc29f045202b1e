//! `rc-service`: finds a service's script and runs one of its commands, if the service is in the requested state.

use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::conf::Conf;
use crate::daemons;
use crate::depend::survey;
use crate::getopt::{Known, Parsed, option, parse};
use crate::message::{eerror, print};
use crate::paths::{Paths, is_service_name};
use crate::service::only_asks;
use crate::starter;
use crate::state::State;

const OPTIONS: [Known; 17] = [
    option('d', "debug", false),
    option('D', "nodeps", false),
    option('e', "exists", true),
    option('c', "ifcrashed", false),
    option('i', "ifexists", false),
    option('I', "ifinactive", false),
    option('N', "ifnotstarted", false),
    option('s', "ifstarted", false),
    option('S', "ifstopped", false),
    option('l', "list", false),
    option('r', "resolve", true),
    option('Z', "dry-run", false),
    option('h', "help", false),
    option('C', "nocolor", false),
    option('v', "verbose", false),
    option('q', "quiet", false),
    option('U', "user", false),
];

const HELP: &str = "\
Usage: rc-service [options] SERVICE COMMAND...
   or: rc-service --exists SERVICE | --resolve SERVICE | --list

  -i, --ifexists      do nothing, and succeed, if there is no such service
  -c, --ifcrashed     run the command only if the service has crashed
  -I, --ifinactive    only if it is inactive
  -N, --ifnotstarted  only if it is not started
  -s, --ifstarted     only if it is started
  -S, --ifstopped     only if it is stopped
  -D, --nodeps        leave other services alone
  -d, --debug         trace the script
  -Z, --dry-run       say what would be done
  -e, --exists        succeed if there is such a service
  -r, --resolve       print where its script is
  -l, --list          list all services
  -C, --nocolor  -v, --verbose  -q, --quiet (twice: errors as well)  -h, --help  -V, --version";

/// Runs the program; the exit code.
pub fn run(args: &[String]) -> u8 {
    let paths = Paths::system();
    let options = match parse(&OPTIONS, args, true) {
        Ok(options) => options,
        Err(problem) => return fail(&format!("{problem}; `rc-service --help` lists the options")),
    };
    apply_common(&options);
    if options.has("help") {
        print(HELP);
        return 0;
    }
    if options.has("user") {
        return fail("--user is not supported: this system has no services of users");
    }
    if options.has("list") {
        files(&paths).iter().for_each(|name| print(name));
        return 0;
    }
    if let Some(service) = options.value("exists") {
        return u8::from(!exists(&paths, service));
    }
    if let Some(service) = options.value("resolve") {
        if !exists(&paths, service) {
            return 1;
        }
        print(&paths.script(service).display().to_string());
        return 0;
    }
    let Some((service, command)) = options.rest.split_first() else {
        return fail("you need to specify a service");
    };
    // Paths are accepted as well: `rc-service /etc/init.d/sshd status`.
    let service = service.strip_prefix("/etc/init.d/").unwrap_or(service);
    if !exists(&paths, service) {
        return if options.has("ifexists") { 0 } else { fail(&format!("service `{service}' does not exist")) };
    }
    if !can_run(&paths, service) {
        return fail(&format!("service `{service}' is not executable; `chmod +x` on its script changes that"));
    }
    if !is_asked_for(&paths, &options, service) {
        return 0;
    }
    if !command.iter().all(|word| only_asks(word)) {
        if let Some(code) = starter::hand_over(&paths, "rc-service", args) {
            return code;
        }
    }
    run_script(&paths, &options, service, command)
}

/// Options of all programs for people: verbosity and colours.
pub fn apply_common(options: &Parsed) {
    // Messages of this process and its children follow these variables.
    if options.has("nocolor") || Conf::general(&Paths::system()).yes("rc_nocolor", false) {
        sys::set_variable("RC_NOCOLOR", "yes");
        sys::set_variable("EINFO_COLOR", "no");
    }
    if options.has("verbose") {
        sys::set_variable("EINFO_VERBOSE", "yes");
    }
    if options.has("quiet") {
        sys::set_variable("EINFO_QUIET", "yes");
    }
    if options.count("quiet") > 1 {
        sys::set_variable("EERROR_QUIET", "yes");
    }
}

/// Names of executable scripts, sorted.
pub fn scripts(paths: &Paths) -> Vec<String> {
    let mut names = files(paths);
    names.retain(|name| can_run(paths, name));
    names
}

/// Names of all scripts, sorted; also those that are not executable, because somebody may look for one.
pub fn files(paths: &Paths) -> Vec<String> {
    // No directory: no services.
    let entries = std::fs::read_dir(&paths.init_d).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.retain(|name| exists(paths, name));
    names.sort();
    names
}

/// True if the service has a script.
pub fn exists(paths: &Paths, service: &str) -> bool {
    is_service_name(service) && paths.script(service).is_file()
}

/// True if it is executable.
pub fn can_run(paths: &Paths, service: &str) -> bool {
    use std::os::unix::fs::PermissionsExt;
    let runs = |meta: std::fs::Metadata| meta.permissions().mode() & 0o111 != 0;
    exists(paths, service) && paths.script(service).metadata().is_ok_and(runs)
}

fn is_asked_for(paths: &Paths, options: &Parsed, service: &str) -> bool {
    let state = State::of(paths, service);
    let crashed = || state.has(State::Started) && daemons::is_crashed(paths, service);
    let refused = (options.has("ifcrashed") && !crashed())
        || (options.has("ifinactive") && !state.has(State::Inactive))
        || (options.has("ifnotstarted") && state.has(State::Started))
        || (options.has("ifstarted") && !state.has(State::Started))
        || (options.has("ifstopped") && !state.has(State::Stopped));
    !refused
}

fn run_script(paths: &Paths, options: &Parsed, service: &str, command: &[String]) -> u8 {
    let script = paths.script(service);
    if survey::is_of_another(&script) {
        let error = Command::new(&script).args(command).exec();
        return fail(&format!("{service}: its script could not be run: {error}"));
    }
    let mut run = Command::new(paths.program());
    run.arg0("openrc-run");
    for name in ["debug", "nodeps", "dry-run"] {
        if options.has(name) {
            run.arg(format!("--{name}"));
        }
    }
    let error = run.arg(&script).args(command).exec();
    fail(&format!("{service}: `openrc-run` could not be run: {error}"))
}

fn fail(problem: &str) -> u8 {
    eerror(&format!("rc-service: {problem}"));
    1
}
