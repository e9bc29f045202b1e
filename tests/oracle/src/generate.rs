//! From a seed to graphs. What makes a theme is in [`crate::theme`]; here is what all share: services and an acyclic base.

use crate::graph::{Graph, Relation, Service};
use crate::random::Random;
use crate::theme;

/// The graphs `0..count` of a seed.
pub fn graphs(seed: u64, count: u32) -> Vec<Graph> {
    (0..count).map(|number| graph(seed, number)).collect()
}

/// One graph. Numbers go round the themes, so that any sixteen in a row show each theme once.
pub fn graph(seed: u64, number: u32) -> Graph {
    let mut random = Random::new(seed, u64::from(number));
    let themes = theme::ALL;
    let (name, make) = themes[number as usize % themes.len()];
    let mut graph = Graph {
        number,
        theme: name,
        services: Vec::new(),
        levels: Default::default(),
        stacked: Vec::new(),
        rc_conf: Vec::new(),
        steps: Vec::new(),
    };
    for level in ["sysinit", "boot", "default", "shutdown"] {
        graph.levels.insert(level.to_owned(), Vec::new());
    }
    make(&mut graph, &mut random);
    graph
}

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Behaviour;

    #[test]
    fn the_same_seed_gives_the_same_graphs() {
        assert_eq!(graphs(5, 40), graphs(5, 40));
        assert_ne!(graphs(5, 16), graphs(6, 16));
        // A graph does not depend on how many are asked for.
        assert_eq!(graphs(5, 40)[17], graph(5, 17));
    }

    #[test]
    fn the_base_is_acyclic() {
        for number in 0..200 {
            let mut graph = Graph { services: Vec::new(), ..graph(3, 0) };
            acyclic(&mut graph, &mut Random::new(3, number), 9);
            let place = |name: &str| graph.services.iter().position(|service| service.name == name);
            for (own, service) in graph.services.iter().enumerate() {
                for (relation, targets) in &service.depend {
                    for target in targets {
                        let other = place(target).unwrap();
                        assert_eq!(other > own, *relation == Relation::Before, "{graph}");
                    }
                }
            }
        }
    }

    #[test]
    fn two_hundred_graphs_show_everything_that_was_asked_for() {
        let graphs = graphs(1, 200);
        let services = || graphs.iter().flat_map(|graph| &graph.services);
        let relations = || services().flat_map(|service| &service.depend);
        for relation in [
            Relation::Need,
            Relation::Want,
            Relation::Use,
            Relation::After,
            Relation::Before,
            Relation::Provide,
            Relation::Keyword,
        ] {
            let seen = relations().filter(|(known, _)| *known == relation).count();
            assert!(seen >= 5, "{} occurs {seen} times", relation.word());
        }
        for behaviour in [
            Behaviour::FailStart(1),
            Behaviour::FailPre,
            Behaviour::FailStop,
            Behaviour::Inactive,
            Behaviour::Syntax,
            Behaviour::Supervised,
        ] {
            let seen = services().filter(|service| service.behaviour == behaviour).count();
            assert!(seen >= 3, "{behaviour:?} occurs {seen} times");
        }
        assert!(graphs.iter().filter(|graph| !graph.stacked.is_empty()).count() >= 10);
        assert!(graphs.iter().all(|graph| !graph.steps.is_empty()));
        let commands = || graphs.iter().flat_map(|graph| &graph.steps).map(|step| step.command.as_str());
        for part in
            [" stop", " restart", " zap", " status", "rc-update add", "rc-update del", "rc-update show", "openrc "]
        {
            assert!(commands().filter(|command| command.contains(part)).count() >= 10, "{part}");
        }
    }
}
