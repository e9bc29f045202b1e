//! Two captures of the same graphs side by side: how much was compared, and what differs.
//!
//! Start order is compared as constraints. Ours starts services in parallel, so its order need not be real OpenRC's; but what
//! a dependency put in order there must be in that order here.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::capture::{Capture, Event, Outcome};
use crate::dependency;
use crate::graph::{Graph, Step};
use crate::messages;
use crate::table;

/// The kinds of what is compared; the words that `differences.toml` uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum What {
    /// Exit code of the command.
    Exit,
    /// The present runlevel afterwards.
    Level,
    /// States of a service afterwards.
    State,
    /// How often a function of a service ran.
    Runs,
    /// Whether what a dependency orders happened in that order.
    Order,
    /// A row of a table.
    Row,
    /// Whether the command, with what it set going, and the graph came to their end at all.
    End,
    /// A process that runs afterwards, or a property of it.
    Process,
    /// A file that is there afterwards: kind, rights, owner, content.
    File,
}

/// One answer that is not the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Number of the graph or script.
    pub case: u32,
    /// Its theme.
    pub theme: &'static str,
    /// Number of the command.
    pub step: usize,
    /// The command.
    pub command: String,
    /// The kind.
    pub what: What,
    /// Which service, row or pair.
    pub subject: String,
    /// Facts about the service that is meant: what it does ([`crate::graph::Behaviour`]), and `failed` when real OpenRC has
    /// said that it did not start, at the last change of runlevel. About the graph: its theme, and `stacked`.
    pub about: Vec<String>,
    /// Real OpenRC's answer.
    pub real: String,
    /// Ours.
    pub ours: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { case, theme, step, command, what, subject, real, ours, .. } = self;
        write!(f, "case {case} ({theme}), command {step} `{command}`: {what:?} of {subject}: real {real}, ours {ours}")
    }
}

/// The result over all graphs or scripts.
#[derive(Debug, Default)]
pub struct Comparison {
    /// Graphs or scripts compared.
    pub cases: usize,
    /// Single answers compared.
    pub observations: usize,
    /// Those that differ.
    pub differences: Vec<Difference>,
}

/// Compares what two sides made of the graphs.
pub fn compare(graphs: &[Graph], real: &Capture, ours: &Capture) -> Comparison {
    let mut comparison = Comparison::default();
    for graph in graphs {
        comparison.cases += 1;
        let none = Vec::new();
        let (theirs, own) = (real.get(&graph.number).unwrap_or(&none), ours.get(&graph.number).unwrap_or(&none));
        let mut failed = BTreeSet::new();
        for (number, step) in graph.steps.iter().enumerate() {
            let outcomes = (theirs.get(number), own.get(number));
            if let Some(theirs) = outcomes.0.filter(|_| step.command.starts_with("openrc")) {
                failed = messages::not_started(&theirs.output);
            }
            let mut one = One { graph, number, step, failed: &failed, comparison: &mut comparison };
            let (Some(theirs), Some(own)) = outcomes else {
                // Neither side: then nothing was compared, which is no agreement.
                let side = |there: bool| if there { "reached" } else { "not reached" };
                let ours = if own.len() > number { "reached" } else { "not reached by ours" };
                one.same(What::End, "command", side(theirs.len() > number), ours);
                break;
            };
            one.ending(theirs, own);
            // Services of real OpenRC that still wait for each other have no answer yet, and what follows depends on when
            // they give up. That it came to this is a difference, told by `ending`.
            if theirs.restless || theirs.exit == KILLED {
                break;
            }
            one.outcome(theirs, own);
        }
    }
    comparison
}

/// Exit code of a command that did not end and was killed.
const KILLED: i32 = 137;

/// One command of one graph.
struct One<'a> {
    graph: &'a Graph,
    number: usize,
    step: &'a Step,
    failed: &'a BTreeSet<String>,
    comparison: &'a mut Comparison,
}

