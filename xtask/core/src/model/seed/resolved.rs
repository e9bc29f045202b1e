//! A seed as resolved: everything that decides its tree.

use std::collections::BTreeMap;

use super::lock::{LockedPackage, SeedLock};
use super::{SeedDef, SeedName};
use crate::base::digest::Digest;

/// Changes when the unpacker makes another tree of the same files.
const TREE_FORMAT: u32 = 1;

/// Definition and lock together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolvedSeed {
    /// The seed's name.
    pub name: SeedName,
    /// The moment at which the snapshot service holds every package.
    pub snapshot: String,
    /// Debian packages, sorted by name.
    pub packages: Vec<LockedPackage>,
    /// Globs of paths that are not unpacked from them.
    pub drop: Vec<String>,
    /// Symbolic links, path to target.
    pub links: BTreeMap<String, String>,
    /// Python wheels.
    pub wheels: Vec<PinnedWheel>,
    /// Executable scripts, path to text.
    pub scripts: BTreeMap<String, String>,
    /// What the lock says of the tree.
    pub tree: Option<Digest>,
}

/// A wheel of the Python package index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PinnedWheel {
    /// Name of the project.
    pub name: String,
    /// Its version.
    pub version: String,
    /// sha256 of the wheel.
    pub sha256: Digest,
    /// The members that are unpacked, as executables, and their places in the tree.
    pub files: BTreeMap<String, String>,
}

impl ResolvedSeed {
    /// The seed of an archive's packages.
    pub fn of(def: &SeedDef, lock: &SeedLock) -> Self {
        Self {
            name: def.name.clone(),
            snapshot: def.snapshot.clone(),
            packages: lock.packages.clone(),
            drop: def.drop.clone(),
            links: def.links.clone(),
            wheels: Vec::new(),
            scripts: BTreeMap::new(),
            tree: lock.tree,
        }
    }

    /// What decides the unpacked tree: packages, dropped paths, links, wheels, scripts, and the unpacker's format.
    pub fn key(&self) -> Digest {
        let mut text = format!("seed tree {TREE_FORMAT}\n");
        for package in &self.packages {
            text.push_str(&format!("package {} {} {}\n", package.name, package.version, package.sha256));
        }
        let mut drop: Vec<&String> = self.drop.iter().collect();
        drop.sort();
        drop.dedup();
        for pattern in drop {
            text.push_str(&format!("drop {pattern}\n"));
        }
        for (link, target) in &self.links {
            text.push_str(&format!("link {link} {target}\n"));
        }
        for wheel in &self.wheels {
            text.push_str(&format!("wheel {} {} {}\n", wheel.name, wheel.version, wheel.sha256));
            for (member, place) in &wheel.files {
                text.push_str(&format!("member {member} {place}\n"));
            }
        }
        for (place, script) in &self.scripts {
            text.push_str(&format!("script {place} {}\n", Digest::of(script)));
        }
        Digest::of(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seed() -> ResolvedSeed {
        let package = LockedPackage {
            name: "a".into(),
            version: "1".into(),
            pool: "pool/a.deb".into(),
            sha256: Digest::of("a"),
            size: 1,
        };
        let wheel = PinnedWheel {
            name: "w".into(),
            version: "1".into(),
            sha256: Digest::of("w"),
            files: [("w/tool".to_owned(), "usr/bin/tool".to_owned())].into(),
        };
        ResolvedSeed {
            name: SeedName::default(),
            snapshot: "x".into(),
            packages: vec![package],
            drop: vec!["b".into(), "a".into()],
            links: [("usr/bin/awk".to_owned(), "gawk".to_owned())].into(),
            wheels: vec![wheel],
            scripts: [("usr/bin/cc".to_owned(), "exec clang".to_owned())].into(),
            tree: None,
        }
    }

    #[test]
    fn key_follows_what_matters_only() {
        let key = seed().key();
        let change = |change: fn(&mut ResolvedSeed)| {
            let mut other = seed();
            change(&mut other);
            other.key()
        };
        assert_eq!(change(|seed| seed.drop.reverse()), key);
        assert_eq!(change(|seed| seed.tree = Some(Digest::of("t"))), key);
        assert_eq!(change(|seed| seed.packages[0].pool = "elsewhere".into()), key);
        for other in [
            change(|seed| seed.packages[0].version = "2".into()),
            change(|seed| drop(seed.drop.pop())),
            change(|seed| seed.links.clear()),
            change(|seed| seed.wheels[0].sha256 = Digest::of("v")),
            change(|seed| seed.wheels[0].files.clear()),
            change(|seed| drop(seed.scripts.insert("usr/bin/cc".into(), "exec evil".into()))),
        ] {
            assert_ne!(other, key);
        }
    }
}
