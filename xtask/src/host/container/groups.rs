//! Control groups, of version 1 or 2: whether there are any to be had, what the one of a container counted, and its removal.
//!
//! The runtime makes and limits them. A relative path is below this program's own group in version 1, beside it in version 2, where
//! a group with processes can have no limited ones below.

use anyhow::{Context as _, Result};
use ashlar_core::sandbox::limits::Met;
use camino::{Utf8Path, Utf8PathBuf};
use rustix::fs::Access;

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
    let text = fs_err::read_to_string("/proc/meminfo")?;
    let machine = super::super::tools::probe::total_memory(&text)
        .context("/proc/meminfo does not say how much memory there is")?;
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

    /// Removes them, as far as they are empty and still there.
    pub fn remove(&self) {
        for dir in &self.0 {
            // One that is still in use belongs to a process that is being ended; the next run tries again.
            drop(std::fs::remove_dir(dir));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
