//! The model: services, runlevels, configuration, and the commands that are run on them.

use std::collections::BTreeMap;
use std::fmt;

/// A word of `depend()`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Relation {
    /// Must have started.
    Need,
    /// Is started as well, may fail.
    Want,
    /// Goes first when it is in the runlevel.
    Use,
    /// Goes first when it is started.
    After,
    /// Goes later when it is started.
    Before,
    /// A virtual service that this one stands for.
    Provide,
    /// Circumstances in which the service does not take part.
    Keyword,
}

impl Relation {
    /// Those that name services which go first.
    pub const FORWARD: [Self; 4] = [Self::Need, Self::Want, Self::Use, Self::After];

    /// As written in a script.
    pub fn word(self) -> &'static str {
        match self {
            Self::Need => "need",
            Self::Want => "want",
            Self::Use => "use",
            Self::After => "after",
            Self::Before => "before",
            Self::Provide => "provide",
            Self::Keyword => "keyword",
        }
    }
}

/// What a service's functions do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Behaviour {
    /// Starts and stops.
    Plain,
    /// Starts and stops, each after so many hundredths of a second.
    Slow(u32),
    /// `start` returns this.
    FailStart(u8),
    /// `start_pre` returns 1.
    FailPre,
    /// `start_post` returns 1.
    FailPost,
    /// `stop` returns 1.
    FailStop,
    /// `stop_pre` returns 1.
    FailStopPre,
    /// Neither `start` nor `stop`.
    Empty,
    /// `start` marks the service inactive and succeeds.
    Inactive,
    /// A file with a syntax error.
    Syntax,
    /// A file that ends with `exit 1` before it defines anything.
    Exits,
    /// A file without the execute permission.
    NotExecutable,
    /// A program under `supervise-daemon`.
    Supervised,
    /// A program that puts itself in the background, by `command`, `pidfile` and start-stop-daemon.
    Daemon,
    /// `command` names a program that does not exist.
    NoProgram,
    /// `required_dirs` names a directory that does not exist.
    NoRequiredDirectory,
    /// `required_files` names a file, which exists or not.
    RequiredFile(bool),
}

/// A service script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// Name of the script.
    pub name: String,
    /// The lines of `depend()`.
    pub depend: Vec<(Relation, Vec<String>)>,
    /// What it does.
    pub behaviour: Behaviour,
    /// Lines of its file in `conf.d`.
    pub conf: Vec<String>,
    /// Another name of the same script, as `net.eth0` is one of `net.lo`.
    pub link_to: Option<String>,
}

impl Service {
    /// A service without dependencies.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), depend: Vec::new(), behaviour: Behaviour::Plain, conf: Vec::new(), link_to: None }
    }

    /// Adds a line to `depend()`.
    pub fn depends(&mut self, relation: Relation, on: impl Into<String>) {
        let on = on.into();
        match self.depend.iter_mut().find(|(known, _)| *known == relation) {
            Some((_, targets)) if targets.contains(&on) => {}
            Some((_, targets)) => targets.push(on),
            None => self.depend.push((relation, vec![on])),
        }
    }
}

/// What is read from a command's output, beside exit code and states.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reads {
    /// Nothing.
    Nothing,
    /// The table of `rc-status`.
    Status,
    /// The table of `rc-update show`.
    Update,
    /// Words, as a set.
    Words,
    /// Whether there is any.
    Existence,
}

/// One command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// For the shell.
    pub command: String,
    /// What of the output counts.
    pub reads: Reads,
}

/// Everything one case consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Graph {
    /// Its number; with the seed it names the graph.
    pub number: u32,
    /// What it is about.
    pub theme: &'static str,
    /// The scripts.
    pub services: Vec<Service>,
    /// Entries of the runlevels, by level.
    pub levels: BTreeMap<String, Vec<String>>,
    /// Runlevels within runlevels.
    pub stacked: Vec<(String, String)>,
    /// Lines of `rc.conf`.
    pub rc_conf: Vec<String>,
    /// The commands, in order.
    pub steps: Vec<Step>,
}

impl Graph {
    /// Adds a command.
    pub fn step(&mut self, command: impl Into<String>) {
        self.steps.push(Step { command: command.into(), reads: Reads::Nothing });
    }

    /// Adds a command whose output counts.
    pub fn read(&mut self, reads: Reads, command: impl Into<String>) {
        self.steps.push(Step { command: command.into(), reads });
    }

    /// Adds an entry to a runlevel.
    pub fn enlist(&mut self, level: &str, service: impl Into<String>) {
        let entries = self.levels.entry(level.to_owned()).or_default();
        let service = service.into();
        if !entries.contains(&service) {
            entries.push(service);
        }
    }
}

impl fmt::Display for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "graph {} ({})", self.number, self.theme)?;
        for line in &self.rc_conf {
            writeln!(f, "  rc.conf: {line}")?;
        }
        for service in &self.services {
            write!(f, "  {}", service.name)?;
            if let Some(target) = &service.link_to {
                write!(f, " = {target}")?;
            }
            if service.behaviour != Behaviour::Plain {
                write!(f, " [{:?}]", service.behaviour)?;
            }
            let lines = service.depend.iter().map(|(relation, on)| format!("{} {}", relation.word(), on.join(" ")));
            let lines: Vec<String> = lines.chain(service.conf.iter().map(|line| format!("conf: {line}"))).collect();
            writeln!(f, "{}{}", if lines.is_empty() { "" } else { ": " }, lines.join("; "))?;
        }
        for (level, entries) in &self.levels {
            writeln!(f, "  runlevel {level}: {}", entries.join(" "))?;
        }
        for (level, inner) in &self.stacked {
            writeln!(f, "  runlevel {level} holds runlevel {inner}")?;
        }
        Ok(())
    }
}
