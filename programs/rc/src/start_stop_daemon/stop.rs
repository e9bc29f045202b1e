//! `--stop` and `--signal`: signals the matching processes by a schedule, and waits for their end.

use super::request::Request;
use crate::daemons;
use crate::message;
use crate::process::{self, Held};
use crate::schedule::{self, Step};
use std::fs;
use std::io::{self, Write};
use std::time::{Duration, Instant};

impl Request {
    pub(super) fn signal(&self, signal: i32) -> Result<u8, String> {
        let targets: Vec<Held> = self.targets()?.into_iter().filter_map(Held::new).collect();
        if targets.is_empty() {
            message::eerror("start-stop-daemon: no matching processes found");
            return Ok(1);
        }
        self.send(&targets, signal)?;
        Ok(0)
    }

    fn send(&self, targets: &[Held], signal: i32) -> Result<(), String> {
        for target in targets {
            let pid = target.process.pid;
            if self.parsed.has("test") || self.parsed.has("verbose") {
                message::einfo(&format!("Sending {} to process {pid}", schedule::name(signal)));
            }
            if !self.parsed.has("test") {
                target.signal(signal).map_err(|error| format!("cannot signal process {pid}: {error}"))?;
            }
        }
        Ok(())
    }

    pub(super) fn stop(&self, signal: i32) -> Result<u8, String> {
        let steps = match self.parsed.value("retry") {
            Some(text) => schedule::parse(text, signal)?,
            None => vec![Step::Signal(signal), Step::Wait(Duration::from_secs(5))],
        };
        let targets: Vec<Held> = self.targets()?.into_iter().filter_map(Held::new).collect();
        let test = self.parsed.has("test");
        if targets.is_empty() {
            message::eerror("start-stop-daemon: no matching processes found");
        } else if test {
            self.send(&targets, signal)?;
        } else {
            self.follow(&steps, &targets)?;
        }
        if test || self.parsed.has("oknodo") {
            return Ok(u8::from(targets.is_empty()));
        }
        if let Some(file) = &self.pidfile {
            match fs::remove_file(file) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    message::ewarn(&format!("start-stop-daemon: cannot remove {file}: {error}"));
                }
                _ => {}
            }
        }
        if let Some(service) = &self.service {
            daemons::remove(&self.paths, service, &self.record())
                .map_err(|e| format!("cannot forget the daemon: {e}"))?;
        }
        Ok(0)
    }

    fn follow(&self, steps: &[Step], targets: &[Held]) -> Result<(), String> {
        for step in steps {
            let is_over = match step {
                Step::Signal(signal) => {
                    self.send(targets, *signal)?;
                    targets.iter().all(|target| !target.is_alive())
                }
                Step::Wait(limit) => self.wait(targets, Some(*limit)),
                Step::WaitForever => self.wait(targets, None),
            };
            if is_over {
                return Ok(());
            }
        }
        // A killed process may take a moment to go; the schedule's own last wait is over.
        let moment = Duration::from_millis(500);
        if matches!(steps.last(), Some(Step::Signal(_))) && process::wait_for_end(targets, Some(moment)) {
            return Ok(());
        }
        let left: Vec<String> =
            targets.iter().filter(|target| target.is_alive()).map(|target| target.process.pid.to_string()).collect();
        Err(format!(
            "process {} did not end in time; set a longer or harder schedule, like retry=\"TERM/30/KILL/5\"",
            left.join(", ")
        ))
    }

    fn wait(&self, targets: &[Held], limit: Option<Duration>) -> bool {
        if !self.parsed.has("progress") {
            return process::wait_for_end(targets, limit);
        }
        let begun = Instant::now();
        let second = Duration::from_secs(1);
        loop {
            let left = limit.map(|limit| limit.saturating_sub(begun.elapsed()));
            if process::wait_for_end(targets, Some(left.map_or(second, |left| left.min(second)))) {
                return true;
            }
            if left.is_some_and(|left| left <= second) {
                return false;
            }
            drop(io::stdout().write_all(b".").and_then(|()| io::stdout().flush()));
        }
    }
}
