//! Schedules the steps of a plan, whatever their results. Pure.
//!
//! Every step ends: it ran, or it was blocked. That holds for all results, because a plan has no cycles.

use std::collections::BTreeSet;

use super::blocked::Blocked;
use crate::depend::Plan;

/// The result of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Up when starting, down when stopping.
    Done,
    /// It was started, and waits for an external event.
    Inactive,
    /// It failed.
    Failed,
    /// It was not tried.
    Blocked,
}

/// The action for a ready step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Turn {
    /// Run it.
    Run,
    /// Report why not.
    Block(Blocked),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Waiting { left: usize },
    Taken,
    Over(Outcome),
}

/// The queue of one plan.
#[derive(Debug)]
pub struct Queue<'p> {
    plan: &'p Plan,
    places: Vec<Place>,
    /// For a step that an inactive one blocks, directly or not: the inactive one.
    waits_for: Vec<Option<usize>>,
    followers: Vec<Vec<usize>>,
    /// Ready steps, the earliest of the plan last.
    ready: Vec<usize>,
    /// Failures do not block steps: a service that does not stop keeps no other from stopping.
    undeterred: bool,
    open: usize,
}

impl<'p> Queue<'p> {
    /// A new queue, except that the services of `inactive` were started before, and wait.
    pub fn new(plan: &'p Plan, inactive: &BTreeSet<String>, undeterred: bool) -> Queue<'p> {
        let mut followers = vec![Vec::new(); plan.steps.len()];
        for (at, step) in plan.steps.iter().enumerate() {
            step.after.iter().for_each(|before| followers[*before].push(at));
        }
        let places: Vec<Place> = plan.steps.iter().map(|step| Place::Waiting { left: step.after.len() }).collect();
        let ready = (0..places.len()).rev().filter(|at| places[*at] == Place::Waiting { left: 0 }).collect();
        let waits_for = vec![None; places.len()];
        let mut queue = Queue { plan, open: places.len(), places, waits_for, followers, ready, undeterred };
        for (at, _) in plan.steps.iter().enumerate().filter(|(_, step)| inactive.contains(&step.service)) {
            queue.ready.retain(|ready| *ready != at);
            queue.places[at] = Place::Taken;
            queue.end(at, Outcome::Inactive);
        }
        queue
    }

    /// Takes the next ready step.
    pub fn take(&mut self) -> Option<(usize, Turn)> {
        let at = self.ready.pop()?;
        self.places[at] = Place::Taken;
        let turn = self.turn(at);
        if let Turn::Block(Blocked::Waits(other)) = &turn {
            self.waits_for[at] = self.plan.steps.iter().position(|step| step.service == *other);
        }
        Some((at, turn))
    }

    /// The inactive step that this one waits for, or is.
    fn inactive_behind(&self, at: usize) -> Option<usize> {
        match self.outcome(at) {
            Some(Outcome::Inactive) => Some(at),
            Some(Outcome::Blocked) => self.waits_for[at],
            _ => None,
        }
    }

    /// Records the result of a taken step.
    pub fn end(&mut self, at: usize, outcome: Outcome) {
        if self.places[at] != Place::Taken {
            return;
        }
        self.places[at] = Place::Over(outcome);
        self.open -= 1;
        for &follower in &self.followers[at] {
            if let Place::Waiting { left } = &mut self.places[follower] {
                *left -= 1;
                if *left == 0 {
                    self.ready.push(follower);
                }
            }
        }
        self.ready.sort_unstable_by(|a, b| b.cmp(a));
    }

    /// True when all steps are over.
    pub fn is_over(&self) -> bool {
        self.open == 0
    }

    /// The result of a step, if it has ended.
    pub fn outcome(&self, at: usize) -> Option<Outcome> {
        match self.places[at] {
            Place::Over(outcome) => Some(outcome),
            _ => None,
        }
    }

    fn turn(&self, at: usize) -> Turn {
        let step = &self.plan.steps[at];
        if let Some(obstacle) = &step.obstacle {
            return Turn::Block(Blocked::Obstacle(obstacle.clone()));
        }
        if self.undeterred {
            return Turn::Run;
        }
        let mut waits = None;
        for need in &step.needs {
            let done = need.steps.iter().filter(|step| self.outcome(**step) == Some(Outcome::Done)).count();
            let inactive = need.steps.iter().find_map(|step| self.inactive_behind(*step));
            if done == need.steps.len() || (need.any && done > 0) {
                continue;
            }
            let is_bad = |step: &&usize| {
                matches!(self.outcome(**step), Some(Outcome::Failed | Outcome::Blocked))
                    && self.inactive_behind(**step).is_none()
            };
            let bad = need.steps.iter().find(is_bad);
            match (inactive, bad) {
                (Some(at), None) => waits = waits.or(Some(at)),
                (Some(at), Some(_)) if need.any => waits = waits.or(Some(at)),
                (_, bad) => {
                    let name = bad.map_or(&need.name, |bad| &self.plan.steps[*bad].service);
                    return Turn::Block(Blocked::Need(name.clone()));
                }
            }
        }
        match waits {
            Some(at) => Turn::Block(Blocked::Waits(self.plan.steps[at].service.clone())),
            None => Turn::Run,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::depend::order::Requirement;
    use crate::depend::{Obstacle, Step};
    use testkit::fuzz::Random;

    fn generated(dice: &mut Random) -> Plan {
        let steps = (0..1 + dice.below(30)).map(|at| {
            let mut after: Vec<usize> = (0..at).filter(|_| dice.below(4) == 0).collect();
            let needed: Vec<usize> = after.iter().copied().filter(|_| dice.below(2) == 0).collect();
            after.dedup();
            let needs = if needed.is_empty() {
                vec![]
            } else {
                vec![Requirement { name: "n".into(), any: dice.below(2) == 0, steps: needed }]
            };
            let obstacle = (dice.below(12) == 0).then(|| Obstacle::Missing(vec!["x".into()]));
            Step { service: format!("s{at}"), needs, after, obstacle }
        });
        Plan { steps: steps.collect(), broken: vec![] }
    }

    #[test]
    fn every_step_ends_and_none_runs_too_early() {
        for case in 0..2000 {
            let mut dice = Random::new(case, b"");
            let plan = generated(&mut dice);
            let undeterred = dice.below(3) == 0;
            let before: BTreeSet<String> =
                plan.steps.iter().map(|step| step.service.clone()).filter(|_| dice.below(8) == 0).collect();
            let mut queue = Queue::new(&plan, &before, undeterred);
            let mut running: Vec<usize> = Vec::new();
            let mut taken = before.len();
            while !queue.is_over() {
                while let Some((at, turn)) = queue.take() {
                    taken += 1;
                    let step = &plan.steps[at];
                    assert!(!before.contains(&step.service), "{case}: {at} was started before");
                    assert!(step.after.iter().all(|b| queue.outcome(*b).is_some()), "{case}: {at} too early");
                    match turn {
                        Turn::Run => {
                            for need in step.needs.iter().filter(|_| !undeterred) {
                                let done =
                                    need.steps.iter().filter(|s| queue.outcome(**s) == Some(Outcome::Done)).count();
                                assert!(
                                    done == need.steps.len() || (need.any && done > 0),
                                    "{case}: {at} lacks a need"
                                );
                            }
                            running.push(at);
                        }
                        Turn::Block(_) => queue.end(at, Outcome::Blocked),
                    }
                }
                if !running.is_empty() {
                    let at = running.swap_remove(dice.below(running.len()));
                    queue.end(at, [Outcome::Done, Outcome::Done, Outcome::Failed, Outcome::Inactive][dice.below(4)]);
                }
            }
            assert_eq!(taken, plan.steps.len(), "{case}");
        }
    }

    #[test]
    fn why_a_step_is_blocked() {
        let step = |name: &str, any, needs: &[usize]| {
            let needs_list = if needs.is_empty() {
                vec![]
            } else {
                vec![Requirement { name: "net".into(), any, steps: needs.to_vec() }]
            };
            Step { service: name.into(), needs: needs_list, after: needs.to_vec(), obstacle: None }
        };
        use Outcome::{Done, Failed, Inactive};
        let waits = |name: &str| Turn::Block(Blocked::Waits(name.into()));
        let lacks = |name: &str| Turn::Block(Blocked::Need(name.into()));
        // one is enough?, outcomes of a and b -> what c does
        let cases = [
            (false, Done, Done, Turn::Run),
            (false, Done, Failed, lacks("b")),
            (true, Done, Failed, Turn::Run),
            (true, Failed, Failed, lacks("a")),
            (false, Inactive, Done, waits("a")),
            (true, Inactive, Failed, waits("a")),
            (false, Inactive, Failed, lacks("b")),
            (true, Inactive, Done, Turn::Run),
        ];
        for (any, a, b, want) in cases {
            let plan = Plan {
                steps: vec![step("a", false, &[]), step("b", false, &[]), step("c", any, &[0, 1])],
                broken: vec![],
            };
            let mut queue = Queue::new(&plan, &BTreeSet::new(), false);
            assert_eq!((queue.take().map(|t| t.0), queue.take().map(|t| t.0), queue.take()), (Some(0), Some(1), None));
            queue.end(0, a);
            queue.end(1, b);
            assert_eq!(queue.take(), Some((2, want)), "{any} {a:?} {b:?}");
        }
    }
    #[test]
    fn what_needs_a_service_that_waits_since_an_earlier_runlevel_waits_as_well() {
        let need = |at: usize| vec![Requirement { name: "n".into(), any: false, steps: vec![at] }];
        let step = |name: &str, needs: Vec<Requirement>, after: Vec<usize>| Step {
            service: name.into(),
            needs,
            after,
            obstacle: None,
        };
        let steps =
            vec![step("firstboot", vec![], vec![]), step("net", need(0), vec![0]), step("sshd", need(1), vec![1])];
        let plan = Plan { steps, broken: vec![] };
        let mut queue = Queue::new(&plan, &BTreeSet::from(["firstboot".to_owned()]), false);
        let waits = || Turn::Block(Blocked::Waits("firstboot".into()));
        assert_eq!(queue.take(), Some((1, waits())));
        queue.end(1, Outcome::Blocked);
        assert_eq!(queue.take(), Some((2, waits())));
        queue.end(2, Outcome::Blocked);
        assert!(queue.is_over());
    }
}
