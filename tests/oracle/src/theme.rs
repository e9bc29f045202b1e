//! What a graph can be about. Each theme adds services, faults and commands to an empty graph.
//!
//! Themes of runlevels and of the graph itself are here, those of a single service's behaviour in [`behaviour`].

mod behaviour;
pub mod parts;

use self::parts::{acyclic, any, closing, enlist_some, needed};
use crate::graph::{Behaviour, Graph, Reads, Relation, Service};
use crate::random::Random;

/// A theme: it fills a graph.
pub type Theme = fn(&mut Graph, &mut Random);

/// All themes, by name.
pub const ALL: [(&str, Theme); 16] = [
    ("plain", plain),
    ("missing", missing),
    ("cyclic", cyclic),
    ("failing", behaviour::failing),
    ("slow", behaviour::slow),
    ("stacked", stacked),
    ("levels", levels),
    ("by hand", by_hand),
    ("virtual", virtual_services),
    ("rc-update", update),
    ("boot", boot),
    ("configured", configured),
    ("inactive", behaviour::inactive),
    ("daemons", behaviour::daemons),
    ("broken", behaviour::broken),
    ("mixed", mixed),
];

fn plain(graph: &mut Graph, random: &mut Random) {
    let count = 4 + random.below(5);
    acyclic(graph, random, count);
    enlist_some(graph, random, "default", 70);
    graph.step("openrc default");
    closing(graph, random);
    graph.step("openrc default");
    let name = any(graph, random);
    graph.read(Reads::Words, format!("rc-depend -t ineed -t iuse -t iwant -t iafter {name}"));
    graph.step("openrc shutdown");
}

fn missing(graph: &mut Graph, random: &mut Random) {
    let count = 4 + random.below(4);
    acyclic(graph, random, count);
    for _ in 0..1 + random.below(3) {
        let index = random.below(graph.services.len());
        let relation = random.pick(&[Relation::Need, Relation::Need, Relation::Want, Relation::Use, Relation::After]);
        graph.services[index].depends(relation.copied().unwrap_or(Relation::Need), "gone");
    }
    enlist_some(graph, random, "default", 70);
    if random.chance(40) {
        graph.enlist("default", "lost");
    }
    graph.step("openrc default");
    let name = any(graph, random);
    graph.step(format!("rc-service {name} start"));
    graph.step("rc-service gone start");
    graph.step("rc-service -i gone start");
    graph.step("rc-service -e gone");
    closing(graph, random);
}

fn cyclic(graph: &mut Graph, random: &mut Random) {
    let count = 4 + random.below(3);
    acyclic(graph, random, count);
    for _ in 0..1 + random.below(2) {
        let from = random.below(graph.services.len() - 1);
        let to = from + 1 + random.below(graph.services.len() - from - 1);
        let (first, last) = (graph.services[from].name.clone(), graph.services[to].name.clone());
        let relation = |random: &mut Random| random.pick(&Relation::FORWARD).copied().unwrap_or(Relation::Need);
        let (there, back) = (relation(random), relation(random));
        graph.services[from].depends(there, last);
        graph.services[to].depends(back, first);
    }
    enlist_some(graph, random, "default", 70);
    graph.step("openrc default");
    let name = any(graph, random);
    graph.step(format!("rc-service {name} start"));
    closing(graph, random);
    graph.step("openrc shutdown");
}

fn stacked(graph: &mut Graph, random: &mut Random) {
    let count = 5 + random.below(4);
    acyclic(graph, random, count);
    for level in ["base", "work", "default"] {
        enlist_some(graph, random, level, 35);
    }
    graph.stacked.push(("default".into(), "base".into()));
    graph.stacked.push(("work".into(), if random.chance(50) { "base" } else { "default" }.into()));
    graph.step("openrc default");
    graph.read(Reads::Status, "rc-status");
    graph.step("openrc work");
    graph.read(Reads::Status, "rc-status");
    graph.read(Reads::Update, "rc-update show");
    graph.step("openrc base");
    if random.chance(50) {
        graph.step("rc-update -s del base default");
        graph.step("openrc default");
        graph.step("rc-update -s del base default");
    } else {
        // A loop of its own: ring holds round, and that holds ring.
        graph.theme = "stacked in a loop";
        for level in ["ring", "round"] {
            enlist_some(graph, random, level, 35);
        }
        graph.stacked.push(("ring".into(), "round".into()));
        graph.step("rc-update -s add ring round");
        graph.step("rc-update -s add gone round");
        graph.step("openrc ring");
        // Back to where both agree; what went up and down on the way differs.
        graph.step("openrc default # from ring");
        graph.read(Reads::Status, "rc-status");
        graph.step("rc-update -s del ring round");
        graph.step("openrc ring # unlooped");
    }
    graph.read(Reads::Status, "rc-status");
}

