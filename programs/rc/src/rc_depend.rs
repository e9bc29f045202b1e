//! `rc-depend`: lists dependencies, and makes the cache that an image ships.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;

use crate::depend::load::shipped_cache;
use crate::depend::situation::Direction;
use crate::depend::text::{Backward, Kind};
use crate::depend::{Graph, Situation};
use crate::getopt::{Known, Parsed, option, parse};
use crate::message::{eerror, ewarn, print};
use crate::paths::Paths;
use crate::rc_service::apply_common;

const OPTIONS: [Known; 12] = [
    option('a', "starting", false),
    option('o', "stopping", false),
    option('t', "type", true),
    option('T', "notrace", false),
    option('s', "strict", false),
    option('u', "update", false),
    option(' ', "write", true),
    option(' ', "root", true),
    option('h', "help", false),
    option('C', "nocolor", false),
    option('v', "verbose", false),
    option('q', "quiet", false),
];

const HELP: &str = "\
Usage: rc-depend [options] SERVICE...
   or: rc-depend --write FILE [--root DIRECTORY]

Lists the services that SERVICE depends on, in order, itself last.

  -t, --type TYPES      need, use, want, before, after, provide, or needsme, usesme, wantsme, providedby, broken
                        (separated by commas; need,use unless given)
  -T, --notrace         direct ones only
  -a, --starting        list all that would be started, as openrc would
  -o, --stopping        as if the system stopped: all providers of a name count
  -s, --strict          all enabled providers of a name count
  -u, --update          renew the cache first
      --write FILE      write a cache to be shipped in an image (/usr/lib/rc/deptree)
      --root DIRECTORY  of the system below DIRECTORY
  -C, --nocolor  -v, --verbose  -q, --quiet  -h, --help  -V, --version";

/// Runs the program; the exit code.
pub fn run(args: &[String]) -> u8 {
    let options = match parse(&OPTIONS, args, false) {
        Ok(options) => options,
        Err(problem) => return fail(&format!("{problem}; `rc-depend --help` lists the options")),
    };
    apply_common(&options);
    if options.has("help") {
        print(HELP);
        return 0;
    }
    let paths = match options.value("root") {
        Some(root) => match fs::canonicalize(root) {
            Ok(root) => Paths::below(&root, false),
            Err(error) => return fail(&format!("{root}: {error}")),
        },
        None => Paths::system(),
    };
    let result = match options.value("write") {
        Some(file) => write(&paths, Path::new(file)),
        None => list(&paths, &options),
    };
    result.unwrap_or_else(|error| fail(&error.to_string()))
}

fn write(paths: &Paths, file: &Path) -> io::Result<u8> {
    let (graph, bytes) = shipped_cache(paths)?;
    graph.remarks.iter().for_each(|remark| ewarn(remark));
    fs::write(file, bytes).map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", file.display())))?;
    Ok(0)
}

fn list(paths: &Paths, options: &Parsed) -> io::Result<u8> {
    let (graph, _) = Graph::load_from(paths, options.has("update"))?;
    graph.remarks.iter().filter(|_| options.has("update") || options.has("verbose")).for_each(|remark| ewarn(remark));
    if options.rest.is_empty() {
        return Ok(if options.has("update") { 0 } else { fail("no services specified") });
    }
    let mut situation = Situation::read(paths, None)?;
    situation.strict |= options.has("strict");
    if options.has("starting") {
        let plan = graph.start_plan(&Situation { started: BTreeSet::new(), ..situation }, &options.rest);
        plan.broken.iter().for_each(|broken| ewarn(&broken.to_string()));
        print(&plan.services().join(" "));
        return Ok(0);
    }
    let given: Vec<&str> =
        options.options.iter().filter(|(name, _)| *name == "type").filter_map(|(_, value)| value.as_deref()).collect();
    let words = if given.is_empty() { vec!["need,use"] } else { given };
    let mut types = Vec::new();
    for word in words.iter().flat_map(|words| words.split([',', ' '])).filter(|word| !word.is_empty()) {
        match Relation::parse(word) {
            Some(relation) => types.push(relation),
            None => return Ok(fail(&format!("unknown type `{word}'; `rc-depend --help` lists them"))),
        }
    }
    let direction = match (options.has("stopping"), options.has("strict")) {
        (true, _) => Some(Direction::Down),
        (false, true) => Some(Direction::Up),
        (false, false) => None,
    };
    let mut trace =
        Trace { graph: &graph, situation: &situation, types, direction, seen: BTreeSet::new(), found: Vec::new() };
    trace.walk(&options.rest, !options.has("notrace"));
    print(&trace.found.join(" "));
    Ok(0)
}

