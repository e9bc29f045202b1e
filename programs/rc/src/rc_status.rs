//! `rc-status`: the states of services, by runlevel, and the chart of their start times.

use std::collections::BTreeSet;
use std::fs;
use std::io;

use crate::daemons;
use crate::depend::text::Kind;
use crate::depend::{Graph, Situation};
use crate::getopt::{Known, Parsed, option, parse};
use crate::message::{eerror, ewarn, print};
use crate::openrc::timing;
use crate::paths::Paths;
use crate::rc_service::{apply_common, scripts};
use crate::runlevel::{BOOT, Levels, SYSINIT};
use crate::state::{self, State};

const OPTIONS: [Known; 14] = [
    option('a', "all", false),
    option('c', "crashed", false),
    option('f', "format", true),
    option('l', "list", false),
    option('m', "manual", false),
    option('r', "runlevel", false),
    option('s', "servicelist", false),
    option('S', "supervised", false),
    option('u', "unused", false),
    option(' ', "timing", false),
    option('h', "help", false),
    option('C', "nocolor", false),
    option('v', "verbose", false),
    option('q', "quiet", false),
];

const HELP: &str = "\
Usage: rc-status [options] [RUNLEVEL...]

Without RUNLEVEL: the current one, and what runs besides.

  -a, --all          all runlevels
  -c, --crashed      crashed services; fails if there are none
  -f, --format ini   for programs to read
  -l, --list         all runlevels' names
  -m, --manual       services that run and are in no runlevel
  -r, --runlevel     the current runlevel's name
  -s, --servicelist  all services
  -S, --supervised   services under supervise-daemon
  -u, --unused       services in no runlevel
      --timing       chart of what waited for what when the services were started
  -C, --nocolor  -v, --verbose  -q, --quiet  -h, --help  -V, --version";

/// Runs the program; the exit code.
pub fn run(args: &[String]) -> u8 {
    let options = match parse(&OPTIONS, args, false) {
        Ok(options) => options,
        Err(problem) => return fail(&format!("{problem}; `rc-status --help` lists the options")),
    };
    apply_common(&options);
    if options.has("help") {
        print(HELP);
        return 0;
    }
    if options.value("format").is_some_and(|format| format != "ini") {
        return fail("the only format is `ini`");
    }
    let paths = Paths::system();
    if options.has("timing") {
        return show_timing(&paths);
    }
    match Report::make(&paths).and_then(|report| report.answer(&options)) {
        Ok(code) => code,
        Err(error) => fail(&error.to_string()),
    }
}

fn show_timing(paths: &Paths) -> u8 {
    // No file: nothing was started, and the chart says so.
    let text = fs::read_to_string(paths.state.join("timing")).unwrap_or_default();
    let width = sys::columns().map_or(100, usize::from);
    print(timing::chart(&timing::parse(&text), width).trim_end());
    0
}

/// The facts for an answer.
struct Report<'p> {
    paths: &'p Paths,
    levels: Levels,
    current: String,
    now: Situation,
    graph: Graph,
    /// All services in the order in which they would start.
    order: Vec<String>,
}

