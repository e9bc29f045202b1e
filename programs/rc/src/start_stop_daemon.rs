//! `start-stop-daemon`: starts a daemon unless it runs, or finds one and signals or stops it.
//!
//! A pid file is not trusted: the process it names must look like the daemon (program, name, owner) or be in the service's control
//! group. A failed start is detected, not guessed: the new process reports through a pipe that closes when the program really runs.
//! This module has the command line and selects processes; [`start`] and [`stop`] act.

mod request;
mod start;
mod stop;

pub use start::write_pid_file;

use sys::Pid;

use crate::cgroup::{self, Membership};
use crate::daemons::{self, Daemon};
use crate::getopt::{self, Known, option};
use crate::launch;
use crate::message;
use crate::paths::Paths;
use crate::process::{self, Pattern, PidFile, Process};
use crate::schedule;
use request::Request;
use std::env;
use std::path::{Path, PathBuf};

const OWN_OPTIONS: [Known; 20] = [
    option('S', "start", false),
    option('K', "stop", false),
    option('s', "signal", true),
    option('x', "exec", true),
    option('a', "startas", true),
    option('n', "name", true),
    option('p', "pidfile", true),
    option('m', "make-pidfile", false),
    option('b', "background", false),
    option('i', "interpreted", false),
    option('t', "test", false),
    option('o', "oknodo", false),
    option('R', "retry", true),
    option('w', "wait", true),
    option('P', "progress", false),
    option('q', "quiet", false),
    option('v', "verbose", false),
    option('C', "nocolor", false),
    option('h', "help", false),
    option(' ', "notify", true),
];

const USAGE: &str = "\
Usage: start-stop-daemon --start --exec PROGRAM [options] [-- arguments]
       start-stop-daemon --stop | --signal SIGNAL [--exec PROGRAM] [--name NAME] [--pidfile FILE] [--user USER] [options]

  -x, --exec PROGRAM     the daemon's program           -b, --background    send it to the background ourselves
  -a, --startas NAME     its first word                 -m, --make-pidfile  write its number to the pid file
  -p, --pidfile FILE     where its number is            -w, --wait MS       it must still run after so long
  -n, --name NAME        its short name                 -R, --retry SPEC    seconds, or like TERM/5/KILL/5
  -u, --user U[:G]       run as; find by owner          -g, --group GROUP   run as
  -r, --chroot DIR  -d, --chdir DIR  -e, --env N=V  -k, --umask MODE  -N, --nicelevel N  -I, --ionice C[:D]
  -1, --stdout FILE  -2, --stderr FILE  -3, --stdout-logger COMMAND  -4, --stderr-logger COMMAND
      --capabilities LIST  --secbits N  --no-new-privs  --oom-score-adj N  --scheduler NAME  --scheduler-priority N
  -i, --interpreted (scripts are always found by their own name)
  -t, --test  -o, --oknodo  -P, --progress  -q, --quiet  -v, --verbose

Without --start, --stop and --signal: --start.";

/// Runs it.
pub fn run(args: &[String]) -> u8 {
    match request(args).and_then(|request| request.map_or(Ok(0), |request| request.run())) {
        Ok(code) => code,
        Err(text) => {
            message::eerror(&format!("start-stop-daemon: {text}"));
            1
        }
    }
}

fn request(args: &[String]) -> Result<Option<Request>, String> {
    let known: Vec<Known> = OWN_OPTIONS.iter().chain(&launch::OPTIONS).copied().collect();
    let mut parsed = getopt::parse(&known, args, false)?;
    if parsed.has("help") {
        message::print(USAGE);
        return Ok(None);
    }
    if parsed.has("notify") {
        return Err("--notify is not supported: start-stop-daemon does not wait for a daemon to be ready".into());
    }
    let given = |name: &str| parsed.value(name).filter(|value| !value.is_empty()).map(str::to_owned);
    let mut exec = given("exec").or_else(|| given("startas"));
    let (name, pidfile) = (given("name"), given("pidfile"));
    let has_owner = parsed.has("user") || parsed.has("chuid");
    if exec.is_none() && !parsed.rest.is_empty() {
        exec = Some(parsed.rest.remove(0));
    }
    if pidfile.as_ref().is_some_and(|path| !path.starts_with('/')) {
        return Err("--pidfile must be an absolute path".into());
    }
    if exec.is_none() && name.is_none() && pidfile.is_none() && !has_owner {
        return Err("no daemon given; use --exec, --name, --pidfile or --user".into());
    }
    // `--start` names files as inside the new root, `--stop` as outside.
    let is_stop = parsed.has("stop") || parsed.has("signal");
    let root = parsed.value("chroot").filter(|root| !root.is_empty() && !is_stop).map(PathBuf::from);
    let from_here = |path: String| match &root {
        Some(root) if path.starts_with('/') => root.join(path.trim_start_matches('/')).to_string_lossy().into_owned(),
        _ => path,
    };
    let pidfile = pidfile.map(from_here);
    let pattern = Pattern { exec: exec.clone().map(from_here), args: parsed.rest.clone(), name, uid: None };
    let service = env::var("RC_SVCNAME").ok().filter(|name| crate::paths::is_service_name(name));
    let args = parsed.rest.clone();
    Ok(Some(Request { parsed, exec, pattern, args, pidfile, service, paths: Paths::system() }))
}

