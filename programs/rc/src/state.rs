//! The states of services: files below `/run/openrc`.
//!
//! A state is a directory, a service in it a link to its script. A service is in exactly one of the
//! *major* states ([`State::is_major`]; `stopped` is the absence of a link); `failed`, `hotplugged`,
//! `scheduled` and `wasinactive` are additional marks. [`crate::daemons`] checks whether a started service still has its daemons.

use crate::paths::Paths;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A state or mark of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Stopped; also the state of an unknown service.
    Stopped,
    /// Starting.
    Starting,
    /// Started.
    Started,
    /// Stopping.
    Stopping,
    /// It waits for an external event.
    Inactive,
    /// It was inactive before it was started (a mark).
    WasInactive,
    /// A device event started it (a mark).
    Hotplugged,
    /// Its last start failed (a mark).
    Failed,
    /// It starts when another service becomes active (a mark).
    Scheduled,
    /// Its daemon is gone (a mark).
    Crashed,
}

impl State {
    /// All states that have a directory.
    pub const WITH_DIRECTORY: [State; 9] = [
        State::Starting,
        State::Started,
        State::Stopping,
        State::Inactive,
        State::WasInactive,
        State::Hotplugged,
        State::Failed,
        State::Scheduled,
        State::Crashed,
    ];

    /// Its word: the name of the directory, and in `rc-status`.
    pub fn word(self) -> &'static str {
        match self {
            State::Stopped => "stopped",
            State::Starting => "starting",
            State::Started => "started",
            State::Stopping => "stopping",
            State::Inactive => "inactive",
            State::WasInactive => "wasinactive",
            State::Hotplugged => "hotplugged",
            State::Failed => "failed",
            State::Scheduled => "scheduled",
            State::Crashed => "crashed",
        }
    }

    /// The state with this word.
    pub fn of_word(word: &str) -> Option<State> {
        if word == "stopped" {
            return Some(State::Stopped);
        }
        State::WITH_DIRECTORY.into_iter().find(|state| state.word() == word)
    }

    /// Whether it is a major state.
    pub fn is_major(self) -> bool {
        matches!(self, State::Stopped | State::Starting | State::Started | State::Stopping | State::Inactive)
    }

    /// All states and marks of a service.
    pub fn of(paths: &Paths, service: &str) -> Set {
        let mut set = Set::default();
        for state in State::WITH_DIRECTORY {
            if fs::symlink_metadata(link(paths, state, service)).is_ok() {
                set.0 |= 1 << state as u16;
            }
        }
        set
    }

    /// The services in a state (not `Stopped`), sorted.
    pub fn services(self, paths: &Paths) -> Vec<String> {
        // A missing directory is empty.
        let Ok(entries) = fs::read_dir(paths.state.join(self.word())) else { return Vec::new() };
        let mut names: Vec<String> = entries.flatten().filter_map(|e| e.file_name().into_string().ok()).collect();
        names.sort();
        names
    }
}

/// The states and marks of one service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Set(u16);

impl Set {
    /// Whether it has the state or mark. `Stopped` is having no other major state.
    pub fn has(self, state: State) -> bool {
        if state == State::Stopped {
            return self.major() == State::Stopped;
        }
        self.0 & (1 << state as u16) != 0
    }

    /// The one major state.
    pub fn major(self) -> State {
        [State::Starting, State::Stopping, State::Inactive, State::Started]
            .into_iter()
            .find(|&state| self.has(state))
            .unwrap_or(State::Stopped)
    }
}

fn link(paths: &Paths, state: State, service: &str) -> PathBuf {
    paths.state.join(state.word()).join(service)
}

/// Creates all directories; called by every program that is about to write state.
pub fn prepare(paths: &Paths) -> io::Result<()> {
    let others = ["options", "daemons", "tmp"];
    for word in State::WITH_DIRECTORY.into_iter().map(State::word).chain(others) {
        make_directory(&paths.state.join(word))?;
    }
    // Read permission on a lock's file is enough to hold the lock, and could block services.
    match fs::DirBuilder::new().mode(0o700).create(paths.state.join("exclusive")) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

fn make_directory(path: &Path) -> io::Result<()> {
    match fs::DirBuilder::new().mode(0o755).create(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            fs::DirBuilder::new().recursive(true).mode(0o755).create(path)
        }
        other => other,
    }
}

/// Puts a service into a state, or sets a mark. A new major state replaces the old one.
pub fn mark(paths: &Paths, service: &str, state: State) -> io::Result<()> {
    let was = State::of(paths, service);
    if state != State::Stopped {
        set(paths, service, state)?;
    }
    if !state.is_major() && state != State::WasInactive && state != State::Crashed {
        return Ok(());
    }
    let keep_was_inactive = match state {
        State::Starting | State::Stopping if was.has(State::Inactive) => {
            set(paths, service, State::WasInactive)?;
            true
        }
        State::Starting | State::Stopping => true,
        _ => false,
    };
    for other in State::WITH_DIRECTORY {
        let is_kept = other == state
            || matches!(other, State::Hotplugged | State::Scheduled)
            || (other == State::WasInactive && keep_was_inactive)
            || (!state.is_major() && other.is_major());
        if !is_kept && was.has(other) {
            remove(&link(paths, other, service))?;
        }
    }
    if state == State::Stopped {
        for directory in ["options", "daemons"] {
            remove_tree(&paths.state.join(directory).join(service))?;
        }
        remove(&link(paths, State::Hotplugged, service))?;
    }
    if matches!(state, State::Stopped | State::Started) {
        unschedule(paths, service)?;
    }
    Ok(())
}

