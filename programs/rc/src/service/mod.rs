//! `openrc-run`: runs the commands of one service script.
//!
//! This module has options, names and commands. [`change`] starts and stops; [`dependencies`] handles other services;
//! [`shell`] runs the script, with a time limit, and is the only place that starts a shell.

mod change;
mod dependencies;
pub mod options;
mod shell;

use crate::conf::Conf;
use crate::depend::Graph;
use crate::depend::text::Kind;
use crate::getopt;
use crate::message;
use crate::paths::{Paths, is_service_name};
use crate::starter;
use crate::state::{self, State};
use options::{OPTIONS, script_of};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

const USAGE: &str = "\
Usage: openrc-run SCRIPT [options] COMMAND...      (usually: SCRIPT COMMAND, or rc-service SERVICE COMMAND)

Commands: start stop restart status zap describe ineed iuse iwant needsme usesme wantsme, and those of the script
  -d, --debug      show what the script does        -D, --nodeps   pay no regard to other services
  -s, --ifstarted  only if it is started            -S, --ifstopped  only if it is stopped
  -Z, --dry-run    say what would be started or stopped
  -q, --quiet      no information                   -v, --verbose  more information
  -C, --nocolor    no colours";

/// The caller's share of the work around the script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Care {
    /// None: we start and stop other services, and limit the time.
    Ours,
    /// Other services are done; we limit the time.
    OnlyTime,
    /// `openrc` has a plan and a clock.
    Planned,
}

/// A service and its context.
struct Service {
    paths: Paths,
    name: String,
    script: PathBuf,
    care: Care,
    dry_run: bool,
}

/// Runs it.
pub fn run(args: &[String]) -> u8 {
    match parse(args) {
        Ok(Some((service, commands))) => service.hand_over(args, &commands).unwrap_or_else(|| service.all(&commands)),
        Ok(None) => 0,
        Err(text) => {
            message::eerror(&format!("openrc-run: {text}"));
            1
        }
    }
}

fn worse(before: u8, now: u8) -> u8 {
    if now == 0 { before } else { now }
}

impl Service {
    /// Runs the commands in order. A failed change ends it; a negative answer does not.
    fn all(&self, commands: &[Command]) -> u8 {
        let mut result = 0;
        for command in commands {
            let code = self.command(command);
            if code != 0 {
                result = code;
                if matches!(command.words[0].as_str(), "start" | "stop" | "restart") {
                    break;
                }
            }
        }
        result
    }
}

/// A command, with its dependence on the present state.
struct Command {
    words: Vec<String>,
    only_if: Option<State>,
}

fn parse(args: &[String]) -> Result<Option<(Service, Vec<Command>)>, String> {
    let parsed = getopt::parse(&OPTIONS, args, false)?;
    let mut rest = parsed.rest.clone();
    if parsed.has("help") || rest.is_empty() {
        message::print(USAGE);
        return if parsed.has("help") { Ok(None) } else { Err("no script given".into()) };
    }
    let paths = Paths::system();
    let given = PathBuf::from(rest.remove(0));
    let (name, script) = locate(&paths, &given)?;
    for (option, variable) in
        [("quiet", "EINFO_QUIET"), ("verbose", "EINFO_VERBOSE"), ("nocolor", "RC_NOCOLOR"), ("debug", "RC_DEBUG")]
    {
        if parsed.has(option) {
            sys::set_variable(variable, "yes");
        }
    }
    if Conf::general(&paths).yes("rc_nocolor", false) {
        sys::set_variable("RC_NOCOLOR", "yes");
    }
    if rest.is_empty() {
        return Err(format!("{name}: not enough arguments; for example: start, stop, status"));
    }
    let care = match env::var("RC_PLANNED").as_deref() {
        Ok("time") => Care::OnlyTime,
        Ok(_) => Care::Planned,
        Err(_) if parsed.has("nodeps") => Care::OnlyTime,
        Err(_) => Care::Ours,
    };
    // Services that the script itself starts are not part of the plan.
    sys::unset_variable("RC_PLANNED");
    let only_if = match (parsed.has("ifstarted"), parsed.has("ifstopped")) {
        (true, _) => Some(State::Started),
        (_, true) => Some(State::Stopped),
        _ => None,
    };
    let commands = rest.into_iter().map(|word| Command { words: vec![word], only_if }).collect();
    Ok(Some((Service { paths, name, script, care, dry_run: parsed.has("dry-run") }, commands)))
}

