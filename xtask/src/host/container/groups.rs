//! Control groups, of version 1 or 2: whether the host has them, the counts of a container's group, and its removal.
//!
//! The runtime makes and limits them. A relative path is below this program's own group in version 1, beside it in version 2, where
//! a group with processes can have no limited ones below.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use ashlar_core::model::sandbox::limits::Met;
use camino::{Utf8Path, Utf8PathBuf};
use rustix::fs::Access;
use rustix::process::{Pid, Signal};

const ROOT: &str = "/sys/fs/cgroup";

/// The directories of one container's group.
#[derive(Debug)]
pub struct Groups(Vec<Utf8PathBuf>);

/// Whether this program may make groups that limit memory and processes.
pub fn available() -> bool {
    let places = parents();
    let usable = |controller: &str| {
        places.iter().any(|(names, dir)| {
            let here =
                if names.is_empty() { has(dir, controller) } else { names.split(',').any(|name| name == controller) };
            here && rustix::fs::access(dir.as_std_path(), Access::WRITE_OK).is_ok()
        })
    };
    super::super::tools::is_root() && usable("memory") && usable("pids")
}

/// Whether a group of version 2 has a controller.
fn has(dir: &Utf8Path, controller: &str) -> bool {
    fs_err::read_to_string(dir.join("cgroup.controllers"))
        .is_ok_and(|text| text.split_whitespace().any(|name| name == controller))
}

/// Bytes of memory that this program may use: the machine's, or less where its own group is limited.
pub fn memory() -> Result<u64> {
    let machine = crate::host::memory::total()?;
    let limits =
        parents().into_iter().flat_map(|(_, dir)| ["memory.limit_in_bytes", "memory.max"].map(|name| dir.join(name)));
    let limits = limits.filter_map(|file| fs_err::read_to_string(file).ok()?.trim().parse().ok());
    Ok(limits.fold(machine, u64::min))
}

/// Where groups of containers are made: the controllers of version 1, none for version 2, and the directory.
fn parents() -> Vec<(String, Utf8PathBuf)> {
    let Ok(text) = fs_err::read_to_string("/proc/self/cgroup") else { return Vec::new() };
    let place = |line: &str| {
        let mut fields = line.splitn(3, ':').skip(1);
        let (names, own) = (fields.next()?, Utf8Path::new(fields.next()?.trim_start_matches('/')));
        let root = Utf8Path::new(ROOT);
        let dir = if names.is_empty() {
            let root = if root.join("unified").is_dir() { root.join("unified") } else { root.to_owned() };
            root.join(own.parent().unwrap_or(own))
        } else {
            root.join(names.trim_start_matches("name=")).join(own)
        };
        dir.is_dir().then(|| (names.to_owned(), dir))
    };
    text.lines().filter_map(place).collect()
}

impl Groups {
    /// Those of the group `name`.
    pub fn of(name: &str) -> Self {
        Self(parents().into_iter().map(|(_, dir)| dir.join(name)).filter(|dir| dir.is_dir()).collect())
    }

    /// Which limits it met.
    pub fn met(&self) -> Met {
        let count = |file: &str, key: &str| {
            let texts = self.0.iter().filter_map(|dir| fs_err::read_to_string(dir.join(file)).ok());
            let value = |text: String| text.lines().find_map(|line| line.strip_prefix(key)?.trim().parse::<u64>().ok());
            texts.filter_map(value).sum::<u64>()
        };
        Met {
            killed: count("memory.oom_control", "oom_kill ") + count("memory.events", "oom_kill "),
            refused: count("pids.events", "max "),
        }
    }

    /// Ends what is left in them and removes them. A process that was told to end occupies its group until it has.
    ///
    /// # Errors
    /// When one is still there after ten seconds; names it, what it holds, and why.
    pub fn remove(&self) -> Result<()> {
        let deadline = Instant::now() + Duration::from_secs(10);
        for dir in &self.0 {
            while let Err(error) = std::fs::remove_dir(dir) {
                if error.kind() == ErrorKind::NotFound {
                    break;
                }
                let processes = processes(dir);
                ensure!(Instant::now() < deadline, "removing {dir}, which holds processes {processes:?}: {error}");
                for process in processes.into_iter().filter_map(Pid::from_raw) {
                    // One that ended meanwhile is what we want.
                    let _ = rustix::process::kill_process(process, Signal::KILL);
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        Ok(())
    }
}

/// The processes of a group; none when it is gone.
fn processes(dir: &Utf8Path) -> Vec<i32> {
    let text = fs_err::read_to_string(dir.join("cgroup.procs")).unwrap_or_default();
    text.lines().filter_map(|line| line.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::exec;
    use ashlar_core::base::command::Command;
    use std::process::Stdio;

    #[test]
    fn a_group_goes_with_the_process_in_it() {
        let dir = Utf8Path::new(ROOT).join("memory/ashlar-groups-test");
        if !available() || fs_err::create_dir(&dir).is_err() {
            eprintln!("skipped: a group of version 1 needs root");
            return;
        }
        let log = tempfile::NamedTempFile::new().unwrap();
        let command = Command::new("sleep").arg("100");
        let log = Utf8Path::from_path(log.path()).unwrap();
        let mut sleeper = exec::background(&command, Stdio::null(), Stdio::null(), log).unwrap();
        fs_err::write(dir.join("cgroup.procs"), sleeper.id().to_string()).unwrap();
        Groups(vec![dir.clone()]).remove().unwrap();
        assert!(!dir.exists() && sleeper.wait().unwrap().code().is_none());
    }

    #[test]
    fn groups_of_this_machine_are_found() {
        // Whatever the layout: a process has groups, and memory.
        assert!(memory().unwrap() > 1 << 20);
        assert!(Groups::of("ashlar-no-such-container").0.is_empty());
        assert_eq!(Groups::of("ashlar-no-such-container").met(), Met::default());
        if available() {
            assert!(parents().len() > 1 || has(&parents()[0].1, "memory"));
        }
    }
}
