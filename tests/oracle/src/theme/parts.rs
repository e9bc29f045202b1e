//! What themes share: services, an acyclic base, and the questions at the end.

use crate::graph::{Graph, Reads, Relation, Service};
use crate::random::Random;

/// Names that show what a name may look like; the order of the alphabet is not the order of dependencies.
const NAMES: [&str; 12] = ["mm", "dd", "net.q", "aa", "sys-log", "zz", "k_k", "bb", "x1", "oo", "cc", "tt"];

/// Adds `count` services with dependencies that have no cycle: a service depends on earlier ones only (or goes before later ones).
pub fn acyclic(graph: &mut Graph, random: &mut Random, count: usize) {
    let shift = random.below(NAMES.len());
    for index in 0..count.min(NAMES.len()) {
        let mut service = Service::new(NAMES[(index + shift) % NAMES.len()]);
        for _ in 0..random.below(3) {
            if index > 0 {
                let on = graph.services[random.below(index)].name.clone();
                let relation = random.pick(&Relation::FORWARD).copied().unwrap_or(Relation::Need);
                service.depends(relation, on);
            }
        }
        if index > 0 && random.chance(20) {
            let earlier = random.below(index);
            let name = service.name.clone();
            // `before`, written in the earlier one, of the later one.
            graph.services[earlier].depends(Relation::Before, name);
        }
        graph.services.push(service);
    }
}

/// Puts about `percent` of the services into a runlevel, at least one.
pub fn enlist_some(graph: &mut Graph, random: &mut Random, level: &str, percent: usize) {
    let names: Vec<String> = graph.services.iter().map(|service| service.name.clone()).collect();
    let chosen: Vec<&String> = names.iter().filter(|_| random.chance(percent)).collect();
    for name in &chosen {
        graph.enlist(level, name.as_str());
    }
    if chosen.is_empty()
        && let Some(name) = random.pick(&names)
    {
        graph.enlist(level, name.as_str());
    }
}

/// The name of one of the services.
pub fn any(graph: &Graph, random: &mut Random) -> String {
    random.pick(&graph.services).map(|service| service.name.clone()).unwrap_or_default()
}

/// The name of one that another service needs; any, when none is needed.
pub fn needed(graph: &Graph, random: &mut Random) -> String {
    let names = graph.services.iter().flat_map(|service| &service.depend);
    let names: Vec<&String> =
        names.filter(|(relation, _)| *relation == Relation::Need).flat_map(|(_, targets)| targets).collect();
    let own = |name: &&&String| graph.services.iter().any(|service| service.name == ***name);
    let names: Vec<&String> = names.iter().filter(own).copied().collect();
    random.pick(&names).map_or_else(|| any(graph, random), |name| (*name).clone())
}

/// The questions that end most graphs.
pub fn closing(graph: &mut Graph, random: &mut Random) {
    graph.read(Reads::Status, "rc-status");
    let name = any(graph, random);
    graph.step(format!("rc-service {name} status"));
    let name = any(graph, random);
    let kind = random.pick(&["ineed", "iuse", "iwant", "iafter", "ibefore", "needsme"]).copied().unwrap_or("ineed");
    graph.read(Reads::Words, format!("rc-depend -t {kind} {name}"));
}
