//! From a seed to graphs. What makes a theme is in [`crate::theme`]; [`crate::theme::parts`] has what all share.

use crate::graph::Graph;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Behaviour, Relation};
    use crate::theme::parts::acyclic;

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
