//! The meaning of a change of runlevel: services to stop and to start. Pure; `runner` does it.

use std::collections::BTreeSet;

use crate::depend::text::Kind;
use crate::depend::{Graph, Situation};
use crate::runlevel::{BOOT, REBOOT, SHUTDOWN, SINGLE, SYSINIT};

/// The goal of a change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Goal {
    /// Services to stop.
    pub stop: BTreeSet<String>,
    /// Services to start, without what they pull in.
    pub start: BTreeSet<String>,
}

/// What the administrator has set: the command line and `rc.conf`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GoalOptions {
    /// `openrc --no-stop`
    pub no_stop: bool,
    /// `rc_nostop` in rc.conf: services that stay up.
    pub keep: BTreeSet<String>,
    /// Started services whose daemons are gone.
    pub crashed: BTreeSet<String>,
    /// `rc_crashed_stop`
    pub stop_crashed: bool,
    /// `rc_crashed_start`
    pub start_crashed: bool,
}

/// True for the runlevels after which the machine is off.
pub fn goes_down(level: &str) -> bool {
    matches!(level, SHUTDOWN | REBOOT)
}

/// The services that the new runlevel starts: its own and hotplugged ones. Those of sysinit and boot were started
/// earlier; one that was stopped since was stopped on purpose.
fn own(now: &Situation) -> BTreeSet<String> {
    let level = if now.runlevel == REBOOT { SHUTDOWN } else { now.runlevel.as_str() };
    let mut own = now.members.get(level).cloned().unwrap_or_default();
    if !matches!(level, SHUTDOWN | SYSINIT | SINGLE) {
        own.extend(now.hotplugged.iter().cloned());
    }
    own
}

/// The services, and those enabled ones that they, or the services they pull in, use or come after: OpenRC starts these
/// as well.
fn with_enabled(graph: &Graph, own: BTreeSet<String>, enabled: &BTreeSet<String>) -> BTreeSet<String> {
    let mut seen = own.clone();
    let mut found = own.clone();
    let mut open: Vec<String> = own.into_iter().collect();
    while let Some(service) = open.pop() {
        let names = |kind| graph.kind(&service, kind);
        let pulled: Vec<String> = [Kind::Need, Kind::Want].into_iter().flat_map(names).collect();
        let mut earlier: Vec<String> = [Kind::Use, Kind::After].into_iter().flat_map(names).collect();
        earlier.extend(graph.pointing_at(&service, Kind::Before));
        let behind = |name: &String| graph.behind(name).into_iter().map(str::to_owned).collect::<Vec<_>>();
        let earlier: Vec<String> = earlier.iter().flat_map(behind).filter(|one| enabled.contains(one)).collect();
        found.extend(earlier.iter().cloned());
        let next = pulled.iter().flat_map(behind).chain(earlier);
        open.extend(next.filter(|one| seen.insert(one.clone())));
    }
    found
}

/// The services that should run in the situation's runlevel.
pub fn wanted(now: &Situation) -> BTreeSet<String> {
    let level = if now.runlevel == REBOOT { SHUTDOWN } else { now.runlevel.as_str() };
    let of = |level: &str| now.members.get(level).cloned().unwrap_or_default();
    let mut wanted = own(now);
    if level != SHUTDOWN && level != SYSINIT {
        wanted.extend(of(SYSINIT));
        if level != SINGLE {
            wanted.extend(of(BOOT));
        }
    }
    wanted
}