impl Request {
    fn run(mut self) -> Result<u8, String> {
        let (start, stop, signal) = (self.parsed.has("start"), self.parsed.has("stop"), self.parsed.value("signal"));
        match (start, stop, signal.is_some()) {
            (true, true, _) => Err("--start and --stop exclude each other".into()),
            (true, false, _) | (false, false, false) => self.start(),
            (false, is_stop, _) => {
                if let Some(owner) = self.parsed.value("user").or(self.parsed.value("chuid")) {
                    let accounts = crate::users::Accounts::read(Path::new("/"));
                    self.pattern.uid = Some(accounts.account(owner)?.0.uid);
                }
                let signal = schedule::signal(self.parsed.value("signal").unwrap_or("TERM"))?;
                if is_stop { self.stop(signal) } else { self.signal(signal) }
            }
        }
    }

    fn is_start(&self) -> bool {
        !self.parsed.has("stop") && !self.parsed.has("signal")
    }

    /// The record of the service's daemon, with its program's full path.
    fn record(&self) -> Daemon {
        let exec = self.pattern.exec.as_deref();
        let exec = exec.map(|exec| launch::find_program(exec, None).unwrap_or_else(|_| exec.to_owned()));
        let (name, pidfile) = (self.pattern.name.clone(), self.pidfile.clone());
        Daemon { exec, args: self.args.clone(), name, pidfile, ..Daemon::default() }
    }

    /// The matching processes: the one of the pid file, if it is credible, or those that match.
    fn targets(&self) -> Result<Vec<Process>, String> {
        let Some(file) = &self.pidfile else { return Ok(process::find(&self.pattern)) };
        let named = match process::read_pid_file(Path::new(file)) {
            PidFile::Absent => None,
            PidFile::Unusable(why) => {
                message::ewarn(&format!("start-stop-daemon: {why}"));
                None
            }
            PidFile::Names { pid, writer } => {
                let own = std::process::id() as Pid;
                process::read(pid).filter(|p| p.pid != own && self.believes(p, writer))
            }
        };
        match named {
            Some(found) => Ok(vec![found]),
            // A second daemon without a pid file is the caller's decision.
            None if self.is_start() => Ok(Vec::new()),
            None => Ok(self.without_pid_file()),
        }
    }

    /// The daemon's pid file is missing or wrong, but the daemon must not be left behind: take the process that we
    /// started ourselves; else those that run the program and belong to the service, as far as that is known.
    fn without_pid_file(&self) -> Vec<Process> {
        if self.pattern.exec.is_none() && self.pattern.name.is_none() {
            return Vec::new();
        }
        // The name in the script may not be the daemon's own: for a service the program decides, if it is known.
        let name = self.pattern.name.clone().filter(|_| self.service.is_none() || self.pattern.exec.is_none());
        let pattern = Pattern { name, ..self.pattern.clone() };
        let mut found = process::find(&Pattern { args: Vec::new(), ..pattern.clone() });
        found.retain(|process| process::is_at_home(process.pid));
        let Some(service) = &self.service else {
            found.retain(|process| self.pattern.fits(process, true));
            return found;
        };
        let noted = daemons::noted(&self.paths, service, &self.record());
        if let Some(made) = noted.as_ref().and_then(Daemon::process) {
            return vec![made];
        }
        let with_args = Pattern { args: noted.map(|noted| noted.args).unwrap_or_default(), ..pattern };
        found.retain(|process| match cgroup::membership(&self.paths, service, process.pid) {
            Membership::Ours => true,
            Membership::Other => false,
            // Others may run the same program, such as an interpreter.
            Membership::Unknown => with_args.fits(process, true),
        });
        found
    }

    /// Whether it runs the program with the arguments recorded at the start. A script may give a name that is not the
    /// daemon's own; finding none would leave the daemon behind, and the next start would make a second one.
    fn is_as_noted(&self, found: &Process) -> bool {
        let noted = self.service.as_ref().and_then(|service| daemons::noted(&self.paths, service, &self.record()));
        noted.is_some_and(|noted| {
            let pattern = Pattern { name: None, args: noted.args, ..self.pattern.clone() };
            pattern.exec.is_some() && pattern.fits(found, true)
        })
    }

    fn believes(&self, found: &Process, writer: Option<u32>) -> bool {
        let membership =
            self.service.as_ref().map_or(Membership::Unknown, |name| cgroup::membership(&self.paths, name, found.pid));
        // A start script that replaces itself by the real program (`exec`) no longer matches.
        let is_made = self.service.as_ref().is_some_and(|name| daemons::made(&self.paths, name, found));
        if membership == Membership::Ours || is_made {
            return true;
        }
        if let Some(uid) = writer {
            // A user who can write the file may name only processes that this user could signal anyway.
            if uid != found.uid {
                message::ewarn(&format!(
                    "start-stop-daemon: the pid file belongs to user {uid}, but process {} to user {}; not signalled",
                    found.pid, found.uid
                ));
                return false;
            }
        }
        let fits = self.pattern.fits(found, false) || self.is_as_noted(found);
        let nothing_known = self.pattern.exec.is_none() && self.pattern.name.is_none();
        fits && (!nothing_known || membership != Membership::Other)
    }
}
