//! Themes about what a single service does: it fails, is slow, becomes inactive, is a daemon, is no valid script.

use super::parts::{acyclic, any, closing, enlist_some, needed};
use crate::graph::{Behaviour, Graph, Reads, Relation, Service};
use crate::random::Random;

/// Services of which some do not start or stop.
pub fn failing(graph: &mut Graph, random: &mut Random) {
    let count = 5 + random.below(3);
    acyclic(graph, random, count);
    let faults = [
        Behaviour::FailStart(1),
        Behaviour::FailStart(3),
        Behaviour::FailPre,
        Behaviour::FailPost,
        Behaviour::FailStop,
        Behaviour::FailStopPre,
        Behaviour::NoProgram,
        Behaviour::NoRequiredDirectory,
    ];
    for _ in 0..1 + random.below(3) {
        let index = random.below(graph.services.len());
        graph.services[index].behaviour = random.pick(&faults).cloned().unwrap_or(Behaviour::FailPre);
    }
    enlist_some(graph, random, "default", 75);
    graph.enlist("work", any(graph, random));
    // Nothing depends on these: what a missing file means is compared, and not what follows from it.
    for (name, exists) in [("has-file", true), ("lacks-file", false)] {
        let mut service = Service::new(name);
        service.behaviour = Behaviour::RequiredFile(exists);
        graph.services.push(service);
        graph.enlist("default", name);
    }
    graph.step("openrc default");
    graph.read(Reads::Status, "rc-status");
    graph.step("rc-service lacks-file start");
    graph.step("rc-service lacks-file zap");
    let own = Graph {
        services: graph.services.iter().filter(|service| !service.name.ends_with("-file")).cloned().collect(),
        ..graph.clone()
    };
    for _ in 0..2 {
        let name = needed(&own, random);
        let command = random.pick(&["start", "stop", "restart"]).copied().unwrap_or("stop");
        graph.step(format!("rc-service {name} {command}"));
    }
    graph.step("openrc work");
    closing(graph, random);
}

/// Services of which some take time.
pub fn slow(graph: &mut Graph, random: &mut Random) {
    let count = 4 + random.below(4);
    acyclic(graph, random, count);
    for _ in 0..2 {
        let index = random.below(graph.services.len());
        graph.services[index].behaviour = Behaviour::Slow(8 + u32::try_from(random.below(10)).unwrap_or_default());
    }
    enlist_some(graph, random, "default", 75);
    graph.step("openrc default");
    let name = needed(graph, random);
    graph.step(format!("rc-service {name} restart"));
    let name = needed(graph, random);
    graph.step(format!("rc-service {name} stop & rc-service {name} stop; wait"));
    closing(graph, random);
    graph.step("openrc shutdown");
}

/// A service that is not there yet when its start ends: those that need it wait until it is.
pub fn inactive(graph: &mut Graph, random: &mut Random) {
    let mut first = Service::new("later");
    first.behaviour = Behaviour::Inactive;
    graph.services.push(first);
    let count = 3 + random.below(3);
    let mut others = Graph { services: Vec::new(), ..graph.clone() };
    acyclic(&mut others, random, count);
    for mut service in others.services {
        if random.chance(50) {
            let relation =
                random.pick(&[Relation::Need, Relation::Need, Relation::Use, Relation::Want, Relation::After]);
            service.depends(relation.copied().unwrap_or(Relation::Need), "later");
        }
        graph.services.push(service);
    }
    enlist_some(graph, random, "default", 80);
    graph.enlist("default", "later");
    graph.step("openrc default");
    graph.step("rc-service later status");
    graph.read(Reads::Status, "rc-status");
    match random.below(3) {
        0 => graph.step("IN_BACKGROUND=yes rc-service later start"),
        1 => graph.step("rc-service later stop"),
        _ => graph.step("rc-service later zap"),
    }
    let name = any(graph, random);
    graph.step(format!("rc-service {name} start"));
    closing(graph, random);
    graph.step("openrc shutdown");
}

/// Programs that stay: alive, killed, stopped.
pub fn daemons(graph: &mut Graph, random: &mut Random) {
    for (name, behaviour) in [("under", Behaviour::Supervised), ("back", Behaviour::Daemon)] {
        let mut service = Service::new(name);
        service.behaviour = behaviour;
        graph.services.push(service);
    }
    for name in ["aa", "bb"] {
        let mut service = Service::new(name);
        let on = if random.chance(50) { "under" } else { "back" };
        let relation = random.pick(&Relation::FORWARD).copied().unwrap_or(Relation::Need);
        service.depends(relation, on);
        graph.services.push(service);
    }
    enlist_some(graph, random, "default", 80);
    graph.step("openrc default");
    graph.step("rc-service under start");
    graph.step("rc-service back start");
    graph.step("rc-service under status");
    graph.step("rc-service back status");
    graph.step("pgrep -f 'sleep 40[12]' | wc -l | grep -qx 2");
    let case = random.below(4);
    match case {
        0 => graph.step("rc-service under restart"),
        1 => graph.step("kill -9 $(cat /run/back.pid)"),
        2 => graph.step("rc-service back restart"),
        _ => graph.step("rc-service back stop"),
    }
    graph.step("rc-service back status");
    graph.read(Reads::Status, "rc-status");
    graph.step("rc-service back stop");
    if case == 1 {
        graph.step("rc-service back zap");
    }
    graph.step("rc-service under stop");
    graph.step("pgrep -f 'sleep 40[12]'");
    closing(graph, random);
}

/// Files that are no valid scripts, beside valid ones.
pub fn broken(graph: &mut Graph, random: &mut Random) {
    let count = 5 + random.below(3);
    acyclic(graph, random, count);
    let faults = [Behaviour::Syntax, Behaviour::Exits, Behaviour::NotExecutable, Behaviour::Empty];
    for _ in 0..1 + random.below(2) {
        let index = random.below(graph.services.len());
        graph.services[index].behaviour = random.pick(&faults).cloned().unwrap_or(Behaviour::Syntax);
    }
    // The name of a library; yet a service, by its first line.
    graph.services.push(Service::new("lib.sh"));
    enlist_some(graph, random, "default", 75);
    graph.step("openrc default");
    let broken = graph.services.iter().find(|service| faults.contains(&service.behaviour));
    let broken = broken.map(|service| service.name.clone()).unwrap_or_default();
    graph.step(format!("rc-service {broken} start"));
    graph.step(format!("rc-service {broken} status"));
    graph.step(format!("rc-service {broken} stop"));
    graph.step(format!("rc-service -e {broken}"));
    graph.read(Reads::Words, format!("rc-service -r {broken}"));
    graph.step(format!("rc-service -i {broken} start"));
    graph.step(format!("rc-update add {broken} boot"));
    graph.read(Reads::Update, "rc-update show");
    graph.read(Reads::Words, "rc-service -l");
    closing(graph, random);
}
