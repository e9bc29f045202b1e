//! `supervise-daemon`: runs a daemon in the foreground, and restarts it when it ends.
//!
//! This module has the command line, and starts, stops and signals the supervisor. [`watch`] is the running supervisor;
//! [`respawn`] decides when to give up.

mod charge;
mod respawn;
mod watch;

use sys::{Fork, Pid};

use crate::daemons::{self, Daemon};
use crate::getopt::{self, Known, Parsed, option};
use crate::launch::{self, Launch};
use crate::message;
use crate::paths::{Paths, is_service_name};
use crate::process::{self, Held, PidFile, Process};
use crate::schedule::{self, Step};
use crate::state::{self, State};
use charge::{Charge, Health};
use respawn::Policy;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

const OWN_OPTIONS: [Known; 19] = [
    option('S', "start", false),
    option('K', "stop", false),
    option('s', "signal", true),
    option('p', "pidfile", true),
    option('D', "respawn-delay", true),
    option(' ', "respawn-delay-step", true),
    option(' ', "respawn-delay-cap", true),
    option('m', "respawn-max", true),
    option('P', "respawn-period", true),
    option('a', "healthcheck-timer", true),
    option('A', "healthcheck-delay", true),
    option('R', "retry", true),
    option('q', "quiet", false),
    option('v', "verbose", false),
    option('C', "nocolor", false),
    option('h', "help", false),
    option('b', "background", false),
    option(' ', "make-pidfile", false),
    option('w', "wait", true),
];

const USAGE: &str = "\
Usage: supervise-daemon SERVICE --start [options] PROGRAM [-- arguments]
       supervise-daemon SERVICE --stop [--pidfile FILE] [--retry SPEC]
       supervise-daemon SERVICE --signal SIGNAL

  -p, --pidfile FILE           the supervisor's own number; /run/supervise-SERVICE.pid unless given
  -D, --respawn-delay SECONDS  pause before each new start        -m, --respawn-max N      give up after N (10; 0: never)
  -P, --respawn-period SECONDS only ends within this time count   -R, --retry SPEC         how to end it, like TERM/5/KILL/5
  -a, --healthcheck-timer SECONDS   call healthcheck() so often   -A, --healthcheck-delay SECONDS   first after so long
  and of start-stop-daemon: --user --group --chroot --chdir --env --umask --nicelevel --ionice --oom-score-adj
  --stdout --stderr --stdout-logger --stderr-logger --capabilities --secbits --no-new-privs";

/// Runs it.
pub fn run(args: &[String]) -> u8 {
    match act(args) {
        Ok(code) => code,
        Err(text) => {
            message::eerror(&format!("supervise-daemon: {text}"));
            1
        }
    }
}

fn act(args: &[String]) -> Result<u8, String> {
    let known: Vec<Known> = OWN_OPTIONS.iter().chain(&launch::OPTIONS).copied().collect();
    let mut parsed = getopt::parse(&known, args, false)?;
    if parsed.has("help") {
        message::print(USAGE);
        return Ok(0);
    }
    if parsed.rest.is_empty() {
        return Err("no service given; its name comes first".into());
    }
    let service = parsed.rest.remove(0);
    if !is_service_name(&service) {
        return Err(format!("`{service}` cannot be a service"));
    }
    let paths = Paths::system();
    let default_pidfile = || paths.run.join(format!("supervise-{service}.pid"));
    let pidfile =
        parsed.value("pidfile").filter(|path| path.starts_with('/')).map_or_else(default_pidfile, PathBuf::from);
    if parsed.has("stop") {
        return stop(&paths, &service, &pidfile, &schedule_of(&parsed)?);
    }
    if let Some(signal) = parsed.value("signal") {
        return pass_on(&paths, &service, &pidfile, schedule::signal(signal)?);
    }
    if let Some(running) = supervisor(&service, &pidfile) {
        message::eerror(&format!("supervise-daemon: {service} is already supervised (process {})", running.pid));
        return Ok(1);
    }
    let charge = charge(paths, service, pidfile, &mut parsed)?;
    start(&charge)
}

