//! `openrc [RUNLEVEL]`: changes the runlevel. `goal` decides what that means, `depend` the order, and `runner` does it;
//! this module has the command line and what surrounds a change.

mod blocked;
mod captured;
mod goal;
mod journal;
mod queue;
mod runner;
mod settings;
pub mod timing;

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::time::{Duration, Instant};

use crate::daemons;
use crate::depend::load::{Source, system_type};
use crate::depend::situation::Direction;
use crate::depend::{Graph, Plan, Situation};
use crate::getopt::{Known, option, parse};
use crate::message::{eerror, einfo, ewarn, print};
use crate::paths::Paths;
use crate::runlevel::{BOOT, DEFAULT, Levels, REBOOT, SHUTDOWN, SINGLE, SYSINIT};
use crate::starter;
use crate::state::{self, State};

use goal::{Goal, GoalOptions, goal, goes_down};
use journal::Journal;
use queue::Outcome;
use runner::Runner;
use settings::Settings;

const OPTIONS: [Known; 9] = [
    option('n', "no-stop", false),
    option('o', "override", true),
    option('s', "service", true),
    option('S', "sys", false),
    option('h', "help", false),
    option('C', "nocolor", false),
    option('v', "verbose", false),
    option('q', "quiet", false),
    option('a', "no-auto", false),
];

const HELP: &str = "\
Usage: openrc [options] [RUNLEVEL]

Stops what does not belong in RUNLEVEL, then starts what does. Without RUNLEVEL: the current one.

  -n, --no-stop          stop nothing
  -o, --override LEVEL   when boot is left for `default`, go to LEVEL instead
  -s, --service SERVICE  run a service's command: as `rc-service SERVICE COMMAND`
  -S, --sys              print the kind of container this is, if it is one
  -C, --nocolor  -v, --verbose  -q, --quiet (twice: errors as well)  -h, --help  -V, --version";

/// How long to wait for another `openrc`.
const OTHER_RUN: Duration = Duration::from_secs(10);

/// Runs the program; the exit code.
pub fn run(args: &[String]) -> u8 {
    let paths = Paths::system();
    // Everything after --service belongs to that service.
    let options = match parse(&OPTIONS, args, args.iter().any(|arg| arg == "--service" || arg == "-s")) {
        Ok(options) => options,
        Err(problem) => {
            eerror(&format!("openrc: {problem}; `openrc --help` lists the options"));
            return 1;
        }
    };
    crate::rc_service::apply_common(&options);
    if options.has("help") {
        print(HELP);
        return 0;
    }
    if options.has("no-auto") {
        eerror("openrc: --no-auto is not supported: it is for services of users, which this system does not have");
        return 1;
    }
    if options.has("sys") {
        let system = system_type(&paths);
        if !system.is_empty() {
            print(&system);
        }
        return 0;
    }
    if let Some(service) = options.value("service") {
        let words: Vec<String> = std::iter::once(service.to_owned()).chain(options.rest.iter().cloned()).collect();
        return crate::rc_service::run(&words);
    }
    if !options.has("override") {
        if let Some(code) = starter::hand_over(&paths, "openrc", args) {
            return code;
        }
    }
    let result = match options.value("override") {
        Some(level) => set_override(&paths, level),
        None => change(&paths, options.rest.first().map(String::as_str), options.has("no-stop")),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            eerror(&format!("openrc: {error}"));
            1
        }
    }
}

fn set_override(paths: &Paths, level: &str) -> io::Result<u8> {
    if !Levels::read(paths)?.exists(level) {
        eerror(&format!("{level}: not a valid runlevel"));
        return Ok(1);
    }
    state::write_whole(&paths.state.join("krunlevel"), level.as_bytes()).map(|()| 0)
}

/// Enters a runlevel.
fn change(paths: &Paths, asked: Option<&str>, no_stop: bool) -> io::Result<u8> {
    let begun = Instant::now();
    let levels = Levels::read(paths)?;
    let current = state::runlevel(paths).unwrap_or_else(|| SYSINIT.to_owned());
    let mut level = target(paths, &levels, &current, asked);
    if level == REBOOT {
        // This tells services about a reboot; otherwise it is a shutdown.
        sys::set_variable("RC_REBOOT", "YES");
        level = SHUTDOWN.to_owned();
    }
    if !levels.exists(&level) && !matches!(level.as_str(), SYSINIT | BOOT | SINGLE | SHUTDOWN) {
        eerror(&format!("{level}: not a valid runlevel; `rc-status --list` lists them"));
        return Ok(1);
    }
    state::prepare(paths)?;
    let lock = state::Lock::wait(paths, ".openrc", Some(OTHER_RUN));
    if lock.is_err() {
        ewarn("another openrc has been at work for long; not waiting for it");
    }
    if level == SYSINIT {
        banner();
    }
    let settings = Settings::read(paths);
    let mut journal = Journal::open(paths, settings.log.clone(), level == SYSINIT);
    let graph = load_graph(paths)?;
    let now = Situation::read(paths, Some(&level))?;
    let goal_options = GoalOptions {
        no_stop,
        keep: settings.keep.clone(),
        crashed: crashed(paths, &now),
        stop_crashed: settings.stop_crashed,
        start_crashed: settings.start_crashed,
    };
    let goal = goal(&graph, &now, &goal_options);
    journal.event("openrc", &format!("{current}->{level}"), None);
    let change = Change { paths, graph: &graph, settings: &settings, level: &level };
    change.stop(&goal, &now, &mut journal)?;
    state::set_runlevel(paths, &level)?;
    change.start(&goal, &mut journal)?;
    journal.event("openrc", "own-cpu", own_cpu_time());
    journal.event("openrc", &format!("{level}-reached"), Some(begun.elapsed()));
    if level != SYSINIT {
        journal.settle();
    }
    Ok(0)
}