impl<'p> Report<'p> {
    fn make(paths: &'p Paths) -> io::Result<Report<'p>> {
        let levels = Levels::read(paths)?;
        let now = Situation::read(paths, None)?;
        // Without a graph the order is that of names.
        let graph = Graph::load(paths).unwrap_or_else(|error| {
            ewarn(&format!("the dependencies are not known: {error}"));
            Graph::default()
        });
        let names: Vec<String> = graph.services().map(|(name, _)| name.to_owned()).collect();
        let plan = graph.start_plan(&Situation { started: BTreeSet::new(), ..now.clone() }, &names);
        let mut order: Vec<String> = plan.services().into_iter().map(str::to_owned).collect();
        let others: BTreeSet<String> = scripts(paths).into_iter().chain(now.started.iter().cloned()).collect();
        order.extend(others.into_iter().filter(|name| !names.contains(name)));
        Ok(Report { paths, current: now.runlevel.clone(), levels, now, graph, order })
    }

    fn answer(&self, options: &Parsed) -> io::Result<u8> {
        let ini = options.value("format").is_some();
        if options.has("runlevel") {
            print(&self.current);
        } else if options.has("list") {
            self.levels.0.keys().for_each(|level| print(level));
        } else if options.has("crashed") {
            let crashed = self.select(|name| self.is_crashed(name));
            crashed.iter().for_each(|name| print(&format!(" {name}")));
            return Ok(u8::from(crashed.is_empty()));
        } else if options.has("manual") {
            self.rows(
                &self.select(|name| self.now.started.contains(name) && self.levels.holding(name).is_empty()),
                ini,
            );
        } else if options.has("unused") {
            self.rows(&self.select(|name| self.levels.holding(name).is_empty()), ini);
        } else if options.has("servicelist") {
            self.rows(&self.select(|name| self.graph.exists(name) || self.now.started.contains(name)), ini);
        } else if options.has("supervised") {
            self.rows(&self.select(|name| state::get_value(self.paths, name, "child_pid").is_some()), ini);
        } else {
            return Ok(self.by_level(options, ini));
        }
        Ok(0)
    }

    fn by_level(&self, options: &Parsed, ini: bool) -> u8 {
        for level in &options.rest {
            if !self.levels.exists(level) {
                return fail(&format!("runlevel `{level}' does not exist"));
            }
        }
        let all: Vec<String> = self.levels.0.keys().cloned().collect();
        let shown = match (options.has("all"), options.rest.is_empty()) {
            (true, _) => all,
            (false, false) => options.rest.clone(),
            (false, true) => self.with_stacks(&self.current),
        };
        for (at, level) in shown.iter().enumerate() {
            let is_stacked = at > 0 && !options.has("all") && options.rest.is_empty();
            let kind = if is_stacked { "Stacked " } else { "" };
            print(&if ini { format!("[{kind}{level}]") } else { format!("{kind}Runlevel: {level}") });
            let members = self.levels.0.get(level).map(|found| found.services.clone()).unwrap_or_default();
            // Without dangling links, and without services for other systems.
            self.rows(&self.select(|name| members.contains(name) && self.graph.exists(name)), ini);
        }
        if options.rest.is_empty() {
            self.dynamic(ini);
        }
        0
    }

    fn dynamic(&self, ini: bool) {
        let mut belongs: BTreeSet<String> =
            [SYSINIT, BOOT, &self.current].into_iter().flat_map(|level| self.levels.services(level)).collect();
        let title =
            |name: &str| print(&if ini { format!("[Dynamic {name}]") } else { format!("Dynamic Runlevel: {name}") });
        title("hotplugged");
        self.rows(&self.select(|name| self.now.hotplugged.contains(name)), ini);
        belongs.extend(self.now.hotplugged.iter().cloned());
        let mut pulled: BTreeSet<String> = self
            .graph
            .services()
            .flat_map(|(_, node)| [Kind::Need, Kind::Want].map(|kind| node.get(kind)))
            .flatten()
            .flat_map(|name| self.who_serves(name))
            .map(str::to_owned)
            .collect();
        pulled.extend(belongs.iter().cloned());
        let is_up = |name: &str| self.now.started.contains(name) || self.now.inactive.contains(name);
        title("needed/wanted");
        self.rows(&self.select(|name| is_up(name) && pulled.contains(name) && !belongs.contains(name)), ini);
        title("manual");
        self.rows(&self.select(|name| is_up(name) && !pulled.contains(name)), ini);
    }

    /// The services that a needed name means now: of the running ones, the enabled ones if there are any.
    fn who_serves(&self, name: &str) -> Vec<&str> {
        let behind = self.graph.behind(name);
        let up: Vec<&str> = behind.into_iter().filter(|one| self.now.started.contains(*one)).collect();
        let enabled: Vec<&str> = up.iter().copied().filter(|one| self.now.is_enabled(one)).collect();
        if enabled.is_empty() { up } else { enabled }
    }

    fn with_stacks(&self, level: &str) -> Vec<String> {
        let mut found = vec![level.to_owned()];
        let mut at = 0;
        while let Some(stacks) =
            found.get(at).map(|name| self.levels.0.get(name).map(|l| l.stacks.clone()).unwrap_or_default())
        {
            let new: Vec<String> = stacks.into_iter().filter(|name| !found.contains(name)).collect();
            found.extend(new);
            at += 1;
        }
        found
    }

    fn select(&self, wanted: impl Fn(&str) -> bool) -> Vec<String> {
        self.order.iter().filter(|name| wanted(name)).cloned().collect()
    }

    fn rows(&self, names: &[String], ini: bool) {
        let width = sys::columns().map_or(80, usize::from);
        for name in names {
            let word = self.word(name);
            if ini {
                print(&format!("{name} = {word}"));
            } else {
                let padding = width.saturating_sub(name.chars().count() + 1 + word.chars().count() + 4).max(1);
                print(&format!(" {name}{:padding$}[ {word} ]", ""));
            }
        }
    }

    fn is_crashed(&self, name: &str) -> bool {
        self.now.started.contains(name) && daemons::is_crashed(self.paths, name)
    }

    /// The state in the width that OpenRC gives it.
    fn word(&self, name: &str) -> String {
        let states = State::of(self.paths, name);
        let word = match states.major() {
            State::Started if self.is_crashed(name) => "crashed",
            State::Stopped if states.has(State::Crashed) => "crashed",
            State::Stopped if state::is_scheduled(self.paths, name) => "scheduled",
            State::Stopped if states.has(State::Failed) => "failed",
            major => major.word(),
        };
        format!(" {word} ")
    }
}

fn fail(problem: &str) -> u8 {
    eerror(&format!("rc-status: {problem}"));
    1
}