fn schedule_of(parsed: &Parsed) -> Result<Vec<Step>, String> {
    schedule::parse(parsed.value("retry").unwrap_or("TERM/5"), sys::SIGTERM)
}

fn charge(paths: Paths, service: String, pidfile: PathBuf, parsed: &mut Parsed) -> Result<Charge, String> {
    if parsed.rest.is_empty() {
        return Err("no program given; it comes after the name of the service".into());
    }
    let command = parsed.rest.remove(0);
    let program = launch::find_program(&command, parsed.value("chroot").map(Path::new))?;
    let launch = Launch::new(parsed, Some((&paths, service.as_str())), &program, &command, &parsed.rest, true)?;
    let seconds = |name: &str| -> Result<Option<Duration>, String> {
        let wrong = |text: &str| format!("--{name}: invalid time `{text}`; write seconds, or 500ms, 2sec, 1min, 1hour");
        parsed.value(name).map(|text| respawn::time(text).ok_or_else(|| wrong(text))).transpose()
    };
    let every = seconds("healthcheck-timer")?.filter(|every| !every.is_zero());
    let first = seconds("healthcheck-delay")?;
    let most = parsed
        .value("respawn-max")
        .map_or(Ok(10), |text| text.parse().map_err(|_| format!("--respawn-max: `{text}` is not a number")))?;
    let policy = Policy {
        delay: seconds("respawn-delay")?.unwrap_or_default(),
        step: seconds("respawn-delay-step")?.unwrap_or_default(),
        cap: seconds("respawn-delay-cap")?,
        most,
        period: seconds("respawn-period")?.filter(|period| !period.is_zero()),
    };
    let health = every.map(|every| Health { every, first: first.unwrap_or(every) });
    Ok(Charge { paths, service, pidfile, policy, health, stop: schedule_of(parsed)?, launch })
}

/// Starts the supervisor as a separate process; returns when its daemon runs, or with the reason why it does not.
fn start(charge: &Charge) -> Result<u8, String> {
    let describe = |error: std::io::Error| format!("cannot make a process: {error}");
    let (mut report, writer) = sys::pipe().map_err(describe)?;
    match sys::fork().map_err(describe)? {
        Fork::Child => {
            drop(report);
            let code = watch::supervise(charge, writer);
            sys::exit_now(code)
        }
        Fork::Parent(pid) => {
            drop(writer);
            let mut text = String::new();
            report.read_to_string(&mut text).map_err(describe)?;
            if !text.is_empty() {
                drop(sys::wait(pid, true));
                return Err(text);
            }
            let daemon = Daemon {
                exec: Some("supervise-daemon".into()),
                name: None,
                args: vec![charge.service.clone()],
                pidfile: Some(charge.pidfile.to_string_lossy().into_owned()),
                ..Daemon::default()
            };
            daemons::add(&charge.paths, &charge.service, &daemon)
                .map_err(|e| format!("cannot note the daemon: {e}"))?;
            Ok(0)
        }
    }
}

/// The supervisor that a pid file names, if it is one.
fn supervisor(service: &str, pidfile: &Path) -> Option<Process> {
    let PidFile::Names { pid, writer: None } = process::read_pid_file(pidfile) else { return None };
    let found = process::read(pid)?;
    let own = fs::read_link("/proc/self/exe").ok();
    let is_ours = found.exe == own && found.argv.iter().any(|word| word == service);
    (is_ours && pid != std::process::id() as Pid).then_some(found)
}

/// The longest time of a schedule, plus some for the kernel.
fn patience(steps: &[Step]) -> Option<Duration> {
    let mut sum = Duration::from_secs(5);
    for step in steps {
        match step {
            Step::Wait(wait) => sum += *wait,
            Step::WaitForever => return None,
            Step::Signal(_) => {}
        }
    }
    Some(sum)
}