fn levels(graph: &mut Graph, random: &mut Random) {
    let count = 5 + random.below(4);
    acyclic(graph, random, count);
    for level in ["default", "nonetwork", "work"] {
        enlist_some(graph, random, level, 40);
    }
    enlist_some(graph, random, "boot", 15);
    graph.step("openrc default");
    graph.step("openrc work");
    graph.read(Reads::Status, "rc-status");
    graph.step("openrc nonetwork");
    graph.step("openrc nolevel");
    let name = any(graph, random);
    graph.step(format!("rc-service {name} start"));
    graph.step("openrc default");
    graph.read(Reads::Status, "rc-status");
    graph.step("openrc");
    closing(graph, random);
}

fn by_hand(graph: &mut Graph, random: &mut Random) {
    let count = 5 + random.below(3);
    acyclic(graph, random, count);
    enlist_some(graph, random, "default", 70);
    graph.step("openrc default");
    for _ in 0..5 {
        let name = if random.chance(60) { needed(graph, random) } else { any(graph, random) };
        let command = *random
            .pick(&[
                "stop",
                "start",
                "restart",
                "stop",
                "zap",
                "status",
                "-s restart",
                "-S start",
                "-D stop",
                "-D start",
                "bogus",
            ])
            .unwrap_or(&"stop");
        // Options go before the service's name.
        match command.split_once(' ') {
            Some((option, command)) => graph.step(format!("rc-service {option} {name} {command}")),
            None => graph.step(format!("rc-service {name} {command}")),
        }
    }
    let name = any(graph, random);
    graph.step(format!("/etc/init.d/{name} start"));
    graph.step(format!("/etc/init.d/{name} stop start"));
    closing(graph, random);
    graph.step("openrc");
}

fn virtual_services(graph: &mut Graph, random: &mut Random) {
    let providers = 1 + random.below(3);
    for index in 0..providers {
        let mut service = Service::new(["pp", "vv", "ll"][index]);
        service.depends(Relation::Provide, "net");
        if random.chance(30) {
            service.depends(Relation::Provide, "extra");
        }
        if index > 0 && random.chance(30) {
            service.depends(Relation::After, "pp");
        }
        graph.services.push(service);
    }
    for name in ["dd", "mm", "ss", "aa"].iter().take(2 + random.below(3)) {
        let mut service = Service::new(*name);
        let relation = random.pick(&[Relation::Need, Relation::Need, Relation::Use, Relation::Want, Relation::After]);
        let target = if random.chance(85) { "net" } else { "extra" };
        service.depends(relation.copied().unwrap_or(Relation::Need), target);
        graph.services.push(service);
    }
    if random.chance(25) {
        graph.services[0].behaviour = Behaviour::FailStart(1);
    }
    enlist_some(graph, random, "default", 55);
    if random.chance(30) {
        graph.enlist("boot", "pp");
        graph.step("openrc boot");
    }
    if random.chance(30) {
        graph.step("rc-update -u");
        graph.step("rc-service pp start");
    }
    graph.step("openrc default");
    graph.read(Reads::Status, "rc-status");
    graph.read(Reads::Words, "rc-depend -t ineed -t iuse dd");
    graph.step("rc-service pp stop");
    let name = any(graph, random);
    graph.step(format!("rc-service {name} start"));
    graph.step("rc-service net start");
    closing(graph, random);
}

fn update(graph: &mut Graph, random: &mut Random) {
    let count = 4 + random.below(3);
    acyclic(graph, random, count);
    enlist_some(graph, random, "default", 40);
    enlist_some(graph, random, "boot", 20);
    if random.chance(60) {
        graph.step("openrc default");
    }
    for _ in 0..6 {
        let name = if random.chance(85) { any(graph, random) } else { "gone".to_owned() };
        let level = *random.pick(&["", " default", " boot", " nolevel", " default boot", " shutdown"]).unwrap_or(&"");
        match random.below(7) {
            0..3 => graph.step(format!("rc-update add {name}{level}")),
            3..5 => graph.step(format!("rc-update del {name}{level}")),
            5 => graph.step(format!("rc-update -a del {name}")),
            _ => graph.read(Reads::Update, format!("rc-update show{level}")),
        }
    }
    graph.read(Reads::Update, "rc-update show");
    graph.read(Reads::Update, "rc-update -v show");
    graph.step("rc-update frobnicate");
    graph.step("rc-update add");
    graph.step("rc-update -u");
    graph.step("openrc default");
    graph.read(Reads::Words, "rc-service -l");
}

