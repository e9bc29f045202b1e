//! From files to the graph: through the cache if it is valid, otherwise from the scripts.

use std::collections::BTreeSet;
use std::fs;
use std::io;

use super::cache::{self, Cache};
use super::gather::gather;
use super::graph::Graph;
use super::survey::Survey;
use super::text::{Kind, Parsed, parse, render};
use crate::conf::Conf;
use crate::paths::Paths;
use crate::state::write_whole;

/// The source of the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A valid cache.
    Cache,
    /// The scripts.
    Scripts,
}

impl Graph {
    /// The graph of this system's services: from a cache, or gathered and then cached.
    pub fn load(paths: &Paths) -> io::Result<Graph> {
        Graph::load_from(paths, false).map(|(graph, _)| graph)
    }

    /// As `load`; `renew` ignores the caches. Also returns the source of the data.
    pub fn load_from(paths: &Paths, renew: bool) -> io::Result<(Graph, Source)> {
        let survey = Survey::make(paths)?;
        let places = [paths.state.join("deptree"), paths.lib.join("deptree")];
        for place in places.iter().filter(|_| !renew) {
            // No readable cache: try the next place, then the scripts.
            let Ok(bytes) = fs::read(place) else { continue };
            if let Some(cache) = cache::parse(&bytes).filter(|cache| survey.confirms(&cache.stamps)) {
                return Ok((resolved(parse(cache.text), paths), Source::Cache));
            }
        }
        let (parsed, bytes) = gathered(paths, &survey, true)?;
        if paths.state.is_dir() {
            // A user without write permission gathers again next time.
            drop(write_whole(&places[0], &bytes));
        }
        Ok((resolved(parsed, paths), Source::Scripts))
    }
}

/// Makes a cache for an image: the same bytes wherever it is made.
pub fn shipped_cache(paths: &Paths) -> io::Result<(Graph, Vec<u8>)> {
    let (parsed, bytes) = gathered(paths, &Survey::make(paths)?, false)?;
    Ok((resolved(parsed, paths), bytes))
}

fn gathered(paths: &Paths, survey: &Survey, with_times: bool) -> io::Result<(Parsed, Vec<u8>)> {
    let gathered = gather(paths, &survey.scripts(paths))?;
    let mut parsed = parse(&gathered.text);
    let configs: BTreeSet<String> = parsed
        .services
        .iter()
        .flat_map(|service| &service.calls)
        .filter(|(kind, _)| *kind == Kind::Config)
        .flat_map(|(_, words)| words.iter().filter(|word| word.starts_with('/')).cloned())
        .collect();
    let text = render(&parsed.services);
    let bytes = cache::render(&Cache { stamps: survey.stamps(&configs, with_times)?, text: text.as_bytes() });
    parsed.remarks.extend(gathered.remarks);
    Ok((parsed, bytes))
}

fn resolved(parsed: Parsed, paths: &Paths) -> Graph {
    let mut graph = Graph::resolve(&parsed.services, &system_type(paths));
    graph.remarks.extend(parsed.remarks);
    graph
}

/// OpenRC's name for the kind of container, in capitals, or empty on a machine. `rc_sys` in rc.conf overrides it.
pub fn system_type(paths: &Paths) -> String {
    system_type_by(&Conf::general(paths), paths)
}

/// As [`system_type`], for a caller that has read rc.conf.
pub fn system_type_by(conf: &Conf, paths: &Paths) -> String {
    if let Some(system) = conf.get("rc_sys") {
        return system.to_ascii_uppercase();
    }
    // Unreadable means not permitted; then the process is not a service of a container either.
    let environment = fs::read(paths.root.join("proc/1/environ")).unwrap_or_default();
    let container = environment.split(|byte| *byte == 0).find_map(|entry| entry.strip_prefix(b"container="));
    match container {
        Some(name) => String::from_utf8_lossy(name).to_ascii_uppercase(),
        None if paths.root.join(".dockerenv").exists() => "DOCKER".to_owned(),
        None => String::new(),
    }
}
