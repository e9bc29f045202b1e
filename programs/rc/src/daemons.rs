//! The daemons that a service started: files below `daemons/SERVICE`, one per daemon, and whether they still run.

use sys::Pid;

use crate::cgroup::{self, Membership};
use crate::paths::Paths;
use crate::process::{self, Pattern, PidFile, Process};
use crate::state;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A daemon that a service started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Daemon {
    /// Its program.
    pub exec: Option<String>,
    /// Its arguments.
    pub args: Vec<String>,
    /// Its short name.
    pub name: Option<String>,
    /// Its pid file.
    pub pidfile: Option<String>,
    /// Its PID, if we started the process ourselves.
    pub pid: Option<Pid>,
    /// Start time of that process in the kernel's clock ticks: PIDs are reused.
    pub start: Option<u64>,
}

impl Daemon {
    fn render(&self) -> String {
        let one_line = |text: &str| text.replace('\n', " ");
        let mut text = format!("exec={}\n", one_line(self.exec.as_deref().unwrap_or("")));
        for (index, arg) in self.args.iter().enumerate() {
            text.push_str(&format!("argv_{index}={}\n", one_line(arg)));
        }
        text.push_str(&format!("name={}\n", one_line(self.name.as_deref().unwrap_or(""))));
        text.push_str(&format!("pidfile={}\n", one_line(self.pidfile.as_deref().unwrap_or(""))));
        if let Some(pid) = self.pid {
            text.push_str(&format!("pid={pid}\n"));
        }
        if let Some(start) = self.start {
            text.push_str(&format!("start={start}\n"));
        }
        text
    }

    fn parse(text: &str) -> Daemon {
        let mut daemon = Daemon::default();
        let given = |value: &str| Some(value.to_owned()).filter(|value| !value.is_empty());
        for (key, value) in text.lines().filter_map(|line| line.split_once('=')) {
            match key {
                "exec" => daemon.exec = given(value),
                "name" => daemon.name = given(value),
                "pidfile" => daemon.pidfile = given(value),
                "pid" => daemon.pid = process::parse_pid(value),
                "start" => daemon.start = value.parse().ok(),
                _ if key.starts_with("argv_") => daemon.args.push(value.to_owned()),
                _ => {}
            }
        }
        daemon
    }

    /// Whether another record is of the same daemon.
    fn is(&self, other: &Daemon) -> bool {
        match (&self.pidfile, &other.pidfile) {
            (Some(own), Some(others)) => own == others,
            (None, None) => self.exec == other.exec && self.name == other.name,
            _ => false,
        }
    }

    /// Whether this is the process that we started, whatever program it runs now.
    fn made(&self, found: &Process) -> bool {
        self.pid == Some(found.pid) && self.start.is_none_or(|start| start == found.start)
    }

    /// Its process that we started, if it still runs.
    pub fn process(&self) -> Option<Process> {
        self.start?;
        process::read(self.pid?).filter(|found| self.made(found))
    }

    /// The criteria for its processes.
    pub fn pattern(&self) -> Pattern {
        Pattern { exec: self.exec.clone(), args: Vec::new(), name: self.name.clone(), uid: None }
    }

    /// Whether it runs. Does not believe a pid file that names another user's process, as far as that can be known.
    pub fn runs(&self, paths: &Paths, service: &str) -> bool {
        let by_number = |pid: Pid| match process::read(pid) {
            Some(found) => !is_foreign(paths, service, self, &found),
            // A caller without permission learns only that it exists.
            None => process::is_hidden(pid),
        };
        match (&self.pidfile, self.pid) {
            (Some(file), _) => match process::read_pid_file(Path::new(file)) {
                PidFile::Names { pid, .. } => by_number(pid),
                PidFile::Absent | PidFile::Unusable(_) => false,
            },
            (None, Some(pid)) if by_number(pid) => true,
            (None, _) => !self.pattern().is_empty() && !process::find(&self.pattern()).is_empty(),
        }
    }
}

fn is_foreign(paths: &Paths, service: &str, daemon: &Daemon, found: &Process) -> bool {
    if daemon.pattern().fits(found, false) {
        return false;
    }
    match cgroup::membership(paths, service, found.pid) {
        Membership::Ours => false,
        Membership::Other => true,
        // Without control groups: it may have changed its program, but then it has the known PID.
        Membership::Unknown => daemon.pid.is_some() && !daemon.made(found),
    }
}

fn directory(paths: &Paths, service: &str) -> PathBuf {
    paths.state.join("daemons").join(service)
}

fn files(paths: &Paths, service: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(directory(paths, service)) else { return Vec::new() };
    let mut found: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    found.sort();
    found
}

/// The daemons of a service, in the order in which they were started.
pub fn of(paths: &Paths, service: &str) -> Vec<Daemon> {
    let read = |path: PathBuf| fs::read_to_string(path).ok();
    files(paths, service).into_iter().filter_map(read).map(|text| Daemon::parse(&text)).collect()
}

/// Whether a process was started with the service.
pub fn made(paths: &Paths, service: &str, found: &Process) -> bool {
    of(paths, service).iter().any(|daemon| daemon.start.is_some() && daemon.made(found))
}

/// The record of a daemon from its start.
pub fn noted(paths: &Paths, service: &str, daemon: &Daemon) -> Option<Daemon> {
    of(paths, service).into_iter().find(|other| other.is(daemon))
}

/// Records a daemon; replaces an earlier record of the same one.
pub fn add(paths: &Paths, service: &str, daemon: &Daemon) -> io::Result<()> {
    let mut all: Vec<Daemon> = of(paths, service).into_iter().filter(|other| !other.is(daemon)).collect();
    all.push(daemon.clone());
    replace(paths, service, &all)
}

/// Removes the record of a daemon.
pub fn remove(paths: &Paths, service: &str, daemon: &Daemon) -> io::Result<()> {
    let all: Vec<Daemon> = of(paths, service).into_iter().filter(|other| !other.is(daemon)).collect();
    replace(paths, service, &all)
}

fn replace(paths: &Paths, service: &str, daemons: &[Daemon]) -> io::Result<()> {
    let at = directory(paths, service);
    match fs::remove_dir_all(&at) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    if daemons.is_empty() {
        return Ok(());
    }
    fs::create_dir_all(&at)?;
    for (index, daemon) in daemons.iter().enumerate() {
        state::write_whole(&at.join(format!("{:03}", index + 1)), daemon.render().as_bytes())?;
    }
    Ok(())
}

/// Whether a daemon of the service has gone. Only meaningful for started services.
pub fn is_crashed(paths: &Paths, service: &str) -> bool {
    of(paths, service).iter().any(|daemon| !daemon.runs(paths, service))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_survive_being_written() {
        let daemon = Daemon {
            exec: Some("/x/d".into()),
            args: vec!["-a".into(), String::new(), "b=c".into()],
            name: None,
            pidfile: Some("/run/d.pid".into()),
            pid: Some(12),
            start: Some(4242),
        };
        assert_eq!(Daemon::parse(&daemon.render()), daemon);
        crate::testing::for_texts(|text| {
            let again = Daemon::parse(text);
            assert_eq!(Daemon::parse(&again.render()), again, "{text:?}");
        });
    }
}
