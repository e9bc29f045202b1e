//! The order: from the graph and the situation to a plan of steps, each with the steps it waits for. Pure.
//!
//! It follows OpenRC: `need` and `want` pull services in, `use` only enabled or running ones, `after` and `before`
//! never; `*` yields to every explicit name.

mod implicit;

use std::collections::{BTreeMap, BTreeSet};

use super::cycle::{Broken, Edge, Strength, adjacency, break_cycles, circles, postorder};
use super::graph::Graph;
use super::situation::{Direction, Situation};
use super::text::Kind;

/// Steps to start or stop services, in an order that works one by one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// Steps; each waits only for earlier ones.
    pub steps: Vec<Step>,
    /// Relations that had to be ignored.
    pub broken: Vec<Broken>,
}

/// One step.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Step {
    /// Its name.
    pub service: String,
    /// Steps that must have succeeded.
    pub needs: Vec<Requirement>,
    /// Steps that must have ended, with any result. Includes those of `needs`.
    pub after: Vec<usize>,
    /// Why it cannot start at all.
    pub obstacle: Option<Obstacle>,
}

/// A need: one name, satisfied by all of the steps, or by any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement {
    /// The name as written: a service or a virtual one.
    pub name: String,
    /// One is enough (several providers and `rc_depend_strict="NO"`).
    pub any: bool,
    /// Indices of the steps.
    pub steps: Vec<usize>,
}

/// Why a service cannot start, known before any attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Obstacle {
    /// It needs names that do not exist.
    Missing(Vec<String>),
    /// It is in a cycle of needs; the closed path.
    Circle(Vec<String>),
}

impl Plan {
    /// The services in order.
    pub fn services(&self) -> Vec<&str> {
        self.steps.iter().map(|step| step.service.as_str()).collect()
    }
}

impl Graph {
    /// A plan to start these services and what they need or want. Running services have no step.
    pub fn start_plan(&self, situation: &Situation, services: &[impl AsRef<str>]) -> Plan {
        let wanted = self.closure(situation, services);
        let mut draft = Draft::new(self, wanted.into_iter().filter(|one| !situation.started.contains(*one)));
        draft.edges_up(situation);
        draft.implied = draft.behind_running(situation);
        draft.finish(Direction::Up)
    }

    /// A plan to stop exactly these services.
    pub fn stop_plan(&self, situation: &Situation, services: &[impl AsRef<str>]) -> Plan {
        let chosen: BTreeSet<&str> = services.iter().map(AsRef::as_ref).collect();
        let mut draft = Draft::new(self, chosen.into_iter());
        draft.edges_down(situation);
        draft.finish(Direction::Down)
    }

    /// Running services that must stop before this one: those that need it, and those that need them, even through a
    /// service that is down already (`zap` marks one as down while its dependents run). With `rc_depend_strict="NO"` a
    /// service stays if another provider of the needed name runs.
    pub fn up_and_needing(&self, situation: &Situation, service: &str) -> Vec<String> {
        let mut down: Vec<String> = vec![service.to_owned()];
        let mut at = 0;
        while let Some(current) = down.get(at).cloned() {
            for dependent in self.pointing_at(&current, Kind::Need) {
                if !down.contains(&dependent) && !self.has_another(situation, &dependent, &current, &down) {
                    down.push(dependent);
                }
            }
            at += 1;
        }
        let mut others = down.split_off(1);
        others.retain(|service| situation.started.contains(service) || situation.inactive.contains(service));
        others
    }

