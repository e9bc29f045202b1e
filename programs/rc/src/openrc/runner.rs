//! Runs a plan: starts an `openrc-run` for each ready step, waits for all of them at once without polling, and gives up
//! on those that do not end in time.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use super::blocked::Blocked;
use super::captured::Captured;
use super::journal::Journal;
use super::queue::{Outcome, Queue, Turn};
use super::settings::Settings;
use super::timing::Record;
use crate::depend::situation::Direction;
use crate::depend::{Graph, Plan};
use crate::message::{eerror, einfo, ewarn};
use crate::paths::Paths;
use crate::state::{self, State};

/// Time between SIGTERM and SIGKILL. Longer than `openrc-run` gives its script, so that it can clean up.
const GRACE: Duration = Duration::from_secs(4);
/// After this time, the console mentions a slow service.
const PATIENCE: Duration = Duration::from_secs(5);

/// How often to check the output of running services for its limit.
const LOOK: Duration = Duration::from_secs(1);

/// The context of one run of `openrc`.
#[derive(Debug)]
pub struct Runner<'a> {
    /// Paths.
    pub paths: &'a Paths,
    /// For keywords.
    pub graph: &'a Graph,
    /// Time limits and the like.
    pub settings: &'a Settings,
    /// The new runlevel.
    pub level: &'a str,
    /// Starting or stopping.
    pub direction: Direction,
    /// Services that were started before and wait for an external event; not started again.
    pub inactive: &'a BTreeSet<String>,
    /// Whether the machine goes down; services can see it.
    pub going_down: bool,
}

/// A child that runs a step.
struct Running {
    step: usize,
    child: Child,
    handle: OwnedFd,
    output: Option<Captured>,
    begun: Instant,
    limit: Option<Instant>,
    signals_sent: u8,
    mentioned: bool,
}

