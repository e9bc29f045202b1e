//! Starts, stops and restarts a service: states, locks, and messages.

use super::dependencies::Refusal;
use super::{Care, Service};
use crate::cgroup;
use crate::conf::{Conf, is_yes};
use crate::depend::situation::Direction;
use crate::message::{eerror, einfo, ewarn};
use crate::pattern;
use crate::state::{self, Lock, Set, State};
use std::env;
use std::fs;

fn is_on(variable: &str) -> bool {
    env::var(variable).is_ok_and(|value| is_yes(&value))
}

impl Service {
    fn state(&self) -> Set {
        State::of(&self.paths, &self.name)
    }

    /// `start`. Scripts see the command in `RC_CMD`.
    pub(super) fn start(&self, command: &str) -> u8 {
        let name = &self.name;
        let background = is_on("IN_BACKGROUND");
        if is_on("IN_HOTPLUG") && !self.may_be_hotplugged() {
            eerror(&format!("{name}: not allowed to be hotplugged; rc_hotplug in rc.conf lists those that are"));
            return 1;
        }
        let now = self.state();
        match now.major() {
            State::Started if !background => {
                ewarn(&format!("WARNING: {name} has already been started"));
                return 0;
            }
            State::Starting => {
                ewarn(&format!("WARNING: {name} is already starting"));
                return u8::from(!background);
            }
            State::Stopping => {
                ewarn(&format!("WARNING: {name} is stopping"));
                return 1;
            }
            State::Inactive if !background => {
                ewarn(&format!("WARNING: {name} has already started, but is inactive"));
                return 1;
            }
            _ => {}
        }
        if self.dry_run {
            return self.say_plan(Direction::Up);
        }
        let Some(_lock) = self.lock("starting") else { return 1 };
        if self.mark(State::Starting) != 0 {
            return 1;
        }
        if is_on("IN_HOTPLUG") {
            self.mark(State::Hotplugged);
        }
        if self.care == Care::Ours {
            if let Err(refusal) = self.start_needed() {
                self.return_to(now, State::Stopped);
                self.note_refusal(refusal);
                return 1;
            }
        }
        let end = self.run_script(&["start".to_owned()], command);
        if self.state().has(State::Inactive) {
            ewarn(&format!("WARNING: {name} has started, but is inactive"));
            return 1;
        }
        if end.code() != 0 {
            eerror(&format!("ERROR: {name} failed to start"));
            self.return_to(now, State::Stopped);
            cgroup::remove_if_empty(&self.paths, name);
            return end.code().min(1);
        }
        cgroup::remove_if_empty(&self.paths, name);
        let code = self.mark(State::Started);
        drop(_lock);
        self.start_waiting();
        code
    }

    /// `rc_hotplug`: empty by default; then everything that it does not exclude.
    fn may_be_hotplugged(&self) -> bool {
        let conf = Conf::general(&self.paths);
        let list = conf.get("rc_hotplug").or_else(|| conf.get("rc_plug_services")).unwrap_or_default();
        !list.trim().is_empty() && pattern::allows(list, &self.name).unwrap_or(true)
    }

    /// Reverts a failed change. States that the script itself set (`mark_service_…`) stay.
    fn return_to(&self, before: Set, otherwise: State) {
        if matches!(self.state().major(), State::Starting | State::Stopping) {
            let inactive = before.has(State::Inactive) || before.has(State::WasInactive);
            self.mark(if inactive { State::Inactive } else { otherwise });
        }
    }

    /// A service that waits for an inactive one starts with it. Recorded last: stopping ends the wait.
    fn note_refusal(&self, refusal: Refusal) {
        if let Refusal::Waits(other) = refusal {
            self.note_waiting(&self.name, &other);
        }
    }

    pub(super) fn note_waiting(&self, service: &str, other: &str) {
        ewarn(&format!("WARNING: {service} will start when {other} has started"));
        if let Err(error) = state::schedule(&self.paths, other, service) {
            eerror(&format!("{service}: cannot note that: {error}"));
        }
    }