    /// The services and everything they need or want: these must not stop. A provider among the services stands for its
    /// name alone; without one, any provider counts.
    pub fn pulled_in(&self, services: &BTreeSet<String>) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        let mut open: Vec<&str> = services.iter().map(String::as_str).collect();
        while let Some(service) = open.pop() {
            if !found.insert(service.to_owned()) {
                continue;
            }
            let Some(node) = self.node(service) else { continue };
            for name in node.get(Kind::Need).iter().chain(node.get(Kind::Want)) {
                let behind = self.behind(name);
                let given = behind.iter().any(|one| services.contains(*one));
                open.extend(behind.into_iter().filter(|one| !given || services.contains(*one)));
            }
        }
        found
    }

    fn has_another(&self, situation: &Situation, dependent: &str, gone: &str, down: &[String]) -> bool {
        let left = |name: &&String| {
            let behind = self.behind(name);
            behind.contains(&gone)
                && !behind.iter().any(|p| situation.started.contains(*p) && !down.iter().any(|d| d == p))
        };
        !situation.strict && !self.kind(dependent, Kind::Need).iter().any(|name| left(&name))
    }

    /// The services and everything they pull in.
    fn closure<'g>(&'g self, situation: &Situation, services: &[impl AsRef<str>]) -> BTreeSet<&'g str> {
        let mut found = BTreeSet::new();
        let mut open: Vec<&str> =
            services.iter().flat_map(|name| situation.meaning(self, name.as_ref(), Direction::Up)).collect();
        while let Some(service) = open.pop() {
            if !found.insert(service) {
                continue;
            }
            let Some(node) = self.node(service) else { continue };
            for kind in [Kind::Need, Kind::Want, Kind::Use] {
                let pulls = |one: &&str| kind != Kind::Use || situation.is_enabled(one);
                let meant = node.get(kind).iter().flat_map(|name| situation.meaning(self, name, Direction::Up));
                open.extend(meant.filter(pulls));
            }
        }
        found
    }
}

/// A plan under construction: services numbered by name.
struct Draft<'g> {
    graph: &'g Graph,
    names: Vec<String>,
    numbers: BTreeMap<&'g str, usize>,
    edges: Vec<Edge>,
    /// The same edges as a set.
    known: BTreeSet<(usize, usize, Strength)>,
    /// Waiter and first, through services without a step.
    implied: Vec<(usize, usize)>,
    /// Per service: the needed name, whether one is enough, the providers in the plan.
    needs: Vec<Vec<Requirement>>,
    obstacles: Vec<Option<Obstacle>>,
}

impl<'g> Draft<'g> {
    fn new<'s>(graph: &'g Graph, services: impl Iterator<Item = &'s str>) -> Draft<'g> {
        // A service without a script can still run and be stopped: it has a step, but no relations.
        let names: Vec<String> = services.map(str::to_owned).collect();
        let numbers = names.iter().enumerate().filter_map(|(at, name)| Some((graph.own_name(name)?, at))).collect();
        let count = names.len();
        let (edges, known, implied) = (Vec::new(), BTreeSet::new(), Vec::new());
        let (needs, obstacles) = (vec![Vec::new(); count], vec![None; count]);
        Draft { graph, names, numbers, edges, known, implied, needs, obstacles }
    }

    fn in_plan(&self, service: &str) -> Option<usize> {
        self.numbers.get(service).copied()
    }

    fn add(&mut self, waiter: usize, first: usize, strength: Strength) {
        if waiter != first && self.known.insert((waiter, first, strength)) {
            self.edges.push(Edge { waiter, first, strength });
        }
    }

    /// `waiter` starts after what it names.
    fn edges_up(&mut self, situation: &Situation) {
        for (service, at) in self.numbers.clone() {
            let Some(node) = self.graph.node(service) else { continue };
            if !node.broken.is_empty() {
                self.obstacles[at] = Some(Obstacle::Missing(node.broken.clone()));
            }
            for name in node.get(Kind::Need) {
                self.need_up(situation, at, name);
            }
            for kind in [Kind::Use, Kind::Want, Kind::After, Kind::Before] {
                self.soft(node.get(kind), at, kind, Direction::Up);
            }
        }
    }

    fn need_up(&mut self, situation: &Situation, at: usize, name: &str) {
        let meaning = situation.meaning(self.graph, name, Direction::Up);
        let any = !situation.strict && meaning.len() > 1;
        let steps: Vec<usize> = meaning.iter().filter_map(|one| self.in_plan(one)).filter(|step| *step != at).collect();
        let satisfied = steps.is_empty() || (any && steps.len() < meaning.len());
        for &first in &steps {
            // If another provider runs, wait for the remaining ones, but do not require them.
            let strength = match (satisfied, any) {
                (true, _) => Strength::Want,
                (_, true) => Strength::NeedAny,
                _ => Strength::Need,
            };
            self.add(at, first, strength);
        }
        if !satisfied {
            self.needs[at].push(Requirement { name: name.to_owned(), any, steps });
        }
    }

