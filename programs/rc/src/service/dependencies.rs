//! Handles other services when somebody starts or stops one by hand, one after the other; `openrc` does it for a whole
//! runlevel, with a plan.

use super::{Care, Service};
use crate::conf::Conf;
use crate::depend::situation::Direction;
use crate::depend::{Graph, Obstacle, Plan, Situation, Step};
use crate::message::{eerror, einfo, ewarn};
use crate::state::{self, State};
use std::collections::BTreeMap;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

/// Why a service does not start now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It cannot, and that was reported.
    Final,
    /// It will, when this inactive service becomes active.
    Waits(String),
}

impl Service {
    /// Graph and situation. Without them (a broken disk) the service changes anyway, with a message.
    fn view(&self) -> Option<(Graph, Situation)> {
        let both = Graph::load(&self.paths).and_then(|graph| Ok((graph, Situation::read(&self.paths, None)?)));
        both.map_err(|error| ewarn(&format!("{}: continuing without dependencies: {error}", self.name))).ok()
    }

    /// Starts the services that must or should run first.
    pub(super) fn start_needed(&self) -> Result<(), Refusal> {
        let Some((graph, situation)) = self.view() else { return Ok(()) };
        let plan = graph.start_plan(&situation, &[&self.name]);
        for broken in &plan.broken {
            ewarn(&broken.to_string());
        }
        let Some(own) = plan.steps.iter().position(|step| step.service == self.name) else { return Ok(()) };
        if let Some(obstacle) = &plan.steps[own].obstacle {
            say_obstacle(&self.name, obstacle);
            return Err(Refusal::Final);
        }
        let mut later = vec![false; plan.steps.len()];
        later[own] = true;
        for at in own + 1..plan.steps.len() {
            later[at] = plan.steps[at].after.iter().any(|before| later[*before]);
        }
        // A waiting service, and the inactive one it waits for.
        let mut waits: BTreeMap<String, String> = BTreeMap::new();
        // Also those without order relative to this service, but not those after it.
        for step in plan.steps.iter().zip(&later).filter(|(_, later)| !**later).map(|(step, _)| step) {
            // Wait for a service that another process is starting, like for our own.
            if State::of(&self.paths, &step.service).has(State::Starting) {
                drop(state::Lock::wait(
                    &self.paths,
                    &step.service,
                    crate::limits::limit(&self.paths, &Conf::general(&self.paths), &step.service, "start"),
                ));
            }
            if let Some(obstacle) = &step.obstacle {
                say_obstacle(&step.service, obstacle);
                continue;
            }
            let is_down = State::of(&self.paths, &step.service).has(State::Stopped);
            match self.needs_are_up(&plan, step) {
                Ok(()) if is_down => drop(self.run_other(&step.service, "start", Care::OnlyTime)),
                Err(other) if is_down => {
                    if let Some(inactive) = self.inactive_behind(&other, &waits) {
                        self.note_waiting(&step.service, &inactive);
                        waits.insert(step.service.clone(), inactive);
                    }
                }
                _ => {}
            }
        }
        let Err(other) = self.needs_are_up(&plan, &plan.steps[own]) else { return Ok(()) };
        if let Some(inactive) = self.inactive_behind(&other, &waits) {
            return Err(Refusal::Waits(inactive));
        }
        eerror(&format!("ERROR: cannot start {} as {other} would not start", self.name));
        Err(Refusal::Final)
    }

    /// The inactive service that this one is, or waits for.
    fn inactive_behind(&self, service: &str, waits: &BTreeMap<String, String>) -> Option<String> {
        let is_inactive = State::of(&self.paths, service).has(State::Inactive);
        is_inactive.then(|| service.to_owned()).or_else(|| waits.get(service).cloned())
    }

