//! Runlevels: directories below `/etc/runlevels`, with a link for each service, and a link to each stacked runlevel.
//! Reads and changes them; `openrc` decides what follows for services.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::paths::Paths;

/// Names with a meaning of their own.
pub const SYSINIT: &str = "sysinit";
/// Included in all levels but `sysinit`, `single` and those that go down.
pub const BOOT: &str = "boot";
/// The usual runlevel.
pub const DEFAULT: &str = "default";
/// Stops all but `sysinit`.
pub const SINGLE: &str = "single";
/// Stops everything.
pub const SHUTDOWN: &str = "shutdown";
/// As `shutdown`; process 1 does the rest.
pub const REBOOT: &str = "reboot";

/// One runlevel's directory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Level {
    /// Services with a link in it.
    pub services: BTreeSet<String>,
    /// Runlevels stacked in it.
    pub stacks: BTreeSet<String>,
}

/// All runlevels.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Levels(pub BTreeMap<String, Level>);

impl Levels {
    /// Reads all of them. Without a directory there are none.
    pub fn read(paths: &Paths) -> io::Result<Levels> {
        let names: Vec<String> =
            names_in(&paths.runlevels)?.into_iter().filter(|n| paths.runlevels.join(n).is_dir()).collect();
        let mut levels = BTreeMap::new();
        for name in &names {
            let directory = paths.runlevels.join(name);
            let mut level = Level::default();
            for entry in names_in(&directory)? {
                if names.contains(&entry) && directory.join(&entry).is_dir() {
                    level.stacks.insert(entry);
                } else {
                    level.services.insert(entry);
                }
            }
            levels.insert(name.clone(), level);
        }
        Ok(Levels(levels))
    }

    /// True if there is such a runlevel.
    pub fn exists(&self, level: &str) -> bool {
        self.0.contains_key(level)
    }

    /// The services of a level and of all levels stacked in it, however deep; a loop of stacks does no harm.
    pub fn services(&self, level: &str) -> BTreeSet<String> {
        let mut seen = BTreeSet::new();
        let mut open = vec![level];
        let mut services = BTreeSet::new();
        while let Some(name) = open.pop() {
            if let Some(found) = self.0.get(name).filter(|_| seen.insert(name)) {
                services.extend(found.services.iter().cloned());
                open.extend(found.stacks.iter().map(String::as_str));
            }
        }
        services
    }

    /// For `depend::Situation`.
    pub fn members(&self) -> BTreeMap<String, BTreeSet<String>> {
        self.0.keys().map(|level| (level.clone(), self.services(level))).collect()
    }

    /// Levels that list the service themselves.
    pub fn holding(&self, service: &str) -> Vec<&str> {
        self.0.iter().filter(|(_, level)| level.services.contains(service)).map(|(name, _)| name.as_str()).collect()
    }
}

/// Adds a service to a level. `false`: it was there.
pub fn add(paths: &Paths, level: &str, service: &str) -> io::Result<bool> {
    make_link(&Path::new("/etc/init.d").join(service), &paths.runlevels.join(level).join(service))
}

/// Stacks a level into another. `false`: it was there.
pub fn stack(paths: &Paths, level: &str, stacked: &str) -> io::Result<bool> {
    make_link(&Path::new("../").join(stacked), &paths.runlevels.join(level).join(stacked))
}

/// Removes a service or a stacked level. `false`: it was not there.
pub fn remove(paths: &Paths, level: &str, name: &str) -> io::Result<bool> {
    match fs::remove_file(paths.runlevels.join(level).join(name)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        other => other.map(|()| true),
    }
}

fn make_link(target: &Path, at: &Path) -> io::Result<bool> {
    match symlink(target, at) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        other => other.map(|()| true),
    }
}

/// Names in a directory that are valid for services or levels, sorted. No directory: none.
fn names_in(directory: &Path) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    let mut names = Vec::new();
    for entry in entries {
        names.extend(entry?.file_name().into_string().ok().filter(|name| crate::paths::is_service_name(name)));
    }
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn levels(text: &str) -> Levels {
        let level = |line: &str| {
            let (name, words) = line.split_once(':')?;
            let (stacks, services): (Vec<&str>, Vec<&str>) =
                words.split_whitespace().partition(|word| word.starts_with('@'));
            let services = services.into_iter().map(str::to_owned).collect();
            let stacks = stacks.into_iter().map(|word| word[1..].to_owned()).collect();
            Some((name.to_owned(), Level { services, stacks }))
        };
        Levels(text.split(',').filter_map(level).collect())
    }

    #[test]
    fn stacks_are_followed_and_circles_survived() {
        let cases = [
            ("default:a b", "default", "a b"),
            ("default:a @net,net:b @deep,deep:c", "default", "a b c"),
            ("x:a @y,y:b @x", "x", "a b"),
            ("x:a @gone", "x", "a"),
            ("x:a", "none", ""),
        ];
        for (text, level, want) in cases {
            assert_eq!(levels(text).services(level).into_iter().collect::<Vec<_>>().join(" "), want, "{text}");
        }
    }

    #[test]
    fn links_are_made_and_removed_once() {
        let root = testkit::TempDir::new("rc-runlevel");
        let paths = Paths::below(&root, true);
        for level in ["boot", "default"] {
            fs::create_dir_all(paths.runlevels.join(level)).unwrap();
        }
        assert!(add(&paths, "boot", "a").unwrap());
        assert!(!add(&paths, "boot", "a").unwrap());
        assert!(stack(&paths, "default", "boot").unwrap());
        let levels = Levels::read(&paths).unwrap();
        assert_eq!(levels.services("default").len(), 1);
        assert_eq!(levels.holding("a"), ["boot"]);
        assert_eq!(fs::read_link(paths.runlevels.join("boot/a")).unwrap(), Path::new("/etc/init.d/a"));
        assert!(remove(&paths, "default", "boot").unwrap());
        assert!(!remove(&paths, "default", "boot").unwrap());
    }
}
