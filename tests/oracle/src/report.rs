//! The result as text for people.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::capture::{Capture, Outcome};
use crate::compare::{Comparison, Difference};
use crate::differences::{Known, Sorted};
use crate::graph::Graph;

/// Unexplained differences that are printed in full; the rest is counted.
const SHOWN: usize = 20;

/// The closing line; `cases` is what was compared, graphs or scripts.
pub fn summary(cases: &str, comparison: &Comparison, sorted: &Sorted<'_>) -> String {
    let documented = sorted.explained.len() - sorted.consequences;
    format!(
        "{} {cases}, {} observations, {documented} documented differences, {} consequences of them, {} unexplained",
        comparison.cases,
        comparison.observations,
        sorted.consequences,
        sorted.unexplained.len()
    )
}

/// Known differences that occurred, with their reasons.
pub fn documented(sorted: &Sorted<'_>, known: &[Known]) -> String {
    let mut text = String::new();
    for (known, count) in known.iter().zip(&sorted.known).filter(|(_, count)| **count > 0) {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{count:6} x {}: {}", known.id, known.reason.trim());
    }
    text
}

/// Each unexplained difference with the part of the graph it is about, the commands up to it, and what both sides printed.
/// Of each graph the first counts most: what follows may be its consequence.
pub fn unexplained(sorted: &Sorted<'_>, graphs: &[Graph], real: &Capture, ours: &Capture) -> String {
    let mut text = String::new();
    let mut told = BTreeSet::new();
    let firsts = sorted.unexplained.iter().filter(|difference| told.insert(difference.case));
    let firsts: Vec<&&Difference> = firsts.collect();
    for difference in firsts.iter().take(SHOWN) {
        let Some(graph) = graphs.iter().find(|graph| graph.number == difference.case) else { continue };
        let _ = writeln!(text, "{}", one(difference, graph, real, ours));
        for other in sorted.unexplained.iter().filter(|other| other.case == difference.case).skip(1).take(6) {
            let _ = writeln!(text, "  also {other}");
        }
        text.push('\n');
    }
    if firsts.len() > SHOWN {
        let _ = writeln!(text, "and {} more graphs with unexplained differences", firsts.len() - SHOWN);
    }
    text
}

fn one(difference: &Difference, graph: &Graph, real: &Capture, ours: &Capture) -> String {
    let mut text = format!("UNEXPLAINED {difference}\n{}", slice(graph, difference));
    for step in graph.steps.iter().take(difference.step + 1) {
        let _ = writeln!(text, "  $ {}", step.command);
    }
    for (side, capture) in [("real", real), ("ours", ours)] {
        let outcome = capture.get(&graph.number).and_then(|outcomes| outcomes.get(difference.step));
        if let Some(outcome) = outcome {
            let _ = writeln!(text, "  {side}: {}", told(outcome));
        }
    }
    text
}

fn told(outcome: &Outcome) -> String {
    let mut text = format!("exit {}, started:", outcome.exit);
    for (name, states) in &outcome.states {
        let others: Vec<&str> = states.iter().map(String::as_str).filter(|state| *state != "started").collect();
        let _ = write!(
            text,
            " {name}{}",
            if others.is_empty() { String::new() } else { format!("({})", others.join(",")) }
        );
    }
    let events =
        outcome.log.iter().filter(|event| event.begin).map(|event| format!("{} {}", event.function, event.service));
    let _ = write!(text, "\n    ran: {}", events.collect::<Vec<_>>().join(", "));
    outcome.output.iter().take(12).for_each(|line| {
        let _ = write!(text, "\n    | {line}");
    });
    text
}

/// The graph without what has no connection with the difference.
fn slice(graph: &Graph, difference: &Difference) -> String {
    let named = |name: &str| difference.subject.split([' ', '/']).any(|word| word == name);
    let commanded = |name: &str| difference.command.split(' ').any(|word| word == name);
    let mut kept: BTreeSet<&str> = BTreeSet::new();
    kept.extend(
        graph.services.iter().map(|service| service.name.as_str()).filter(|name| named(name) || commanded(name)),
    );
    if kept.is_empty() {
        return graph.to_string();
    }
    loop {
        let before = kept.len();
        for service in &graph.services {
            let targets: Vec<&str> =
                service.depend.iter().flat_map(|(_, targets)| targets).map(String::as_str).collect();
            if kept.contains(service.name.as_str()) {
                kept.extend(targets);
            } else if targets.iter().any(|target| kept.contains(target) || *target == "*") {
                kept.insert(&service.name);
            }
        }
        if kept.len() == before {
            break;
        }
    }
    let mut small = graph.clone();
    small.services.retain(|service| kept.contains(service.name.as_str()));
    small.levels.values_mut().for_each(|entries| entries.retain(|entry| kept.contains(entry.as_str())));
    small.levels.retain(|_, entries| !entries.is_empty());
    small.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::What;
    use crate::differences;
    use crate::graph::{Relation, Service};

    #[test]
    fn shows_only_what_is_connected() {
        let mut graph = crate::generate::graph(1, 0);
        graph.services = ["a", "b", "far"].iter().map(|name| Service::new(*name)).collect();
        graph.services[1].depends(Relation::Need, "a");
        graph.levels = [("default".to_owned(), vec!["b".to_owned(), "far".to_owned()])].into();
        graph.steps.truncate(1);
        let difference = Difference {
            case: 0,
            theme: "plain",
            step: 0,
            command: "openrc default".into(),
            what: What::State,
            subject: "a".into(),
            about: Vec::new(),
            real: "started".into(),
            ours: "stopped".into(),
        };
        let all = [difference];
        let sorted = differences::sort(&all, &[]);
        let text = unexplained(&sorted, &[graph], &Capture::new(), &Capture::new());
        let expected = "\
UNEXPLAINED case 0 (plain), command 0 `openrc default`: State of a: real started, ours stopped
graph 0 (plain)
  a
  b: need a
  runlevel default: b
  $ openrc default
";
        assert_eq!(text.trim_end(), expected.trim_end());
        let comparison = Comparison { cases: 1, observations: 9, differences: Vec::new() };
        assert_eq!(
            summary("graphs", &comparison, &sorted),
            "1 graphs, 9 observations, 0 documented differences, 0 consequences of them, 1 unexplained"
        );
    }
}