/// From the situation, with the new runlevel, to the goal.
pub fn goal(graph: &Graph, now: &Situation, options: &GoalOptions) -> Goal {
    let wanted = wanted(now);
    let down = goes_down(&now.runlevel);
    let kept = graph.pulled_in(&wanted);
    let stays = |service: &String| {
        options.keep.contains(service)
            || graph.has_keyword(service, "-stop")
            || (down && graph.has_keyword(service, "-shutdown"))
            || kept.contains(service)
            || (!down && !options.stop_crashed && options.crashed.contains(service))
    };
    let up: BTreeSet<String> = now.started.union(&now.inactive).cloned().collect();
    let mut goal = Goal::default();
    if !options.no_stop {
        goal.stop = up.iter().filter(|service| !stays(service)).cloned().collect();
        // A crashed service that belongs here is stopped, which cleans up, and started again.
        if options.start_crashed && !down {
            goal.stop.extend(options.crashed.intersection(&wanted).cloned());
        }
    }
    let own = own(now);
    // Running services may need or want one that was stopped since.
    let there: BTreeSet<String> = own.intersection(&up).cloned().collect();
    let missing = graph.pulled_in(&there).into_iter().filter(|service| !now.inactive.contains(service));
    let own = with_enabled(graph, own, &wanted);
    goal.start = own.into_iter().chain(missing.filter(|service| graph.exists(service))).collect();
    goal.start.extend(goal.stop.intersection(&wanted).cloned());
    goal.start.retain(|service| !up.contains(service) || goal.stop.contains(service));
    goal
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::depend::text::parse;

    fn set(words: &str) -> BTreeSet<String> {
        words.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn changes_of_runlevel() {
        let text = "service dev\nkeyword -shutdown\nend 0\nservice log\nend 0\nservice web\nneed db\nwant cache\nend 0\n\
                    service db\nend 0\nservice cache\nend 0\nservice x\nend 0\nservice tty\nkeyword -stop\nend 0\nservice off\nend 0\n";
        let graph = Graph::resolve(&parse(text.as_bytes()).services, "");
        let members = [
            ("sysinit", "dev"),
            ("boot", "log"),
            ("default", "web"),
            ("other", "x"),
            ("shutdown", "off"),
            ("single", ""),
        ];
        let members = members
            .into_iter()
            .map(|(level, words)| (level.to_owned(), set(words)))
            .collect::<std::collections::BTreeMap<_, _>>();
        // level, up, inactive, hotplugged -> stop, start
        let cases = [
            ("sysinit", "", "", "", "", "dev"),
            ("boot", "dev", "", "", "", "log"),
            ("default", "dev log", "", "", "", "web"),
            ("default", "dev log web db cache", "", "", "", ""),
            // Services that members need or want stay; manually started ones go.
            ("default", "dev log db x", "", "", "x", "web"),
            ("other", "dev log web db cache", "", "", "cache db web", "x"),
            ("other", "dev log web tty", "", "", "web", "x"),
            ("other", "dev log", "web", "", "web", "x"),
            ("other", "dev log db", "", "db", "", "x"),
            ("single", "dev log web db", "", "", "db log web", ""),
            ("single", "dev log db", "", "db", "db log", ""),
            ("boot", "dev log web db", "", "", "db web", ""),
            ("shutdown", "dev log web db tty", "", "", "db log web", "off"),
            ("reboot", "dev log", "", "log", "log", "off"),
        ];
        for (level, up, inactive, hotplugged, stop, start) in cases {
            let now = Situation {
                runlevel: level.to_owned(),
                members: members.clone(),
                started: set(up),
                inactive: set(inactive),
                hotplugged: set(hotplugged),
                strict: true,
            };
            let got = goal(&graph, &now, &GoalOptions::default());
            assert_eq!(got, Goal { stop: set(stop), start: set(start) }, "{level} | {up}");
            let got = goal(&graph, &now, &GoalOptions { no_stop: true, ..GoalOptions::default() });
            assert!(got.stop.is_empty());
        }
    }

    #[test]
    fn crashed_services() {
        let graph = Graph::resolve(&parse(b"service a\nend 0\nservice b\nend 0\n").services, "");
        let now = Situation {
            runlevel: "default".to_owned(),
            members: [("default".to_owned(), set("a"))].into(),
            started: set("a b"),
            ..Situation::default()
        };
        // stop_crashed, start_crashed -> stop, start
        let cases = [(false, true, "a", "a"), (false, false, "", ""), (true, false, "b", ""), (true, true, "a b", "a")];
        for (stop_crashed, start_crashed, stop, start) in cases {
            let options = GoalOptions { crashed: set("a b"), stop_crashed, start_crashed, ..GoalOptions::default() };
            assert_eq!(
                goal(&graph, &now, &options),
                Goal { stop: set(stop), start: set(start) },
                "{stop_crashed} {start_crashed}"
            );
        }
    }
}