impl One<'_> {
    fn same(&mut self, what: What, subject: &str, real: impl fmt::Display, ours: impl fmt::Display) {
        self.comparison.observations += 1;
        let (real, ours) = (real.to_string(), ours.to_string());
        if real != ours {
            self.comparison.differences.push(Difference {
                case: self.graph.number,
                theme: self.graph.theme,
                step: self.number,
                command: self.step.command.clone(),
                what,
                subject: subject.to_owned(),
                about: self.about(subject),
                real,
                ours,
            });
        }
    }

    /// The service meant is the one that the subject names, else the command.
    fn about(&self, subject: &str) -> Vec<String> {
        let named = |text: &str| {
            let words: Vec<&str> = text.split([' ', '/']).collect();
            self.graph.services.iter().find(|service| words.contains(&service.name.as_str()))
        };
        let mut facts = vec![self.graph.theme.to_owned()];
        if !self.graph.stacked.is_empty() {
            facts.push("stacked".to_owned());
        }
        if let Some(service) = named(subject).or_else(|| named(&self.step.command)) {
            facts.push(format!("{:?}", service.behaviour));
            facts.extend(self.failed.contains(&service.name).then(|| "failed".to_owned()));
        }
        facts
    }

    fn ending(&mut self, real: &Outcome, ours: &Outcome) {
        let rest = |outcome: &Outcome| if outcome.restless { "not at rest" } else { "at rest" };
        self.same(What::End, "what it set going", rest(real), rest(ours));
        self.same(What::Exit, "command", real.exit, ours.exit);
    }

    fn outcome(&mut self, real: &Outcome, ours: &Outcome) {
        self.same(What::Level, "softlevel", &real.softlevel, &ours.softlevel);
        let named = self.graph.services.iter().map(|service| &service.name);
        let names: BTreeSet<&String> = named.chain(real.states.keys()).chain(ours.states.keys()).collect();
        for name in names {
            let words = |outcome: &Outcome| outcome.states.get(name).map_or_else(|| "stopped".to_owned(), joined);
            self.same(What::State, name, words(real), words(ours));
        }
        let (theirs, own) = (runs(&real.log), runs(&ours.log));
        let keys: BTreeSet<&(String, String)> = theirs.keys().chain(own.keys()).collect();
        for key in keys {
            let count = |runs: &Runs| runs.get(key).map_or(0, |run| run.count);
            self.same(What::Runs, &format!("{} of {}", key.0, key.1), count(&theirs), count(&own));
        }
        self.order(real, &theirs, &own);
        let (theirs, own) = (table::rows(self.step.reads, &real.output), table::rows(self.step.reads, &ours.output));
        let keys: BTreeSet<&String> = theirs.keys().chain(own.keys()).collect();
        for key in keys {
            let words = |rows: &table::Rows| rows.get(key).map_or_else(|| "(no row)".to_owned(), joined);
            self.same(What::Row, key, words(&theirs), words(&own));
        }
    }

    /// What a dependency orders and real OpenRC did in that order.
    fn order(&mut self, real: &Outcome, theirs: &Runs, own: &Runs) {
        let tree = dependency::parse(&real.deptree);
        for function in ["start", "stop"] {
            // What only one side ran is a difference of its own, and orders nothing on the other.
            let took_part = theirs.keys().filter(|key| key.0 == function && own.contains_key(*key));
            let took_part = took_part.map(|(_, service)| service.clone());
            for (first, later) in dependency::order(&tree, &took_part.collect()) {
                // What starts first stops last.
                let (first, later) = if function == "start" { (first, later) } else { (later, first) };
                let before = |runs: &Runs| {
                    let run = |service: &String| runs.get(&(function.to_owned(), service.clone()));
                    // A service that fails may be tried again later, for others: its first turn is the one that counts.
                    Some(run(&first)?.ended <= run(&later)?.first)
                };
                // Without events there is nothing to order; that they are missing is a difference of its own.
                if let (Some(true), Some(kept)) = (before(theirs), before(own)) {
                    let word = if kept { "in order" } else { "not in order" };
                    self.same(What::Order, &format!("{function} of {first} then {later}"), "in order", word);
                }
            }
        }
        self.stops_before_starts(theirs, own);
    }

    /// A change of runlevel stops what must go before it starts what must come.
    fn stops_before_starts(&mut self, theirs: &Runs, own: &Runs) {
        let phases = |runs: &Runs| {
            let of =
                |function: &'static str| runs.iter().filter(move |((name, _), _)| name == function).map(|(_, run)| run);
            Some(of("stop").map(|run| run.last).max()? < of("start").map(|run| run.first).min()?)
        };
        if let (Some(true), Some(kept)) = (phases(theirs), phases(own)) {
            let word = if kept { "in order" } else { "not in order" };
            self.same(What::Order, "all stops then all starts", "in order", word);
        }
    }
}

