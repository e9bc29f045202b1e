//! `toolchain/seed.lock`: every package of the seed, pinned. Written by a command, reviewed as a diff.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Deserialize;

use super::index::Package;
use super::{DEF_FILE, LOCK_FILE, SeedDef, shape};
use crate::base::diag::Diagnostic;
use crate::base::digest::Digest;

/// The only schema this version reads.
const SCHEMA: u32 = 1;
/// Changes when the unpacker makes another tree of the same packages.
const TREE_FORMAT: u32 = 1;

/// The lock file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeedLock {
    schema: u32,
    /// Content digest of the unpacked tree; absent only until the first unpacking.
    pub tree: Option<Digest>,
    /// [`SeedLock::key`] at the time `tree` was recorded: shows when seed.toml changed since.
    #[serde(rename = "tree-key")]
    tree_key: Option<Digest>,
    /// The signed index the packages were taken from.
    pub release: Release,
    /// Sorted by name.
    #[serde(rename = "package")]
    pub packages: Vec<LockedPackage>,
}

/// The signed index.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// Code name, e.g. `bookworm`.
    pub suite: String,
    /// Point release, e.g. `12.15`.
    pub version: String,
    /// `Date` of the release file, as written there.
    pub date: String,
    /// sha256 of the `InRelease` file whose signature was good.
    pub inrelease: Digest,
    /// sha256 of each `Packages.xz`, by component.
    pub packages: BTreeMap<String, Digest>,
}

/// A pinned package.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedPackage {
    /// Name; the .deb's own control file must say the same.
    pub name: String,
    /// Version; the .deb's own control file must say the same.
    pub version: String,
    /// Path below an archive's root, `pool/…`.
    pub pool: String,
    /// sha256 of the .deb.
    pub sha256: Digest,
    /// Length of the .deb in bytes.
    pub size: u64,
}

impl SeedLock {
    /// A lock of resolved packages, without a tree digest.
    pub fn new(release: Release, packages: Vec<Package>) -> Self {
        let mut packages: Vec<LockedPackage> = packages
            .into_iter()
            .map(|package| LockedPackage {
                name: package.name,
                version: package.version,
                pool: package.pool,
                sha256: package.sha256,
                size: package.size,
            })
            .collect();
        packages.sort_by(|a, b| a.name.cmp(&b.name));
        Self { schema: SCHEMA, tree: None, tree_key: None, release, packages }
    }

    /// Records the digest of the tree that these packages make under `def`.
    pub fn record_tree(&mut self, def: &SeedDef, tree: Digest) {
        self.tree = Some(tree);
        self.tree_key = Some(self.key(def));
    }

    /// Reads a lock.
    ///
    /// # Errors
    /// One finding: the shape is wrong or the schema is another one.
    pub fn parse(text: &str) -> Result<Self, Vec<Diagnostic>> {
        let lock: Self = toml::from_str(text).map_err(|error| {
            vec![shape(LOCK_FILE, "seed::lock-shape", &error).help("`cargo xtask seed lock` writes this file again")]
        })?;
        if lock.schema != SCHEMA {
            return Err(vec![
                Diagnostic::error("seed::lock-schema", format!("lock schema {} is not {SCHEMA}", lock.schema))
                    .in_file(LOCK_FILE)
                    .help("`cargo xtask seed lock` writes this file again"),
            ]);
        }
        Ok(lock)
    }