    /// Whether all needs of a step are up; otherwise the first that is not.
    fn needs_are_up(&self, plan: &Plan, step: &Step) -> Result<(), String> {
        for need in &step.needs {
            let down: Vec<&str> = need
                .steps
                .iter()
                .map(|at| plan.steps[*at].service.as_str())
                .filter(|name| !State::of(&self.paths, name).has(State::Started))
                .collect();
            let is_enough = if need.any { down.len() < need.steps.len() } else { down.is_empty() };
            if let Some(first) = down.first().filter(|_| !is_enough) {
                return Err((*first).to_owned());
            }
        }
        Ok(())
    }

    /// The services that must stop before this one, in the order in which they start again.
    pub(super) fn dependents(&self) -> Vec<String> {
        let Some((graph, mut situation)) = self.view() else { return Vec::new() };
        let others = graph.up_and_needing(&situation, &self.name);
        situation.started.retain(|service| !others.contains(service));
        let plan = graph.start_plan(&situation, &others);
        let steps = plan.steps.into_iter().map(|step| step.service);
        steps.filter(|service| others.contains(service)).collect()
    }

    /// `services` in start order; last those without a plan.
    pub(super) fn in_start_order(&self, mut services: Vec<String>) -> Vec<String> {
        let Some((graph, situation)) = self.view() else { return services };
        let plan = graph.start_plan(&situation, &services);
        let at = |service: &String| plan.steps.iter().position(|step| step.service == *service);
        services.sort_by_key(|service| at(service).unwrap_or(usize::MAX));
        services
    }

    /// Stops the services that need this one. False: one of them did not stop, so this one must stay.
    pub(super) fn stop_dependents(&self) -> bool {
        let Some((graph, situation)) = self.view() else { return true };
        let others = graph.up_and_needing(&situation, &self.name);
        let plan = graph.stop_plan(&situation, &others);
        let is_up = |service: &str| {
            let now = State::of(&self.paths, service);
            !now.has(State::Stopped) && !now.has(State::Inactive)
        };
        // One that did not stop does not keep others running, except those it needs.
        let mut up = Vec::new();
        for (at, step) in plan.steps.iter().enumerate() {
            if !step.needs.iter().flat_map(|need| &need.steps).any(|other| up.contains(other)) {
                self.run_other(&step.service, "stop", Care::OnlyTime);
            }
            if is_up(&step.service) {
                eerror(&format!("ERROR: cannot stop {} as {} is still up", self.name, step.service));
                up.push(at);
            }
        }
        up.is_empty()
    }

    /// `--dry-run`
    pub(super) fn say_plan(&self, direction: Direction) -> u8 {
        let Some((graph, situation)) = self.view() else { return 1 };
        let (plan, verb) = match direction {
            Direction::Up => (graph.start_plan(&situation, &[&self.name]), "start"),
            Direction::Down => {
                let mut all = graph.up_and_needing(&situation, &self.name);
                all.push(self.name.clone());
                (graph.stop_plan(&situation, &all), "stop")
            }
        };
        plan.services().into_iter().for_each(|service| einfo(&format!("Would {verb} {service}")));
        0
    }

    /// Runs a command of another service.
    pub(super) fn run_other(&self, service: &str, command: &str, care: Care) -> u8 {
        let mut child = Command::new(self.paths.program());
        child.arg0("openrc-run").arg(self.paths.script(service)).arg(command).stdin(Stdio::null());
        child.env_remove("RC_CMD").env_remove("RC_SVCNAME").env_remove("RC_SERVICE");
        // The outer event concerns this service, not the others.
        child.env_remove("IN_BACKGROUND");
        if care != Care::Ours {
            child.env("RC_PLANNED", "time");
        }
        match child.status() {
            Ok(status) => status.code().map_or(1, |code| code as u8),
            Err(error) => {
                eerror(&format!("{service}: cannot run its script: {error}"));
                1
            }
        }
    }
}

fn say_obstacle(service: &str, obstacle: &Obstacle) {
    match obstacle {
        Obstacle::Missing(names) => eerror(&format!("ERROR: {service} needs service(s) {}", names.join(", "))),
        Obstacle::Circle(path) => {
            let path = path.join(" -> ");
            eerror(&format!("ERROR: cannot start {service}: services need each other in a circle: {path}"));
        }
    }
}