fn joined(words: &BTreeSet<String>) -> String {
    words.iter().map(String::as_str).collect::<Vec<_>>().join(" ")
}

/// Where in the log a function ran.
struct Run {
    count: usize,
    first: usize,
    /// End of the first time; begin, if it did not come to its end.
    ended: usize,
    last: usize,
}

/// By function and service.
type Runs = BTreeMap<(String, String), Run>;

fn runs(log: &[Event]) -> Runs {
    let mut runs = Runs::new();
    for (place, event) in log.iter().enumerate() {
        let key = (event.function.clone(), event.service.clone());
        let run = runs.entry(key).or_insert(Run { count: 0, first: place, ended: place, last: place });
        run.count += usize::from(event.begin);
        if run.count == 1 {
            run.ended = place;
        }
        run.last = place;
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Reads, Service};

    fn graph() -> Graph {
        let mut graph = crate::generate::graph(1, 0);
        graph.services = vec![Service::new("a"), Service::new("b")];
        graph.steps = vec![Step { command: "openrc default".into(), reads: Reads::Nothing }];
        graph
    }

    fn outcome(log: &[&str]) -> Outcome {
        let text: String = log.iter().map(|line| format!("={line}\n")).collect();
        let tree = "%depinfo_0_service='a'\n%depinfo_1_service='b'\n%depinfo_1_iafter_0='a'\n";
        let text = format!("@graph 0\n@step 0\n@exit 0\n{text}:started a\n~default\n{tree}@end 0\n");
        crate::capture::parse(&text).unwrap().remove(&0).unwrap().remove(0)
    }

    fn found(real: Outcome, ours: Outcome) -> Vec<String> {
        let capture = |outcome| Capture::from([(0, vec![outcome])]);
        let comparison = compare(&[graph()], &capture(real), &capture(ours));
        assert_eq!(comparison.cases, 1);
        comparison
            .differences
            .iter()
            .map(|found| format!("{:?} {}: {} {}", found.what, found.subject, found.real, found.ours))
            .collect()
    }

    const GOOD: [&str; 4] = ["start-begin a", "start-end a", "start-begin b", "start-end b"];

    #[test]
    fn equal_is_equal() {
        assert!(found(outcome(&GOOD), outcome(&GOOD)).is_empty());
    }

    #[test]
    fn each_kind_is_seen() {
        let mut other = outcome(&["start-begin a", "start-begin b", "start-end a", "start-end b"]);
        assert_eq!(found(outcome(&GOOD), other.clone()), ["Order start of a then b: in order not in order"]);
        other = outcome(&GOOD[..2]);
        assert_eq!(found(outcome(&GOOD), other.clone()), ["Runs start of b: 1 0"]);
        other = outcome(&GOOD);
        other.exit = 1;
        other.softlevel = "boot".into();
        other.states.insert("b".into(), BTreeSet::from(["failed".to_owned()]));
        let kinds = ["Exit command: 0 1", "Level softlevel: default boot", "State b: stopped failed"];
        assert_eq!(found(outcome(&GOOD), other), kinds);
    }

    #[test]
    fn what_real_openrc_did_the_other_way_round_is_no_demand() {
        let reverse = outcome(&["start-begin b", "start-end b", "start-begin a", "start-end a"]);
        assert!(found(reverse, outcome(&GOOD)).is_empty());
    }

    #[test]
    fn a_side_that_did_not_get_there_is_seen() {
        let capture = Capture::from([(0, vec![outcome(&GOOD)])]);
        let comparison = compare(&[graph()], &capture, &Capture::new());
        assert_eq!(comparison.differences[0].what, What::End);
        let comparison = compare(&[graph()], &Capture::new(), &Capture::new());
        assert_eq!(comparison.differences.len(), 1, "nothing compared is no agreement");
    }
}
