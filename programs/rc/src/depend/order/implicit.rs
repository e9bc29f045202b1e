//! Implicit order: through a service that runs already, and `*`. Explicit relations take precedence.

use super::{Draft, Edge, Strength};
use crate::depend::cycle::{adjacency, postorder};
use crate::depend::situation::{Direction, Situation};
use crate::depend::text::Kind;
use std::collections::{BTreeMap, BTreeSet};

impl Draft<'_> {
    /// A running service may need a stopped one. A service that names the first starts after the second.
    pub(super) fn behind_running(&self, situation: &Situation) -> Vec<(usize, usize)> {
        let mut firsts: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
        for running in situation.started.iter().filter(|name| self.in_plan(name).is_none()) {
            let (mut seen, mut open, mut found) = (BTreeSet::new(), vec![running.as_str()], BTreeSet::new());
            while let Some(name) = open.pop() {
                let Some(node) = self.graph.node(name).filter(|_| seen.insert(name)) else { continue };
                let names = [Kind::Need, Kind::Want].into_iter().flat_map(|kind| node.get(kind));
                for other in names.flat_map(|name| situation.meaning(self.graph, name, Direction::Up)) {
                    match self.in_plan(other) {
                        Some(at) => drop(found.insert(at)),
                        None if situation.started.contains(other) => open.push(other),
                        None => {}
                    }
                }
            }
            firsts.insert(running, found);
        }
        firsts.retain(|_, found| !found.is_empty());
        let mut implied = Vec::new();
        for (service, at) in self.numbers.iter().filter(|_| !firsts.is_empty()) {
            let Some(node) = self.graph.node(service) else { continue };
            let names = [Kind::Need, Kind::Use, Kind::Want, Kind::After].into_iter().flat_map(|kind| node.get(kind));
            let running = names.flat_map(|name| self.graph.behind(name)).filter_map(|other| firsts.get(other));
            implied.extend(running.flatten().map(|first| (*at, *first)));
        }
        implied
    }

    /// As far as it does not contradict the scripts.
    pub(super) fn add_implied(&mut self) {
        for (waiter, first) in std::mem::take(&mut self.implied) {
            if self.obstacles[waiter].is_none() && !self.waits_for(first)[waiter] {
                self.edges.push(Edge { waiter, first, strength: Strength::After });
            }
        }
    }

    /// The services that one waits for, itself included.
    fn waits_for(&self, at: usize) -> Vec<bool> {
        let lists = adjacency(self.names.len(), &self.edges, |edge| (edge.waiter, edge.first));
        let mut found = vec![false; self.names.len()];
        postorder(&lists, at, &mut found, &mut Vec::new());
        found
    }

    /// `before *` and `after *`, as far as they contradict nothing. Services take precedence by name.
    pub(super) fn add_wildcards(&mut self, direction: Direction) {
        for (service, at) in self.numbers.clone() {
            let Some(node) = self.graph.node(service) else { continue };
            if self.obstacles[at].is_some() || node.before_all == node.after_all {
                continue;
            }
            let waits = node.after_all == (direction == Direction::Up);
            let lists =
                adjacency(
                    self.names.len(),
                    &self.edges,
                    |e| if waits { (e.first, e.waiter) } else { (e.waiter, e.first) },
                );
            let mut opposed = vec![false; self.names.len()];
            postorder(&lists, at, &mut opposed, &mut Vec::new());
            for other in (0..self.names.len()).filter(|other| !opposed[*other] && self.obstacles[*other].is_none()) {
                let (waiter, first) = if waits { (at, other) } else { (other, at) };
                self.edges.push(Edge { waiter, first, strength: Strength::After });
            }
        }
    }
}