impl Runner<'_> {
    /// Runs all steps; returns their results, in the plan's order.
    pub fn carry_out(&self, plan: &Plan, journal: &mut Journal) -> Vec<Outcome> {
        for broken in &plan.broken {
            ewarn(&broken.to_string());
            journal.event(
                "openrc",
                &format!("cycle({},ignored:{})", broken.path.join(">"), broken.ignored.replace(' ', "_")),
                None,
            );
        }
        let planned = Instant::now();
        let mut queue = Queue::new(plan, self.inactive, self.direction == Direction::Down);
        let mut running: Vec<Running> = Vec::new();
        let mut records = Vec::new();
        let mut ends: Vec<Option<Instant>> = vec![None; plan.steps.len()];
        while !queue.is_over() {
            while running.len() < self.settings.most_at_once {
                let Some((at, turn)) = queue.take() else { break };
                match turn {
                    Turn::Block(why) => {
                        self.block(&plan.steps[at].service, &why, journal);
                        ends[at] = Some(Instant::now());
                        queue.end(at, Outcome::Blocked);
                    }
                    Turn::Run => match self.spawn(&plan.steps[at].service, at, journal) {
                        Ok(child) => running.push(child),
                        Err(outcome) => {
                            ends[at] = Some(Instant::now());
                            queue.end(at, outcome);
                        }
                    },
                }
            }
            for done in self.wait(plan, &mut running, journal) {
                let (step, begun, outcome) = (done.0.step, done.0.begun, done.1);
                let now = Instant::now();
                ends[step] = Some(now);
                queue.end(step, outcome);
                let service = &plan.steps[step].service;
                journal.event(service, event(self.direction, outcome), Some(now - begun));
                let waited_for = plan.steps[step].after.iter().max_by_key(|before| ends[**before]).copied();
                records.push(Record {
                    action: verb(self.direction).to_owned(),
                    level: self.level.to_owned(),
                    service: service.clone(),
                    planned: journal.seconds(planned),
                    begun: journal.seconds(begun),
                    ended: journal.seconds(now),
                    outcome: word(outcome).to_owned(),
                    waited_for: waited_for.map(|before| plan.steps[before].service.clone()),
                });
            }
        }
        records.sort_by(|a, b| a.begun.total_cmp(&b.begun));
        journal.times(&records);
        (0..plan.steps.len()).map(|at| queue.outcome(at).unwrap_or(Outcome::Blocked)).collect()
    }

    fn spawn(&self, service: &str, step: usize, journal: &mut Journal) -> Result<Running, Outcome> {
        let script = self.paths.script(service);
        if !script.exists() {
            return Err(self.without_script(service, journal));
        }
        let mut command = Command::new(&self.settings.openrc_run);
        command
            .arg0("openrc-run")
            .arg(&script)
            .arg(verb(self.direction))
            .env("RC_RUNLEVEL", self.level)
            .env("RC_PLANNED", "YES");
        if self.going_down {
            command.env("RC_GOINGDOWN", "YES");
        }
        // Without a buffer the service writes to the console directly.
        let output = if self.settings.parallel { Captured::new().ok() } else { None };
        if let Some(nothing) = self.settings.no_input.as_ref().and_then(|file| file.try_clone().ok()) {
            command.stdin(nothing);
        }
        if let Some((one, two)) = output.as_ref().and_then(|output| output.ends().ok()) {
            command.stdout(one).stderr(two);
        }
        // A separate process group, so that a hanging service can be killed as a whole.
        command.process_group(0);
        let begun = Instant::now();
        journal.event(service, verb(self.direction), None);
        let failed = |error: io::Error, journal: &mut Journal| {
            eerror(&format!("{service}: its {} could not be run: {error}", verb(self.direction)));
            journal.event(service, event(self.direction, Outcome::Failed), None);
            self.mark(service, State::Failed);
            Outcome::Failed
        };
        let mut child = command.spawn().map_err(|error| failed(error, journal))?;
        match sys::pidfd_open(pid(&child)) {
            Ok(handle) => {
                let limit = self.limit(service).map(|limit| begun + limit);
                Ok(Running { step, child, handle, output, begun, limit, signals_sent: 0, mentioned: false })
            }
            Err(error) => {
                // Without a handle it could not be polled together with others.
                drop(child.kill());
                drop(child.wait());
                Err(failed(error, journal))
            }
        }
    }

    fn without_script(&self, service: &str, journal: &mut Journal) -> Outcome {
        journal.event(service, "no-script", None);
        match self.direction {
            Direction::Up => {
                ewarn(&format!(
                    "{service} is in a runlevel but has no script; `rc-update -a del {service}` removes it"
                ));
                Outcome::Failed
            }
            Direction::Down => {
                ewarn(&format!("{service} cannot be stopped properly, its script is gone"));
                self.mark(service, State::Stopped);
                Outcome::Done
            }
        }
    }

    fn limit(&self, service: &str) -> Option<Duration> {
        if self.graph.has_keyword(service, "-timeout") {
            return None;
        }
        self.settings.limit(self.paths, service, verb(self.direction))
    }

    /// Waits until at least one child has ended; kills those over their time limit.
    fn wait(&self, plan: &Plan, running: &mut Vec<Running>, journal: &mut Journal) -> Vec<(Running, Outcome)> {
        let mut done = Vec::new();
        while done.is_empty() && !running.is_empty() {
            let now = Instant::now();
            let next = running
                .iter()
                .flat_map(|one| {
                    let look = one.output.is_some().then(|| now + LOOK);
                    [one.limit, (!one.mentioned).then(|| one.begun + PATIENCE), look]
                })
                .flatten()
                .min();
            let handles: Vec<_> = running.iter().map(|one| one.handle.as_fd()).collect();
            let pause = next.map(|next| next.saturating_duration_since(now));
            // If this fails, all children are checked one by one below, and again after a moment.
            let ready = sys::poll(&handles, pause).unwrap_or_else(|_| {
                std::thread::sleep(Duration::from_millis(20));
                vec![true; running.len()]
            });
            for at in (0..running.len()).rev() {
                if ready[at] && !matches!(running[at].child.try_wait(), Ok(None)) {
                    let mut ended = running.swap_remove(at);
                    let outcome = self.evaluate(plan, &mut ended);
                    done.push((ended, outcome));
                } else if self.hurry(plan, &mut running[at], journal) {
                    let left = running.swap_remove(at);
                    done.push((left, Outcome::Failed));
                }
            }
        }
        done
    }

    /// The state in which an ended child left its service.
    fn evaluate(&self, plan: &Plan, ended: &mut Running) -> Outcome {
        let service = &plan.steps[ended.step].service;
        if let Some(output) = &ended.output {
            output.show_and_end();
        }
        let worked = matches!(ended.child.try_wait(), Ok(Some(status)) if status.success()) && ended.signals_sent == 0;
        // Checking only this state keeps the cost per service low.
        let is_inactive = || fs::symlink_metadata(self.paths.state.join(State::Inactive.word()).join(service)).is_ok();
        let outcome = match worked {
            _ if self.direction == Direction::Up && is_inactive() => Outcome::Inactive,
            true => Outcome::Done,
            false => Outcome::Failed,
        };
        if outcome == Outcome::Failed {
            self.settle_failure(service, State::of(self.paths, service).major());
        }
        outcome
    }

    /// A killed `openrc-run` cannot record the state of its service.
    fn settle_failure(&self, service: &str, now: State) {
        match (self.direction, now) {
            (Direction::Up, State::Starting) => self.mark(service, State::Stopped),
            (Direction::Down, State::Stopping) => self.mark(service, State::Started),
            _ => {}
        }
        if self.direction == Direction::Up {
            self.mark(service, State::Failed);
        }
    }

    /// Reports a slow service; kills it when its time is over. True: it does not end even then.
    fn hurry(&self, plan: &Plan, running: &mut Running, journal: &mut Journal) -> bool {
        let now = Instant::now();
        let service = &plan.steps[running.step].service;
        if running.output.as_ref().is_some_and(Captured::is_too_much) {
            running.output.take().inspect(Captured::show_and_end);
            ewarn(&format!("{service} prints without end; the rest of it is not shown"));
        }
        let seconds = running.begun.elapsed().as_secs();
        if !running.mentioned && now >= running.begun + PATIENCE {
            running.mentioned = true;
            let left = running
                .limit
                .map_or_else(String::new, |l| format!(", {} more at most", l.saturating_duration_since(now).as_secs()));
            einfo(&format!("still busy after {seconds} seconds: {service}{left}"));
        }
        if running.limit.is_none_or(|limit| now < limit) {
            return false;
        }
        let signal = match running.signals_sent {
            0 => sys::SIGTERM,
            1 => sys::SIGKILL,
            _ => {
                if let Some(output) = &running.output {
                    output.show_and_end();
                }
                eerror(&format!("{service} does not end even when killed; continuing without it"));
                self.settle_failure(service, State::of(self.paths, service).major());
                return true;
            }
        };
        if running.signals_sent == 0 {
            if let Some(output) = &running.output {
                output.show();
            }
            eerror(&format!(
                "{service} took longer than {seconds} seconds and was killed; services that need it do not start. `rc_timeout_start` in /etc/conf.d/{service} gives it more time"
            ));
            journal.event(service, "timeout", Some(running.begun.elapsed()));
        }
        // It may have just ended; then waiting for it shows that.
        drop(sys::kill(-pid(&running.child), signal));
        running.signals_sent += 1;
        running.limit = Some(now + GRACE);
        false
    }

    fn block(&self, service: &str, why: &Blocked, journal: &mut Journal) {
        let message = why.message(service);
        journal.event(service, &why.event(), None);
        if let Blocked::Waits(other) = why {
            ewarn(&message);
            if let Err(error) = state::schedule(self.paths, other, service) {
                eerror(&format!("{service}: cannot be scheduled: {error}"));
            }
            return;
        }
        eerror(&message);
        self.mark(service, State::Failed);
    }

    fn mark(&self, service: &str, state: State) {
        if let Err(error) = state::mark(self.paths, service, state) {
            eerror(&format!("{service}: cannot be marked {}: {error}", state.word()));
        }
    }
}

fn verb(direction: Direction) -> &'static str {
    match direction {
        Direction::Up => "start",
        Direction::Down => "stop",
    }
}

fn event(direction: Direction, outcome: Outcome) -> &'static str {
    match (direction, outcome) {
        (Direction::Up, Outcome::Done) => "started",
        (Direction::Down, Outcome::Done) => "stopped",
        (Direction::Up, Outcome::Inactive) | (Direction::Down, Outcome::Inactive) => "inactive",
        (Direction::Up, _) => "start-failed",
        (Direction::Down, _) => "stop-failed",
    }
}

fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Done => "ok",
        Outcome::Inactive => "inactive",
        Outcome::Failed | Outcome::Blocked => "failed",
    }
}

fn pid(child: &Child) -> sys::Pid {
    // PIDs are far below this type's limit.
    sys::Pid::try_from(child.id()).unwrap_or(sys::Pid::MAX)
}