    /// Stopping reverses everything: a needed service waits for its dependents.
    fn edges_down(&mut self, situation: &Situation) {
        for (service, at) in self.numbers.clone() {
            let Some(node) = self.graph.node(service) else { continue };
            for name in node.get(Kind::Need) {
                let providers: Vec<usize> = situation
                    .meaning(self.graph, name, Direction::Down)
                    .iter()
                    .filter_map(|p| self.in_plan(p))
                    .collect();
                for waiter in providers.into_iter().filter(|waiter| *waiter != at) {
                    self.add(waiter, at, Strength::Need);
                    self.needs[waiter].push(Requirement { name: service.to_owned(), any: false, steps: vec![at] });
                }
            }
            for kind in [Kind::Use, Kind::Want, Kind::After, Kind::Before] {
                self.soft(node.get(kind), at, kind, Direction::Down);
            }
        }
    }

    fn soft(&mut self, names: &[String], at: usize, kind: Kind, direction: Direction) {
        let strength = match kind {
            Kind::Use => Strength::Use,
            Kind::Want => Strength::Want,
            Kind::Before => Strength::Before,
            _ => Strength::After,
        };
        let others: Vec<usize> =
            names.iter().flat_map(|name| self.graph.behind(name)).filter_map(|one| self.in_plan(one)).collect();
        for other in others {
            if (direction == Direction::Up) == (kind != Kind::Before) {
                self.add(at, other, strength);
            } else {
                self.add(other, at, strength);
            }
        }
    }

    fn finish(mut self, direction: Direction) -> Plan {
        if direction == Direction::Up {
            self.mark_need_circles();
        }
        // A service that cannot start waits for nothing.
        let obstacles = &self.obstacles;
        self.edges.retain(|edge| obstacles[edge.waiter].is_none());
        let broken = break_cycles(&self.names, &mut self.edges);
        self.add_implied();
        self.add_wildcards(direction);
        self.into_plan(broken)
    }

    fn mark_need_circles(&mut self) {
        let needs: Vec<Edge> = self.edges.iter().filter(|edge| edge.strength == Strength::Need).copied().collect();
        for circle in circles(self.names.len(), &needs) {
            let within: Vec<Edge> =
                needs.iter().filter(|e| circle.contains(&e.waiter) && circle.contains(&e.first)).copied().collect();
            let path =
                break_cycles(&self.names, &mut within.clone()).into_iter().next().map(|b| b.path).unwrap_or_default();
            for node in circle {
                self.obstacles[node] = Some(Obstacle::Circle(path.clone()));
            }
        }
    }

    /// Sorts the services so that each comes after those it waits for, else by name.
    fn into_plan(self, broken: Vec<Broken>) -> Plan {
        let mut lists = adjacency(self.names.len(), &self.edges, |edge| (edge.waiter, edge.first));
        lists.iter_mut().for_each(|list| {
            list.sort_unstable();
            list.dedup();
        });
        let mut seen = vec![false; self.names.len()];
        let mut sorted = Vec::with_capacity(self.names.len());
        for node in 0..self.names.len() {
            postorder(&lists, node, &mut seen, &mut sorted);
        }
        let mut place = vec![0; self.names.len()];
        for (at, node) in sorted.iter().enumerate() {
            place[*node] = at;
        }
        let steps = sorted.iter().map(|&node| self.step(node, &lists[node], &place)).collect();
        Plan { steps, broken }
    }

    fn step(&self, node: usize, waits_for: &[usize], place: &[usize]) -> Step {
        let mut obstacle = self.obstacles[node].clone();
        let mut needs = Vec::new();
        for requirement in &self.needs[node] {
            let steps: Vec<usize> =
                requirement.steps.iter().filter(|step| waits_for.contains(step)).map(|step| place[*step]).collect();
            if steps.is_empty() && requirement.any && obstacle.is_none() {
                // Each of the providers waits for this service.
                obstacle = Some(Obstacle::Circle(vec![
                    self.names[node].clone(),
                    requirement.name.clone(),
                    self.names[node].clone(),
                ]));
            }
            if !steps.is_empty() {
                needs.push(Requirement { name: requirement.name.clone(), any: requirement.any, steps });
            }
        }
        let mut after: Vec<usize> = waits_for.iter().map(|other| place[*other]).collect();
        after.sort_unstable();
        Step { service: self.names[node].clone(), needs, after, obstacle }
    }
}

#[cfg(test)]
#[path = "order_tests.rs"]
mod tests;