/// Removes a mark.
pub fn unmark(paths: &Paths, service: &str, state: State) -> io::Result<()> {
    remove(&link(paths, state, service))
}

fn set(paths: &Paths, service: &str, state: State) -> io::Result<()> {
    let at = link(paths, state, service);
    let script = paths.script(service);
    match symlink(&script, &at) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            prepare(paths)?;
            symlink(&script, &at)
        }
        other => other,
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

fn remove_tree(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Makes `service` start when `waits_for` becomes active: `scheduled/<waits_for>/<service>`.
pub fn schedule(paths: &Paths, waits_for: &str, service: &str) -> io::Result<()> {
    let directory = paths.state.join("scheduled").join(waits_for);
    make_directory(&directory)?;
    match symlink(paths.script(service), directory.join(service)) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}

/// The services that wait for this one, sorted.
pub fn scheduled_by(paths: &Paths, waits_for: &str) -> Vec<String> {
    let Ok(entries) = fs::read_dir(paths.state.join("scheduled").join(waits_for)) else { return Vec::new() };
    let mut names: Vec<String> = entries.flatten().filter_map(|e| e.file_name().into_string().ok()).collect();
    names.sort();
    names
}

/// No service waits for this one any more.
pub fn forget_waiting(paths: &Paths, waited_for: &str) -> io::Result<()> {
    remove_tree(&paths.state.join("scheduled").join(waited_for))
}

/// Whether a service waits for another one.
pub fn is_scheduled(paths: &Paths, service: &str) -> bool {
    State::Scheduled.services(paths).iter().any(|other| scheduled_by(paths, other).iter().any(|name| name == service))
}

fn unschedule(paths: &Paths, service: &str) -> io::Result<()> {
    for other in State::Scheduled.services(paths) {
        let directory = paths.state.join("scheduled").join(other);
        remove(&directory.join(service))?;
        // Not empty: others still wait.
        drop(fs::remove_dir(&directory));
    }
    Ok(())
}

/// A value that a service saved under a key.
pub fn get_value(paths: &Paths, service: &str, key: &str) -> Option<String> {
    // No value, no directory, or an invalid name: nothing was saved.
    fs::read_to_string(value_path(paths, service, key).ok()?).ok()
}

/// Saves a value, or removes it. Values live until the service stops.
pub fn set_value(paths: &Paths, service: &str, key: &str, value: Option<&str>) -> io::Result<()> {
    let path = value_path(paths, service, key)?;
    let Some(value) = value else { return remove(&path) };
    if let Some(directory) = path.parent() {
        make_directory(directory)?;
    }
    write_whole(&path, value.as_bytes())
}

fn value_path(paths: &Paths, service: &str, key: &str) -> io::Result<PathBuf> {
    if !crate::paths::is_service_name(key) || !crate::paths::is_service_name(service) {
        let why = format!("`{service}`/`{key}` cannot name a saved value: no slash, no leading dot, not empty");
        return Err(io::Error::new(ErrorKind::InvalidInput, why));
    }
    Ok(paths.state.join("options").join(service).join(key))
}

/// Writes a file so that readers see the old or the new content, never a part.
pub fn write_whole(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".new{}", std::process::id()));
    let new = path.with_file_name(name);
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o644).open(&new)?;
    file.write_all(content)?;
    fs::rename(&new, path)
}

/// The runlevel that the system is in, from `softlevel`.
pub fn runlevel(paths: &Paths) -> Option<String> {
    let text = fs::read_to_string(paths.state.join("softlevel")).ok()?;
    Some(text.trim().to_owned()).filter(|level| !level.is_empty())
}

/// Sets the runlevel that the system is in.
pub fn set_runlevel(paths: &Paths, level: &str) -> io::Result<()> {
    make_directory(&paths.state)?;
    write_whole(&paths.state.join("softlevel"), format!("{level}\n").as_bytes())
}

/// An exclusive lock for changing a service; released when dropped, also when the process dies.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock, or returns `WouldBlock` while another process changes the service.
    pub fn service(paths: &Paths, service: &str) -> io::Result<Lock> {
        let path = paths.state.join("exclusive").join(service);
        let file = match open_lock(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                prepare(paths)?;
                open_lock(&path)?
            }
            other => other?,
        };
        sys::lock_exclusive(&file)?;
        Ok(Lock { _file: file })
    }

    /// Waits until the service is free or the time is over. `None` waits without limit.
    pub fn wait(paths: &Paths, service: &str, limit: Option<Duration>) -> io::Result<Lock> {
        let begun = Instant::now();
        let mut pause = Duration::from_millis(2);
        loop {
            match Lock::service(paths, service) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    if limit.is_some_and(|limit| begun.elapsed() >= limit) {
                        return Err(error);
                    }
                    std::thread::sleep(pause);
                    pause = (pause * 2).min(Duration::from_millis(100));
                }
                other => return other,
            }
        }
    }
}

fn open_lock(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)
}