struct Change<'a> {
    paths: &'a Paths,
    graph: &'a Graph,
    settings: &'a Settings,
    level: &'a str,
}

impl Change<'_> {
    fn stop(&self, goal: &Goal, now: &Situation, journal: &mut Journal) -> io::Result<()> {
        let services: Vec<&String> = goal.stop.iter().collect();
        let plan = self.graph.stop_plan(now, &services);
        self.carry_out(&plan, Direction::Down, &BTreeSet::new(), journal)?;
        if goes_down(self.level) {
            // The last service to stop may provide /var/log.
            journal.settle();
        }
        Ok(())
    }

    fn start(&self, goal: &Goal, journal: &mut Journal) -> io::Result<()> {
        for service in State::Failed.services(self.paths) {
            // A new attempt.
            state::unmark(self.paths, &service, State::Failed)?;
        }
        let now = Situation::read(self.paths, Some(self.level))?;
        let unknown = goal.start.iter().filter(|name| self.graph.behind(name).is_empty());
        for service in unknown {
            let what = if self.paths.script(service).exists() { "is not a service script" } else { "does not exist" };
            ewarn(&format!(
                "{service} is in a runlevel, but /etc/init.d/{service} {what}; `rc-update -a del {service}` removes it"
            ));
            journal.event(service, "no-script", None);
        }
        let services: Vec<&String> = goal.start.iter().filter(|name| self.graph.exists(name)).collect();
        let plan = self.graph.start_plan(&now, &services);
        self.carry_out(&plan, Direction::Up, &now.inactive, journal)
    }

    /// A directory tells services about the change in progress (`rc.starting`, `rc.stopping`).
    fn carry_out(
        &self,
        plan: &Plan,
        direction: Direction,
        inactive: &BTreeSet<String>,
        journal: &mut Journal,
    ) -> io::Result<()> {
        if plan.steps.is_empty() {
            return Ok(());
        }
        let sign = self.paths.state.join(if direction == Direction::Up { "rc.starting" } else { "rc.stopping" });
        fs::create_dir_all(&sign)?;
        let going_down = (goes_down(self.level) || self.level == SINGLE) && direction == Direction::Down;
        let runner = Runner {
            paths: self.paths,
            graph: self.graph,
            settings: self.settings,
            level: self.level,
            direction,
            inactive,
            going_down,
        };
        let outcomes = runner.carry_out(plan, journal);
        fs::remove_dir(&sign)?;
        let failed: Vec<&str> = plan
            .steps
            .iter()
            .zip(&outcomes)
            .filter(|(_, o)| matches!(o, Outcome::Failed | Outcome::Blocked))
            .map(|(s, _)| s.service.as_str())
            .collect();
        if failed.len() > 1 {
            let what = if direction == Direction::Up { "not started" } else { "not stopped" };
            ewarn(&format!("{what}: {}", failed.join(", ")));
        }
        Ok(())
    }
}

/// The runlevel to enter. `openrc --override` or `softlevel=` on the kernel's command line can replace `default` after
/// boot; ignores a name that is not a runlevel.
fn target(paths: &Paths, levels: &Levels, current: &str, asked: Option<&str>) -> String {
    let asked = asked.unwrap_or(current);
    let saved = paths.state.join("krunlevel");
    if asked == DEFAULT && matches!(current, BOOT | SINGLE) {
        let line = fs::read_to_string(paths.root.join("proc/cmdline")).unwrap_or_default();
        let from_kernel = line.split_whitespace().filter_map(|word| word.strip_prefix("softlevel=")).next_back();
        let overridden = fs::read_to_string(&saved).ok();
        // Only once. Usually there is none.
        drop(fs::remove_file(&saved));
        let chosen = overridden.as_deref().or(from_kernel.filter(|_| current == BOOT)).map(str::trim);
        if let Some(chosen) = chosen.filter(|chosen| levels.exists(chosen)) {
            return chosen.to_owned();
        }
    }
    asked.to_owned()
}

/// The graph, and remarks about scripts if they were read again.
fn load_graph(paths: &Paths) -> io::Result<Graph> {
    let (graph, source) = Graph::load_from(paths, false)?;
    graph.remarks.iter().filter(|_| source == Source::Scripts).for_each(|remark| ewarn(remark));
    Ok(graph)
}

/// Processor time of this process alone, without the services': the cost of starting them.
fn own_cpu_time() -> Option<Duration> {
    // A kernel without scheduler statistics has no such file.
    let text = fs::read_to_string("/proc/self/schedstat").ok()?;
    text.split(' ').next()?.parse().ok().map(Duration::from_nanos)
}

fn crashed(paths: &Paths, now: &Situation) -> BTreeSet<String> {
    now.started.iter().filter(|service| daemons::is_crashed(paths, service)).cloned().collect()
}

fn banner() {
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    einfo(&format!("rc {} starts the services; Linux {}", env!("CARGO_PKG_VERSION"), kernel.trim()));
}