/// Name and script of a service, from the path of the call. A link in a runlevel refers to the script itself.
fn locate(paths: &Paths, given: &Path) -> Result<(String, PathBuf), String> {
    let name = given.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
    if !is_service_name(&name) {
        return Err(format!("`{}` cannot be a service: the last part must be its name", given.display()));
    }
    let absolute = std::path::absolute(given).map_err(|error| format!("{}: {error}", given.display()))?;
    if !absolute.exists() {
        return Err(format!("script `{}` not found", absolute.display()));
    }
    let standard = paths.script(&name);
    let is_same = fs::canonicalize(&standard).ok() == fs::canonicalize(&absolute).ok();
    Ok((name, if is_same { standard } else { absolute }))
}

/// Whether a command only reports, so that nothing is left when it has ended.
pub fn only_asks(word: &str) -> bool {
    matches!(word, "status" | "describe") || kind_of(word).is_some() || backward(word)
}

impl Service {
    /// For a login, lets the starter run it. A script outside /etc/init.d runs in the caller's own process, with the
    /// caller's login UID.
    fn hand_over(&self, args: &[String], commands: &[Command]) -> Option<u8> {
        let is_service = self.script == self.paths.script(&self.name);
        if !is_service || commands.iter().all(|command| only_asks(&command.words[0])) {
            return None;
        }
        // As found, because a relative path has a meaning only here.
        let given = args.iter().position(|word| *word == script_of(args).unwrap_or_default())?;
        let mut args = args.to_owned();
        args[given] = self.script.to_str()?.to_owned();
        starter::hand_over(&self.paths, "openrc-run", &args)
    }

    fn command(&self, command: &Command) -> u8 {
        let word = command.words[0].as_str();
        let state = State::of(&self.paths, &self.name);
        if command.only_if.is_some_and(|wanted| !state.has(wanted)) {
            return 0;
        }
        let asks = only_asks(word);
        if !asks && !self.paths.is_test && sys::uid() != 0 {
            message::eerror(&format!("{}: superuser access required", self.name));
            return 1;
        }
        if !asks {
            if let Err(error) = state::prepare(&self.paths) {
                message::eerror(&format!(
                    "{}: cannot keep state in {}: {error}",
                    self.name,
                    self.paths.state.display()
                ));
                return 1;
            }
        }
        match word {
            "start" => self.start("start"),
            "stop" => self.stop("stop"),
            "pause" => self.stop("stop"),
            "restart" => self.restart(),
            "conditionalrestart" | "condrestart" if state.has(State::Started) => self.restart(),
            "conditionalrestart" | "condrestart" => 0,
            "zap" => self.zap(),
            _ if kind_of(word).is_some() || backward(word) => self.relations(word),
            _ => self.run_script(&command.words, word).code(),
        }
    }

    fn zap(&self) -> u8 {
        message::einfo(&format!("Manually resetting {} to stopped state", self.name));
        if let Err(error) = state::forget_waiting(&self.paths, &self.name) {
            message::ewarn(&format!("{}: services that wait for it cannot be notified: {error}", self.name));
        }
        self.mark(State::Stopped)
    }

    /// Sets the state; 1 if that cannot be written.
    fn mark(&self, state: State) -> u8 {
        match state::mark(&self.paths, &self.name, state) {
            Ok(()) => 0,
            Err(error) => {
                let at = self.paths.state.display();
                message::eerror(&format!("{}: cannot mark it {} in {at}: {error}", self.name, state.word()));
                1
            }
        }
    }

    /// `ineed`, `needsme` and so on: prints names.
    fn relations(&self, word: &str) -> u8 {
        let graph = match Graph::load(&self.paths) {
            Ok(graph) => graph,
            Err(error) => {
                message::eerror(&format!("{}: failed to load the dependencies: {error}", self.name));
                return 1;
            }
        };
        let names = match kind_of(word) {
            Some(kind) => graph.kind(&self.name, kind),
            None => match word {
                "needsme" => graph.pointing_at(&self.name, Kind::Need),
                "usesme" => graph.pointing_at(&self.name, Kind::Use),
                _ => graph.pointing_at(&self.name, Kind::Want),
            },
        };
        if !names.is_empty() {
            message::print(&names.join(" "));
        }
        0
    }
}

fn kind_of(word: &str) -> Option<Kind> {
    Some(match word {
        "ineed" => Kind::Need,
        "iuse" => Kind::Use,
        "iwant" => Kind::Want,
        "iafter" => Kind::After,
        "ibefore" => Kind::Before,
        "iprovide" => Kind::Provide,
        _ => return None,
    })
}

fn backward(word: &str) -> bool {
    matches!(word, "needsme" | "usesme" | "wantsme")
}