    /// Starts the services that waited for this one, in their own order.
    fn start_waiting(&self) {
        let waiting = state::scheduled_by(&self.paths, &self.name);
        if waiting.is_empty() {
            return;
        }
        for other in self.in_start_order(waiting) {
            let at = self.paths.state.join("scheduled").join(&self.name).join(&other);
            // If it cannot be removed, the next run tries again.
            drop(fs::remove_file(at));
            if State::of(&self.paths, &other).has(State::Stopped) {
                self.run_other(&other, "start", Care::Ours);
            }
        }
        // It is usually missing.
        drop(fs::remove_dir(self.paths.state.join("scheduled").join(&self.name)));
    }

    fn lock(&self, doing: &str) -> Option<Lock> {
        match Lock::service(&self.paths, &self.name) {
            Ok(lock) => Some(lock),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                ewarn(&format!("WARNING: {} is already {doing}, or is being changed by another process", self.name));
                None
            }
            Err(error) => {
                let at = self.paths.state.display();
                eerror(&format!("{}: cannot lock it in {at}/exclusive: {error}", self.name));
                None
            }
        }
    }

    /// `stop`
    pub(super) fn stop(&self, command: &str) -> u8 {
        let name = &self.name;
        let now = self.state();
        match now.major() {
            State::Stopped => {
                ewarn(&format!("WARNING: {name} is already stopped"));
                if now.has(State::Failed) {
                    return self.mark(State::Stopped);
                }
                return 0;
            }
            State::Stopping => {
                ewarn(&format!("WARNING: {name} is already stopping"));
                return 1;
            }
            _ => {}
        }
        if self.dry_run {
            return self.say_plan(Direction::Down);
        }
        self.warn_of_early_levels();
        let Some(_lock) = self.lock("stopping") else { return 1 };
        if self.mark(State::Stopping) != 0 {
            return 1;
        }
        if self.care == Care::Ours && !self.stop_dependents() {
            self.return_to(now, State::Started);
            return 1;
        }
        let end = self.run_script(&["stop".to_owned()], command);
        if self.state().has(State::Inactive) {
            return 0;
        }
        if end.code() != 0 {
            eerror(&format!("ERROR: {name} failed to stop"));
            self.return_to(now, State::Started);
            return end.code().min(1);
        }
        cgroup::remove_if_empty(&self.paths, name);
        if let Err(error) = state::forget_waiting(&self.paths, name) {
            ewarn(&format!("{name}: services that wait for it cannot be notified: {error}"));
        }
        self.mark(if is_on("IN_BACKGROUND") { State::Inactive } else { State::Stopped })
    }

    fn warn_of_early_levels(&self) {
        if self.care == Care::Planned || is_on("RC_GOINGDOWN") {
            return;
        }
        for level in ["sysinit", "boot"] {
            if self.paths.runlevels.join(level).join(&self.name).exists() {
                ewarn(&format!("WARNING: you are stopping a {level} service"));
            }
        }
    }

    /// `restart`: also restarts the services that had to stop.
    pub(super) fn restart(&self) -> u8 {
        if self.state().has(State::Stopped) {
            return self.start("restart");
        }
        if self.dry_run {
            self.say_plan(Direction::Down);
            einfo(&format!("Would start {} and what was stopped", self.name));
            return 0;
        }
        let others = if self.care == Care::Ours { self.dependents() } else { Vec::new() };
        // A service that did not stop still runs, and so should those that were stopped for it.
        let stopped = self.stop("restart");
        if stopped == 0 {
            let started = self.start("restart");
            if started != 0 {
                return started;
            }
        }
        let again = others.iter().filter(|other| State::of(&self.paths, other).has(State::Stopped));
        again.map(|other| self.run_other(other, "start", Care::Ours)).fold(stopped, super::worse)
    }
}
