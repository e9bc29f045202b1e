//! The running supervisor: one loop that waits for the end of its child, for signals, and for the next health check or
//! start. Nothing else in it blocks.

use sys::{End, Fork, Pid, Signals};

use super::charge::Charge;
use super::respawn::{History, Verdict};
use crate::daemons::{self, Daemon};
use crate::eapplets::syslog;
use crate::process;
use crate::schedule::Step;
use crate::start_stop_daemon::write_pid_file;
use crate::state::{self, State};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::{Duration, Instant};

/// Time limit of a health check; a longer one counts as failed.
const CHECK_LIMIT: Duration = Duration::from_secs(60);
/// A daemon that exits with success before this time has probably moved to the background.
const AT_ONCE: Duration = Duration::from_secs(2);

/// The child processes.
struct Supervisor<'a> {
    charge: &'a Charge,
    signals: Signals,
    history: History,
    child: Option<Pid>,
    since: Instant,
    /// When to start the daemon.
    start_at: Option<Instant>,
    /// When to run the health check.
    check_at: Option<Instant>,
    check: Option<(Pid, Instant)>,
    /// A request to stop, with its daemon.
    told_to_end: bool,
}

/// Becomes the supervisor. `report` gets the reason why the daemon could not start, or closes when it runs.
pub fn supervise(charge: &Charge, mut report: File) -> u8 {
    let begun = prepare(charge).and_then(|signals| {
        let mut supervisor = Supervisor {
            charge,
            signals,
            history: History::default(),
            child: None,
            since: Instant::now(),
            start_at: None,
            check_at: None,
            check: None,
            told_to_end: false,
        };
        supervisor.start_daemon().map(|()| supervisor)
    });
    match begun {
        Ok(supervisor) => {
            drop(report);
            leave_terminal();
            supervisor.run()
        }
        Err(text) => {
            // Another process's.
            drop(fs::remove_file(&charge.pidfile));
            drop(report.write_all(text.as_bytes()));
            1
        }
    }
}

fn prepare(charge: &Charge) -> Result<Signals, String> {
    let describe = |error: io::Error| format!("cannot become a supervisor: {error}");
    sys::new_session().map_err(describe)?;
    let wanted =
        [sys::SIGCHLD, sys::SIGTERM, sys::SIGINT, sys::SIGQUIT, sys::SIGHUP, sys::SIGUSR1, sys::SIGUSR2, sys::SIGPIPE];
    let signals = Signals::block(&wanted).map_err(describe)?;
    let pidfile = &charge.pidfile;
    write_pid_file(pidfile, std::process::id())
        .map_err(|error| format!("cannot write pid file `{}`: {error}", pidfile.display()))?;
    Ok(signals)
}

/// Nobody waits for our output.
fn leave_terminal() {
    if let Ok(null) = OpenOptions::new().read(true).write(true).open("/dev/null") {
        for descriptor in 0..3 {
            drop(sys::replace_descriptor(null.as_fd(), descriptor));
        }
    }
}

/// Stops an `openrc-run`, which stops its shell and everything that started, by force if necessary. Killing it would
/// leave them behind.
fn end_command(pid: Pid) {
    // It may have just ended.
    drop(sys::kill(pid, sys::SIGTERM));
}