fn boot(graph: &mut Graph, random: &mut Random) {
    let count = 6 + random.below(4);
    acyclic(graph, random, count);
    for (level, percent) in [("sysinit", 20), ("boot", 30), ("default", 40), ("shutdown", 10)] {
        enlist_some(graph, random, level, percent);
    }
    if random.chance(40) {
        let index = random.below(graph.services.len());
        let word = random.pick(&["-stop", "-shutdown", "-timeout"]).copied().unwrap_or("-timeout");
        graph.services[index].depends(Relation::Keyword, word);
    }
    // As at power-on: nobody has left a state.
    graph.step("rm -r /run/openrc");
    graph.step("openrc sysinit");
    graph.step("openrc boot");
    graph.step("openrc default");
    graph.read(Reads::Status, "rc-status");
    graph.read(Reads::Status, "rc-status -a");
    graph.step(if random.chance(50) { "openrc shutdown" } else { "openrc reboot" });
}

fn configured(graph: &mut Graph, random: &mut Random) {
    let count = 5 + random.below(3);
    acyclic(graph, random, count);
    for _ in 0..2 {
        let own = random.below(graph.services.len());
        let other = random.other(graph.services.len(), own).min(own);
        let target = graph.services[other].name.clone();
        if other == own {
            continue;
        }
        let line = match random.below(6) {
            0 => format!("rc_need=\"{target}\""),
            1 => format!("rc_after=\"{target}\""),
            2 => format!("rc_want=\"{target}\""),
            3 => format!("rc_need=\"!{target}\""),
            4 => format!("rc_use=\"!{target} !gone\""),
            _ => "rc_provide=\"thing\"".to_owned(),
        };
        graph.services[own].conf.push(line);
    }
    if random.chance(50) {
        let system = *random.pick(&["lxc", "docker", ""]).unwrap_or(&"");
        graph.rc_conf.push(format!("rc_sys=\"{system}\""));
        let index = random.below(graph.services.len());
        let word = random.pick(&["-lxc", "-containers", "!-containers", "-docker -lxc", "-jail"]).copied();
        graph.services[index].depends(Relation::Keyword, word.unwrap_or("-lxc"));
    }
    if random.chance(30) {
        let name = any(graph, random).replace(['.', '-'], "_");
        graph.rc_conf.push(format!("rc_{name}_need=\"gone\""));
    }
    if random.chance(30) {
        let index = random.below(graph.services.len());
        let relation = if random.chance(50) { Relation::After } else { Relation::Before };
        graph.services[index].depends(relation, "*");
    }
    let mut link = Service::new("multi.one");
    link.link_to = Some("multi".into());
    link.conf.push("word=one".into());
    graph.services.extend([Service::new("multi"), link]);
    enlist_some(graph, random, "default", 70);
    graph.enlist("default", "multi.one");
    graph.step("openrc default");
    graph.step("rc-service multi.one status");
    graph.step("rc-service multi start");
    graph.step("rc-service multi.one stop");
    closing(graph, random);
}

fn mixed(graph: &mut Graph, random: &mut Random) {
    let count = 7 + random.below(4);
    acyclic(graph, random, count);
    for service in &mut graph.services {
        if random.chance(30) {
            let choice = [Behaviour::FailStart(1), Behaviour::Slow(10), Behaviour::FailStop, Behaviour::Empty];
            service.behaviour = random.pick(&choice).cloned().unwrap_or(Behaviour::Plain);
        }
        if random.chance(10) {
            service.depends(Relation::Need, "gone");
        }
    }
    for (level, percent) in [("boot", 20), ("default", 60), ("work", 30)] {
        enlist_some(graph, random, level, percent);
    }
    if random.chance(50) {
        graph.stacked.push(("work".into(), "default".into()));
    }
    graph.step("openrc boot");
    graph.step("openrc default");
    let name = needed(graph, random);
    graph.step(format!("rc-service {name} stop"));
    graph.step("openrc work");
    closing(graph, random);
    graph.step("openrc shutdown");
}