    /// The file's text. `parse` of it gives an equal lock.
    pub fn print(&self) -> String {
        let mut out = String::from(
            "# Written by `cargo xtask seed lock` from Debian's signed package index. Do not edit: review the difference.\n",
        );
        let mut line = |text: std::fmt::Arguments<'_>| {
            // Writing to a String cannot fail.
            let _ignored = out.write_fmt(text);
            out.push('\n');
        };
        line(format_args!("schema = {}", self.schema));
        if let Some(tree) = self.tree {
            line(format_args!("tree = \"{tree}\""));
        }
        if let Some(key) = self.tree_key {
            line(format_args!("tree-key = \"{key}\""));
        }
        let release = &self.release;
        line(format_args!("\n[release]\nsuite = {:?}\nversion = {:?}", release.suite, release.version));
        line(format_args!("date = {:?}\ninrelease = \"{}\"", release.date, release.inrelease));
        line(format_args!("\n[release.packages]"));
        for (component, digest) in &release.packages {
            line(format_args!("{component} = \"{digest}\""));
        }
        for package in &self.packages {
            line(format_args!("\n[[package]]\nname = {:?}\nversion = {:?}", package.name, package.version));
            line(format_args!("pool = {:?}\nsha256 = \"{}\"", package.pool, package.sha256));
            line(format_args!("size = {}", package.size));
        }
        out
    }

    /// What decides the unpacked tree: packages, dropped paths, links, and the unpacker's format.
    pub fn key(&self, def: &SeedDef) -> Digest {
        let mut text = format!("seed tree {TREE_FORMAT}\n");
        for package in &self.packages {
            text.push_str(&format!("package {} {} {}\n", package.name, package.version, package.sha256));
        }
        let mut drop: Vec<&String> = def.drop.iter().collect();
        drop.sort();
        drop.dedup();
        for pattern in drop {
            text.push_str(&format!("drop {pattern}\n"));
        }
        for (link, target) in &def.links {
            text.push_str(&format!("link {link} {target}\n"));
        }
        Digest::of(text)
    }

    /// Whether the lock answers the definition; empty when it does.
    pub fn check(&self, def: &SeedDef) -> Vec<Diagnostic> {
        let stale = |code, message: String| {
            Diagnostic::error(code, message).in_file(DEF_FILE).help("run `cargo xtask seed lock` and commit seed.lock")
        };
        let mut findings = Vec::new();
        if self.release.suite != def.suite {
            let message = format!("seed.lock pins suite `{}`, seed.toml names `{}`", self.release.suite, def.suite);
            findings.push(stale("seed::stale-suite", message));
        }
        if self.tree_key.is_some_and(|key| key != self.key(def)) {
            let message = "`drop` or `links` changed since seed.lock was written".to_owned();
            findings.push(stale("seed::stale-tree", message));
        }
        let locked = |name: &String| self.packages.iter().any(|package| package.name == *name);
        for name in def.packages.iter().filter(|name| !locked(name)) {
            findings.push(stale(
                "seed::stale-lock",
                format!("seed.toml names package `{name}`, which is not in seed.lock"),
            ));
        }
        for name in def.exclude.iter().filter(|name| locked(name)) {
            findings.push(stale("seed::stale-lock", format!("package `{name}` is excluded but in seed.lock")));
        }
        findings
    }

    /// The differences to an older lock, one line each: `+ name version`, `- name version`, `~ name old -> new`.
    pub fn changes_since(&self, old: &Self) -> Vec<String> {
        let by_name = |lock: &'_ Self| -> BTreeMap<String, (String, Digest)> {
            lock.packages.iter().map(|p| (p.name.clone(), (p.version.clone(), p.sha256))).collect()
        };
        let (before, after) = (by_name(old), by_name(self));
        let mut names: Vec<&String> = before.keys().chain(after.keys()).collect();
        names.sort();
        names.dedup();
        names
            .into_iter()
            .filter_map(|name| match (before.get(name), after.get(name)) {
                (None, Some((version, _))) => Some(format!("+ {name} {version}")),
                (Some((version, _)), None) => Some(format!("- {name} {version}")),
                (Some(a), Some(b)) if a.0 != b.0 => Some(format!("~ {name} {} -> {}", a.0, b.0)),
                (Some(a), Some(b)) if a.1 != b.1 => Some(format!("~ {name} {} (same version, other bytes!)", a.0)),
                _ => None,
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, version: &str) -> Package {
        Package {
            name: name.into(),
            version: version.into(),
            pool: format!("pool/main/{name}.deb"),
            sha256: Digest::of(format!("{name}{version}")),
            size: 5,
            needs: vec![],
            provides: vec![],
        }
    }

    fn lock(packages: &[(&str, &str)]) -> SeedLock {
        let release = Release {
            suite: "bookworm".into(),
            version: "12.15".into(),
            date: "Sat, 11 Jul 2026 10:16:37 UTC".into(),
            inrelease: Digest::of("i"),
            packages: [("main".to_owned(), Digest::of("p"))].into(),
        };
        SeedLock::new(release, packages.iter().map(|(name, version)| package(name, version)).collect())
    }

    fn def() -> SeedDef {
        let fingerprint = "A".repeat(40);
        SeedDef::parse(&format!(
            "suite='bookworm'\ncomponents=['main']\narch='amd64'\nsnapshot='x'\nsigned-by=['{fingerprint}']\npackages=['a']\nexclude=['z']\ndrop=['usr/share/doc/**', 'b']\nlinks={{'usr/bin/awk'='gawk'}}\n"
        ))
        .unwrap()
    }

    #[test]
    fn prints_what_it_reads() {
        let mut lock = lock(&[("b", "2"), ("a", "1:1~x+y")]);
        assert_eq!(SeedLock::parse(&lock.print()), Ok(lock.clone()));
        lock.record_tree(&def(), Digest::of("tree"));
        assert_eq!(SeedLock::parse(&lock.print()), Ok(lock.clone()));
        insta::assert_snapshot!(lock.print(), @r#"
        # Written by `cargo xtask seed lock` from Debian's signed package index. Do not edit: review the difference.
        schema = 1
        tree = "dc9c5edb8b2d479e697b4b0b8ab874f32b325138598ce9e7b759eb8292110622"
        tree-key = "57428da712527a2333d32c7595606b2f8f402a1d37fc6aa4671386bc1690e0b4"

        [release]
        suite = "bookworm"
        version = "12.15"
        date = "Sat, 11 Jul 2026 10:16:37 UTC"
        inrelease = "de7d1b721a1e0632b7cf04edf5032c8ecffa9f9a08492152b926f1a5a7e765d7"

        [release.packages]
        main = "148de9c5a7a44d19e56cd9ae1a554bf67847afb0c58f6e12fa29ac7ddfca9940"

        [[package]]
        name = "a"
        version = "1:1~x+y"
        pool = "pool/main/a.deb"
        sha256 = "d3b026eb04bd65381bc174aeefee362285e2a741888722465495dce1073666af"
        size = 5

        [[package]]
        name = "b"
        version = "2"
        pool = "pool/main/b.deb"
        sha256 = "4814d92093ac8a0f4a2163ab87dee509ba306a58f5888be0edcb2fcd0712028b"
        size = 5
        "#);
    }

    #[test]
    fn refuses_other_shapes() {
        let good = lock(&[("a", "1")]).print();
        let schema = SeedLock::parse(&good.replace("schema = 1", "schema = 2")).unwrap_err();
        assert_eq!(schema[0].message, "lock schema 2 is not 1");
        let hash = SeedLock::parse(&good.replace("inrelease = \"", "inrelease = \"x")).unwrap_err();
        assert!(hash[0].message.contains("is not a sha256"), "{}", hash[0].message);
        assert_eq!(hash[0].code, "seed::lock-shape");
    }

    #[test]
    fn key_follows_what_matters_only() {
        let (lock1, def1) = (lock(&[("a", "1")]), def());
        let key = lock1.key(&def1);
        let mut same = def1.clone();
        same.drop.reverse();
        same.packages.push("other".into());
        assert_eq!(lock1.key(&same), key);
        let mut other = def1.clone();
        other.drop.pop();
        assert_ne!(lock1.key(&other), key);
        other = def1.clone();
        other.links.clear();
        assert_ne!(lock1.key(&other), key);
        assert_ne!(lock(&[("a", "2")]).key(&def1), key);
        let mut with_tree = lock1.clone();
        with_tree.tree = Some(Digest::of("t"));
        assert_eq!(with_tree.key(&def1), key);
    }

    #[test]
    fn notices_a_stale_lock() {
        assert!(lock(&[("a", "1")]).check(&def()).is_empty());
        let mut recorded = lock(&[("a", "1")]);
        recorded.record_tree(&def(), Digest::of("tree"));
        assert!(recorded.check(&def()).is_empty());
        let mut changed = def();
        changed.links.clear();
        assert_eq!(recorded.check(&changed)[0].code, "seed::stale-tree");
        let mut stale = lock(&[("z", "1")]);
        stale.release.suite = "trixie".into();
        let codes: Vec<_> = stale.check(&def()).iter().map(|finding| finding.code).collect();
        assert_eq!(codes, ["seed::stale-suite", "seed::stale-lock", "seed::stale-lock"]);
    }

    #[test]
    fn lists_changes() {
        let old = lock(&[("a", "1"), ("b", "1"), ("c", "1"), ("d", "1")]);
        let mut new = lock(&[("a", "1"), ("b", "2"), ("d", "1"), ("e", "1")]);
        new.packages[2].sha256 = Digest::of("rebuilt");
        assert_eq!(new.changes_since(&old), ["~ b 1 -> 2", "- c 1", "~ d 1 (same version, other bytes!)", "+ e 1"]);
    }
}
