//! The present state, as far as order depends on it: enabled and running services.
//!
//! A plain value; `Situation::read` is the one effect.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use super::graph::Graph;
use crate::conf::Conf;
use crate::paths::Paths;
use crate::runlevel::Levels;
use crate::state::{self, State};

/// The direction of a change: virtual names mean different services then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Starting.
    Up,
    /// Stopping.
    Down,
}

/// Enabled and running services.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Situation {
    /// The runlevel being entered or used.
    pub runlevel: String,
    /// Members of each runlevel, those of stacked levels included.
    pub members: BTreeMap<String, BTreeSet<String>>,
    /// Running services.
    pub started: BTreeSet<String>,
    /// Services that wait for an external event (`mark_service_inactive`).
    pub inactive: BTreeSet<String>,
    /// Services that a device manager started.
    pub hotplugged: BTreeSet<String>,
    /// `rc_depend_strict`: all enabled providers of a needed name must come up, not just one.
    pub strict: bool,
}

impl Situation {
    /// Reads the state. `runlevel`: the one to consider; default the current one.
    pub fn read(paths: &Paths, runlevel: Option<&str>) -> io::Result<Situation> {
        let current = || state::runlevel(paths).unwrap_or_else(|| crate::runlevel::SYSINIT.to_owned());
        let set = |state: State| state.services(paths).into_iter().collect();
        Ok(Situation {
            runlevel: runlevel.map_or_else(current, str::to_owned),
            members: Levels::read(paths)?.members(),
            started: set(State::Started),
            inactive: set(State::Inactive),
            hotplugged: set(State::Hotplugged),
            strict: Conf::general(paths).yes("rc_depend_strict", true),
        })
    }

    /// True if the service is a member of that runlevel.
    pub fn in_level(&self, level: &str, service: &str) -> bool {
        self.members.get(level).is_some_and(|members| members.contains(service))
    }

    /// True if the service will run in this runlevel without a request: a member, or of boot or sysinit if this level
    /// includes those, or hotplugged.
    pub fn is_enabled(&self, service: &str) -> bool {
        let level = self.runlevel.as_str();
        self.in_level(level, service)
            || (!matches!(level, "sysinit" | "shutdown") && self.in_level("sysinit", service))
            || (!matches!(level, "sysinit" | "shutdown" | "single") && self.in_level("boot", service))
            || self.hotplugged.contains(service)
    }

    /// The services that a name means, in OpenRC's order: for stopping, all providers; for starting, all enabled ones;
    /// if none is enabled the running one, else the inactive one, else the first by name.
    pub fn meaning<'g>(&self, graph: &'g Graph, name: &str, direction: Direction) -> Vec<&'g str> {
        let behind = graph.behind(name);
        if direction == Direction::Down || behind.len() < 2 {
            return behind;
        }
        let enabled: Vec<&str> = behind.iter().copied().filter(|one| self.is_enabled(one)).collect();
        if !enabled.is_empty() {
            return enabled;
        }
        let up = behind.iter().find(|one| self.started.contains(**one));
        let waiting = || behind.iter().find(|one| self.inactive.contains(**one));
        up.or_else(waiting).or_else(|| behind.first()).copied().into_iter().collect()
    }

    /// The services that a name means without a change: the enabled and running ones, else a running one, else those
    /// that would be started.
    pub fn meaning_now<'g>(&self, graph: &'g Graph, name: &str) -> Vec<&'g str> {
        let mut up = graph.behind(name);
        up.retain(|one| self.started.contains(*one));
        let enabled: Vec<&str> = up.iter().copied().filter(|one| self.is_enabled(one)).collect();
        match (enabled.is_empty(), up.first()) {
            (false, _) => enabled,
            (true, Some(first)) => vec![*first],
            (true, None) => self.meaning(graph, name, Direction::Up),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::text::parse;
    use super::*;

    fn set(words: &str) -> BTreeSet<String> {
        words.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn which_provider() {
        let text = "service e0\nprovide net\nend 0\nservice e1\nprovide net\nend 0\nservice e2\nprovide net\nend 0\n";
        let graph = Graph::resolve(&parse(text.as_bytes()).services, "");
        // default, boot, started, inactive -> meaning
        let cases = [
            ("", "", "", "", "e0"),
            ("e1", "", "", "", "e1"),
            ("e1", "e2", "", "", "e1 e2"),
            ("e1", "", "e2", "", "e1"),
            ("", "", "e2", "", "e2"),
            ("", "", "", "e1", "e1"),
            ("", "", "e2", "e1", "e2"),
            ("", "e2", "e1", "", "e2"),
        ];
        for (default, boot, started, inactive, want) in cases {
            let situation = Situation {
                runlevel: "default".to_owned(),
                members: [("default".to_owned(), set(default)), ("boot".to_owned(), set(boot))].into(),
                started: set(started),
                inactive: set(inactive),
                ..Situation::default()
            };
            let case = format!("{default:?} {boot:?} {started:?} {inactive:?}");
            assert_eq!(situation.meaning(&graph, "net", Direction::Up).join(" "), want, "{case}");
            assert_eq!(situation.meaning(&graph, "net", Direction::Down).join(" "), "e0 e1 e2", "{case}");
            let now = if started.is_empty() { want } else { started };
            assert_eq!(situation.meaning_now(&graph, "net").join(" "), now, "{case}");
        }
    }
}