fn stop(paths: &Paths, service: &str, pidfile: &Path, steps: &[Step]) -> Result<u8, String> {
    if let Some(held) = supervisor(service, pidfile).and_then(Held::new) {
        let child = child_of(paths, service, &held.process);
        held.signal(sys::SIGTERM).map_err(|error| format!("cannot signal the supervisor of {service}: {error}"))?;
        let both = [held];
        if !process::wait_for_end(&both, patience(steps)) {
            // The supervisor itself hangs: kill both.
            let all = both.iter().chain(child.iter());
            for one in all {
                one.signal(sys::SIGKILL)
                    .map_err(|error| format!("cannot kill process {}: {error}", one.process.pid))?;
            }
            process::wait_for_end(&both, Some(Duration::from_secs(2)));
            // It may have started another daemon meanwhile.
            if let Some(orphan) = orphan_of(paths, service) {
                end_orphan(service, orphan, steps)?;
            }
        }
    } else {
        message::ewarn(&format!("supervise-daemon: {service} has no supervisor"));
        if let Some(orphan) = orphan_of(paths, service) {
            end_orphan(service, orphan, steps)?;
        }
    }
    // The supervisor does this itself, unless it was killed.
    drop(fs::remove_file(pidfile));
    let daemon = Daemon { pidfile: Some(pidfile.to_string_lossy().into_owned()), ..Daemon::default() };
    daemons::remove(paths, service, &daemon).map_err(|error| format!("cannot forget the daemon: {error}"))?;
    // Nothing runs any more, even if the rest of the script fails: a service that counts as started cannot be started.
    if State::of(paths, service).has(State::Stopping) {
        state::mark(paths, service, State::Stopped)
            .map_err(|error| format!("cannot mark {service} stopped: {error}"))?;
    }
    Ok(0)
}

/// The daemon of a supervisor, if it is its child.
fn child_of(paths: &Paths, service: &str, supervisor: &Process) -> Option<Held> {
    let pid = process::parse_pid(&state::get_value(paths, service, "child_pid")?)?;
    process::read(pid).filter(|child| child.parent == supervisor.pid).and_then(Held::new)
}

/// The daemon of a killed supervisor: by the PID and start time that it recorded.
fn orphan_of(paths: &Paths, service: &str) -> Option<Held> {
    let pid = process::parse_pid(&state::get_value(paths, service, "child_pid")?)?;
    let start: u64 = state::get_value(paths, service, "child_start")?.trim().parse().ok()?;
    process::read(pid).filter(|child| child.start == start).and_then(Held::new)
}

/// Nobody else would stop it, and a second one would start beside it.
fn end_orphan(service: &str, orphan: Held, steps: &[Step]) -> Result<(), String> {
    let orphan = [orphan];
    for step in steps.iter().chain(&[Step::Signal(sys::SIGKILL), Step::Wait(Duration::from_secs(2))]) {
        let limit = match step {
            Step::Signal(signal) => {
                // It may have just ended, which the wait shows.
                drop(orphan[0].signal(*signal));
                Some(Duration::ZERO)
            }
            Step::Wait(limit) => Some(*limit),
            Step::WaitForever => None,
        };
        if process::wait_for_end(&orphan, limit) {
            return Ok(());
        }
    }
    Err(format!("process {} of {service}, left by its supervisor, does not end", orphan[0].process.pid))
}

fn pass_on(paths: &Paths, service: &str, pidfile: &Path, signal: i32) -> Result<u8, String> {
    let supervisor = supervisor(service, pidfile).ok_or_else(|| format!("{service} has no supervisor"))?;
    let child = child_of(paths, service, &supervisor).ok_or_else(|| format!("{service} does not run at the moment"))?;
    child.signal(signal).map_err(|error| format!("cannot signal {service}: {error}"))?;
    Ok(0)
}