#[derive(Clone, Copy)]
enum Relation {
    Own(Kind),
    Other(Backward),
}

impl Relation {
    fn parse(word: &str) -> Option<Relation> {
        Kind::parse(word).map(Relation::Own).or_else(|| Backward::parse(word).map(Relation::Other))
    }

    /// True for relations that hold whether the other service is enabled or not.
    fn is_binding(self) -> bool {
        matches!(
            self,
            Relation::Own(Kind::Need | Kind::Want | Kind::Provide | Kind::Keyword | Kind::Config)
                | Relation::Other(Backward::NeedsMe | Backward::WantsMe | Backward::Broken | Backward::ProvidedBy)
        )
    }
}

/// A traversal of relations.
struct Trace<'g> {
    graph: &'g Graph,
    situation: &'g Situation,
    types: Vec<Relation>,
    /// `None`: virtual names mean their present providers.
    direction: Option<Direction>,
    seen: BTreeSet<String>,
    found: Vec<String>,
}

impl Trace<'_> {
    /// Lists services after those they lead to. A loop with its own stack, because scripts decide the depth.
    fn walk(&mut self, services: &[String], deep: bool) {
        let start = services.iter().rev().map(|name| (name.clone(), false, 0));
        let mut stack: Vec<(String, bool, usize)> = start.collect();
        while let Some((name, done, depth)) = stack.pop() {
            if done {
                self.found.push(name);
                continue;
            }
            if !self.seen.insert(name.clone()) {
                continue;
            }
            if self.graph.exists(&name) || depth > 0 {
                stack.push((name.clone(), true, depth));
            }
            if deep || depth == 0 {
                let next: Vec<String> =
                    self.types.clone().into_iter().flat_map(|relation| self.targets(&name, relation)).collect();
                stack.extend(next.into_iter().rev().map(|name| (name, false, depth + 1)));
            }
        }
    }

    fn targets(&self, name: &str, relation: Relation) -> Vec<String> {
        let words = match relation {
            Relation::Own(Kind::After) => self.ordered(name, Kind::After, Kind::Before),
            Relation::Own(Kind::Before) => self.ordered(name, Kind::Before, Kind::After),
            Relation::Own(kind @ (Kind::Provide | Kind::Keyword | Kind::Config)) => return self.graph.kind(name, kind),
            Relation::Own(kind) => self.graph.kind(name, kind),
            Relation::Other(Backward::Broken) => return self.graph.backward(name, Backward::Broken),
            Relation::Other(Backward::ProvidedBy) if self.graph.is_virtual(name) => vec![name.to_owned()],
            Relation::Other(Backward::ProvidedBy) => Vec::new(),
            Relation::Other(which) => self.graph.backward(name, which),
        };
        let up = |one: &&str| {
            relation.is_binding() || self.situation.is_enabled(one) || self.situation.started.contains(*one)
        };
        let meant = words.iter().flat_map(|word| match self.direction {
            Some(direction) => self.situation.meaning(self.graph, word, direction),
            None => self.situation.meaning_now(self.graph, word),
        });
        meant.filter(up).map(str::to_owned).collect()
    }

    /// `after` of the service itself, and `before` of others. A `*` names no service: it orders those that are there on
    /// a start, and OpenRC does not list it either.
    fn ordered(&self, name: &str, own: Kind, other: Kind) -> Vec<String> {
        let mut words = self.graph.kind(name, own);
        words.extend(self.graph.pointing_at(name, other));
        words
    }
}

fn fail(problem: &str) -> u8 {
    eerror(&format!("rc-depend: {problem}"));
    1
}
