//! The seed.lock of an archive's packages: every one, pinned. Written by a command, reviewed as a diff.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Deserialize;

use super::index::Package;
use super::{SCHEMA, SeedDef, SeedName, read_lock};
use crate::base::diag::Diagnostic;
use crate::base::digest::Digest;

/// The lock file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeedLock {
    schema: u32,
    /// Content digest of the unpacked tree; absent only until the first unpacking.
    pub tree: Option<Digest>,
    /// The seed's key ([`super::resolved`]) at the time `tree` was recorded: shows when seed.toml changed since.
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

    /// Records the digest of the tree that the seed with this key makes.
    pub fn record_tree(&mut self, key: Digest, tree: Digest) {
        self.tree = Some(tree);
        self.tree_key = Some(key);
    }

    /// Reads the lock of the seed `name`.
    ///
    /// # Errors
    /// One finding: the shape is wrong or the schema is another one.
    pub fn parse(text: &str, name: &SeedName) -> Result<Self, Vec<Diagnostic>> {
        read_lock(text, name, |lock: &Self| lock.schema)
    }

    /// The text of the lock of the seed `name`. `parse` of it gives an equal lock.
    pub fn print(&self, name: &SeedName) -> String {
        let mut out = format!(
            "# Written by `{}` from Debian's signed package index. Do not edit: review the difference.\n",
            name.lock_command()
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

    /// Whether the lock answers the definition, with which it makes the seed with this key; empty when it does.
    pub fn check(&self, def: &SeedDef, key: Digest) -> Vec<Diagnostic> {
        let stale = |code, message: String| {
            let help = format!("run `{}` and commit seed.lock", def.name.lock_command());
            Diagnostic::error(code, message).in_file(def.name.def_file()).help(help)
        };
        let mut findings = Vec::new();
        if self.release.suite != def.suite {
            let message = format!("seed.lock pins suite `{}`, seed.toml names `{}`", self.release.suite, def.suite);
            findings.push(stale("seed::stale-suite", message));
        }
        if self.tree_key.is_some_and(|recorded| recorded != key) {
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
        ), &SeedName::default())
        .unwrap()
    }

    #[test]
    fn prints_what_it_reads() {
        let mut lock = lock(&[("b", "2"), ("a", "1:1~x+y")]);
        assert_eq!(SeedLock::parse(&lock.print(&SeedName::default()), &SeedName::default()), Ok(lock.clone()));
        lock.record_tree(Digest::of("key"), Digest::of("tree"));
        assert_eq!(SeedLock::parse(&lock.print(&SeedName::default()), &SeedName::default()), Ok(lock.clone()));
        insta::assert_snapshot!(lock.print(&SeedName::default()), @r#"
        # Written by `cargo xtask seed lock` from Debian's signed package index. Do not edit: review the difference.
        schema = 1
        tree = "dc9c5edb8b2d479e697b4b0b8ab874f32b325138598ce9e7b759eb8292110622"
        tree-key = "2c70e12b7a0646f92279f427c7b38e7334d8e5389cff167a1dc30e73f826b683"

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
        let good = lock(&[("a", "1")]).print(&SeedName::default());
        let schema = SeedLock::parse(&good.replace("schema = 1", "schema = 2"), &SeedName::default()).unwrap_err();
        assert_eq!(schema[0].message, "lock schema 2 is not 1");
        let hash =
            SeedLock::parse(&good.replace("inrelease = \"", "inrelease = \"x"), &SeedName::default()).unwrap_err();
        assert!(hash[0].message.contains("is not a sha256"), "{}", hash[0].message);
        assert_eq!(hash[0].code, "seed::lock-shape");
    }

    #[test]
    fn notices_a_stale_lock() {
        assert!(lock(&[("a", "1")]).check(&def(), Digest::of("key")).is_empty());
        let mut recorded = lock(&[("a", "1")]);
        recorded.record_tree(Digest::of("key"), Digest::of("tree"));
        assert!(recorded.check(&def(), Digest::of("key")).is_empty());
        assert_eq!(recorded.check(&def(), Digest::of("another"))[0].code, "seed::stale-tree");
        let mut stale = lock(&[("z", "1")]);
        stale.release.suite = "trixie".into();
        let codes: Vec<_> = stale.check(&def(), Digest::of("key")).iter().map(|finding| finding.code).collect();
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