impl Supervisor<'_> {
    fn run(mut self) -> u8 {
        loop {
            let next = [self.start_at, self.check_at, self.check.map(|(_, until)| until)].into_iter().flatten().min();
            let pause = next.map(|at| at.saturating_duration_since(Instant::now()));
            if sys::poll(&[self.signals.as_fd()], pause).is_err() {
                std::thread::sleep(Duration::from_millis(100));
            }
            self.take_signals(self.child);
            let reason = if self.told_to_end { None } else { self.collect() };
            if self.told_to_end {
                self.end_child();
                return self.leave(None);
            }
            if let Some(reason) = reason {
                return self.leave(Some(reason));
            }
            if let Some(reason) = self.do_what_is_due() {
                return self.leave(Some(reason));
            }
        }
    }

    fn log(&self, text: &str) {
        syslog("daemon.warning", "supervise-daemon", &format!("{}: {text}", self.charge.service));
    }

    /// Handles signals: notes a request to stop, and forwards others to the daemon in `to`.
    fn take_signals(&mut self, to: Option<Pid>) {
        while let Some((signal, _)) = self.signals.next() {
            match (signal, to) {
                (sys::SIGTERM | sys::SIGINT | sys::SIGQUIT, _) => self.told_to_end = true,
                // It may have just ended.
                (sys::SIGHUP | sys::SIGUSR1 | sys::SIGUSR2, Some(pid)) => drop(sys::kill(pid, signal)),
                _ => {}
            }
        }
    }

    /// Reaps ended children. Returns a reason to give up, if there is one.
    fn collect(&mut self) -> Option<String> {
        while let Ok(Some((pid, end))) = sys::wait(-1, false) {
            if self.check.is_some_and(|(check, _)| check == pid) {
                self.check = None;
                if end != End::Code(0) {
                    if let Some(reason) = self.unwell(&format!("its health check failed: {}", process::ended(end))) {
                        return Some(reason);
                    }
                }
            }
            if self.child == Some(pid) {
                self.child = None;
                self.note_child();
                let hint = if end == End::Code(0) && self.since.elapsed() < AT_ONCE {
                    "; does it go into the background itself? Then it needs an option to stay in the foreground"
                } else {
                    ""
                };
                self.log(&format!("{} {}{hint}", self.charge.launch.exec.display(), process::ended(end)));
                if let Some(reason) = self.plan_next() {
                    return Some(reason);
                }
            }
        }
        None
    }

    fn plan_next(&mut self) -> Option<String> {
        self.check_at = None;
        match self.history.ended(&self.charge.policy, Instant::now()) {
            Verdict::Again(pause) => {
                self.start_at = Some(Instant::now() + pause);
                None
            }
            Verdict::GiveUp => Some(format!("respawned too many times ({}), giving up", self.charge.policy.most)),
        }
    }

    /// A reason to give up, if there is one.
    fn do_what_is_due(&mut self) -> Option<String> {
        let now = Instant::now();
        if self.start_at.is_some_and(|at| now >= at) {
            self.start_at = None;
            if let Err(text) = self.start_daemon() {
                self.log(&text);
                let reason = self.plan_next();
                if reason.is_some() {
                    return reason;
                }
                // A daemon that cannot start at all is not tried without a pause.
                self.start_at = self.start_at.map(|at| at.max(now + Duration::from_secs(1)));
            }
        }
        if let Some((pid, _)) = self.check.filter(|(_, until)| now >= *until) {
            // Its end is handled like any other.
            end_command(pid);
            self.check = Some((pid, now + CHECK_LIMIT));
        }
        if self.check_at.is_some_and(|at| now >= at) && self.check.is_none() {
            self.check_at = self.charge.health.map(|health| now + health.every);
            if let Ok(pid) = self.spawn_command("healthcheck") {
                self.check = Some((pid, now + CHECK_LIMIT));
            }
        }
        None
    }

    /// The health check failed: the service may clean up, then its daemon is stopped and so restarted.
    fn unwell(&mut self, why: &str) -> Option<String> {
        self.log(why);
        if let Ok(pid) = self.spawn_command("unhealthy") {
            let mut until = Instant::now() + CHECK_LIMIT;
            while matches!(sys::wait(pid, false), Ok(None)) {
                if Instant::now() >= until {
                    end_command(pid);
                    until = Instant::now() + CHECK_LIMIT;
                }
                drop(sys::poll(&[self.signals.as_fd()], Some(Duration::from_millis(20))));
                self.take_signals(None);
            }
        }
        self.child?;
        self.end_child();
        self.note_child();
        // As if it had ended by itself. After a request to stop, nothing restarts.
        if self.told_to_end { None } else { self.plan_next() }
    }

    /// Runs a function of the service's script.
    fn spawn_command(&self, command: &str) -> io::Result<Pid> {
        let paths = &self.charge.paths;
        match sys::fork()? {
            Fork::Parent(pid) => Ok(pid),
            Fork::Child => {
                drop(sys::new_group(0));
                sys::reset_signals();
                let mut program = Command::new(paths.program());
                program
                    .arg0("openrc-run")
                    .args(["--quiet", "--nodeps"])
                    .arg(paths.script(&self.charge.service))
                    .arg(command);
                let error = program.exec();
                syslog("daemon.err", "supervise-daemon", &format!("{}: {command}: {error}", self.charge.service));
                sys::exit_now(127)
            }
        }
    }

    /// Starts the daemon; the error is what the process reports before it becomes the daemon.
    fn start_daemon(&mut self) -> Result<(), String> {
        let describe = |error: io::Error| format!("cannot make a process: {error}");
        let (mut report, writer) = sys::pipe().map_err(describe)?;
        let pid = match sys::fork().map_err(describe)? {
            Fork::Parent(pid) => pid,
            Fork::Child => {
                drop(report);
                drop(sys::new_session());
                let text = self.charge.launch.become_it(&writer);
                drop((&writer).write_all(text.as_bytes()));
                sys::exit_now(127)
            }
        };
        drop(writer);
        let mut text = String::new();
        report.read_to_string(&mut text).map_err(describe)?;
        if !text.is_empty() {
            drop(sys::wait(pid, true));
            return Err(text);
        }
        self.child = Some(pid);
        self.since = Instant::now();
        self.check_at = self.charge.health.map(|health| self.since + health.first);
        self.note_child();
        Ok(())
    }

    fn note_child(&self) {
        let text = self.child.map(|pid| pid.to_string());
        let start = self.child.and_then(process::read).map(|child| child.start.to_string());
        // Only `--signal` needs the PID, and `--stop` needs both if we are killed; the daemon runs without.
        for (key, value) in [("child_pid", text), ("child_start", start)] {
            drop(state::set_value(&self.charge.paths, &self.charge.service, key, value.as_deref()));
        }
    }

    /// Stops the daemon by its schedule, and kills it at the end of it.
    fn end_child(&mut self) {
        let Some(pid) = self.child else { return };
        for step in self.charge.stop.iter().copied().chain([Step::Signal(sys::SIGKILL), Step::WaitForever]) {
            let is_over = match step {
                Step::Signal(signal) => {
                    drop(sys::kill(pid, signal));
                    self.wait_child(pid, Some(Duration::ZERO))
                }
                Step::Wait(limit) => self.wait_child(pid, Some(limit)),
                Step::WaitForever => self.wait_child(pid, None),
            };
            if is_over {
                break;
            }
        }
        self.child = None;
    }

    fn wait_child(&mut self, pid: Pid, limit: Option<Duration>) -> bool {
        let begun = Instant::now();
        loop {
            match sys::wait(pid, false) {
                Ok(None) => {}
                // It has ended, or is not our child any more, which is equivalent.
                _ => return true,
            }
            let left = limit.map(|limit| limit.saturating_sub(begun.elapsed()));
            if left.is_some_and(|left| left.is_zero()) {
                return false;
            }
            if sys::poll(&[self.signals.as_fd()], left).is_err() {
                std::thread::sleep(Duration::from_millis(20));
            }
            self.take_signals(None);
        }
    }

    fn leave(mut self, reason: Option<String>) -> u8 {
        if let Some(reason) = &reason {
            self.log(reason);
        }
        self.finish(reason.map(drop))
    }

    /// Cleans up. The service counts as stopped if somebody stopped its supervisor or it gave up; in the latter case
    /// also as failed.
    fn finish(&mut self, gave_up: Option<()>) -> u8 {
        let (paths, service) = (&self.charge.paths, &self.charge.service);
        if let Some((check, _)) = self.check.take() {
            end_command(check);
        }
        self.note_child();
        // The process that stopped us may have removed it.
        drop(fs::remove_file(&self.charge.pidfile));
        // The process that stops the service sets its state.
        if gave_up.is_none() && !State::of(paths, service).has(State::Started) {
            return 0;
        }
        let pidfile = Some(self.charge.pidfile.to_string_lossy().into_owned());
        let failed = || if gave_up.is_some() { state::mark(paths, service, State::Failed) } else { Ok(()) };
        let result = daemons::remove(paths, service, &Daemon { pidfile, ..Daemon::default() })
            .and_then(|()| state::mark(paths, service, State::Stopped))
            .and_then(|()| failed());
        if let Err(error) = result {
            self.log(&format!("cannot mark it stopped: {error}"));
        }
        u8::from(gave_up.is_some())
    }
}
