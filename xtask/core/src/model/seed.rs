//! Seeds: pinned binaries that the first compiler comes from.
//!
//! `toolchain/seeds/<name>/seed.toml` is a [`definition`]: of packages of an archive ([`SeedDef`]), or of another seed with some of
//! its programs replaced ([`derived`]). The signed package index says what exists ([`index`]), the resolver makes the closure
//! ([`resolve`]), [`freshness`] keeps an old index out, and `seed.lock` beside the definition pins the result ([`lock`]). Both
//! together are a seed as [`resolved`]. This module decides what an unpacked tree looks like ([`path`], [`tree`]); the host side fetches
//! and unpacks.

pub mod ar;
pub mod definition;
pub mod derived;
pub mod freshness;
pub mod index;
pub mod lock;
pub mod name;
pub mod path;
pub mod resolve;
pub mod resolved;
pub mod signature;
pub mod tree;
pub mod version;

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use camino::Utf8Path;

pub use self::name::{SEEDS, SeedName};
use crate::base::diag::Diagnostic;

/// The seed.toml of packages of an archive as written.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SeedDef {
    /// The name of its folder.
    #[serde(skip)]
    pub name: SeedName,
    /// Code name of the Debian release, as in `dists/<suite>`.
    pub suite: String,
    /// Archive components, usually only `main`.
    pub components: Vec<String>,
    /// Debian's name of the architecture the tools run on.
    pub arch: String,
    /// Time stamp (`20260801T000000Z`) at which the snapshot service holds every pinned file.
    pub snapshot: String,
    /// Fingerprints (40 hex digits) of which one must have signed the index.
    pub signed_by: Vec<String>,
    /// Packages by name; the closure of their dependencies comes along.
    pub packages: Vec<String>,
    /// Packages that never enter, whichever packages depend on them.
    #[serde(default)]
    pub exclude: Vec<String>,
    /// Globs of paths that are not unpacked.
    #[serde(default)]
    pub drop: Vec<String>,
    /// Symbolic links made after unpacking, path to target: what maintainer scripts would have made.
    #[serde(default)]
    pub links: BTreeMap<String, String>,
}

impl SeedDef {
    /// Reads the definition of the seed `name` and checks its meaning; all findings at once.
    ///
    /// # Errors
    /// The findings.
    pub fn parse(text: &str, name: &SeedName) -> Result<Self, Vec<Diagnostic>> {
        let def: Self = toml::from_str(text).map_err(|error| vec![shape(&name.def_file(), "seed::shape", &error)])?;
        let def = Self { name: name.clone(), ..def };
        let findings = def.findings();
        if findings.is_empty() { Ok(def) } else { Err(findings) }
    }

    fn findings(&self) -> Vec<Diagnostic> {
        let mut findings = Vec::new();
        let mut error = |code, message: String, help: &str| {
            findings.push(Diagnostic::error(code, message).in_file(self.name.def_file()).help(help));
        };
        let mut seen = BTreeSet::new();
        for name in &self.packages {
            if !seen.insert(name) {
                error("seed::twice", format!("package `{name}` is listed twice"), "remove one of the two");
            }
            if self.exclude.contains(name) {
                error(
                    "seed::excluded",
                    format!("package `{name}` is in both `packages` and `exclude`"),
                    "remove it from one list",
                );
            }
        }
        for key in &self.signed_by {
            if key.len() != 40 || !key.bytes().all(|byte| byte.is_ascii_digit() || (b'A'..=b'F').contains(&byte)) {
                error(
                    "seed::fingerprint",
                    format!("`{key}` is not a key fingerprint"),
                    "write the 40 upper-case hex digits that `gpg --list-keys --with-colons` shows in its `fpr` line",
                );
            }
        }
        if self.signed_by.is_empty() {
            error(
                "seed::unsigned",
                "`signed-by` names no key".into(),
                "list the fingerprints in toolchain/keys that may sign the index",
            );
        }
        for (link, target) in &self.links {
            if !is_place(link) || target.is_empty() {
                error(
                    "seed::link",
                    format!("`{link} = {target}` is not a link inside the tree"),
                    "write a path such as `usr/bin/awk` and a target such as `gawk`",
                );
            }
        }
        findings
    }
}

/// Whether a path in a definition is a place in the tree, written as the tree has it.
fn is_place(text: &str) -> bool {
    !text.is_empty() && path::place(text).as_deref() == Ok(text)
}

/// The only schema of locks that this version reads.
const SCHEMA: u32 = 1;

/// Reads the lock of the seed `name`, of either form.
///
/// # Errors
/// One finding: the shape is wrong or the schema is another one.
fn read_lock<T: DeserializeOwned>(text: &str, name: &SeedName, schema: fn(&T) -> u32) -> Result<T, Vec<Diagnostic>> {
    let finding = match toml::from_str(text) {
        Ok(lock) if schema(&lock) == SCHEMA => return Ok(lock),
        Ok(lock) => {
            let message = format!("lock schema {} is not {SCHEMA}", schema(&lock));
            Diagnostic::error("seed::lock-schema", message).in_file(name.lock_file())
        }
        Err(error) => shape(&name.lock_file(), "seed::lock-shape", &error),
    };
    Err(vec![finding.help(format!("`{}` writes this file again", name.lock_command()))])
}

/// A TOML shape error as a finding.
pub(crate) fn shape(file: &Utf8Path, code: &'static str, error: &toml::de::Error) -> Diagnostic {
    let finding = Diagnostic::error(code, error.message().to_owned()).in_file(file);
    match error.span() {
        Some(span) => finding.at(span),
        None => finding,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
suite = "bookworm"
components = ["main"]
arch = "amd64"
snapshot = "20260801T000000Z"
signed-by = ["4CB50190207B4758A3F73A796ED0E7B82643E131"]
packages = ["make"]
drop = ["usr/share/doc/**"]
links = { "usr/bin/awk" = "gawk" }
"#;

    fn parse(text: &str) -> Result<SeedDef, Vec<Diagnostic>> {
        SeedDef::parse(text, &SeedName::default())
    }

    #[test]
    fn reads_a_definition() {
        let def = parse(GOOD).unwrap();
        assert_eq!(def.packages, ["make"]);
        assert_eq!(def.links["usr/bin/awk"], "gawk");
    }

    #[test]
    fn shape_errors_point_at_the_key() {
        let text = GOOD.replace("arch =", "arc =");
        let findings = parse(&text).unwrap_err();
        let rendered = findings[0].render(Some(&text));
        assert!(
            rendered.contains("toolchain/seeds/debian/seed.toml:4:1") && rendered.contains("unknown field `arc`"),
            "{rendered}"
        );
    }

    #[test]
    fn collects_every_finding() {
        let text = GOOD
            .replace(r#"["make"]"#, r#"["make", "make", "gcc"]"#)
            .replace(r#""4CB50190207B4758A3F73A796ED0E7B82643E131""#, r#""4cb5""#)
            .replace(r#""usr/bin/awk""#, r#""/bin/awk""#)
            + "\n";
        let text = text.replace("drop =", "exclude = [\"gcc\"]\ndrop =");
        let codes: Vec<_> = parse(&text).unwrap_err().iter().map(|finding| finding.code).collect();
        assert_eq!(codes, ["seed::twice", "seed::excluded", "seed::fingerprint", "seed::link"]);
        let none = GOOD.replace("\"4CB50190207B4758A3F73A796ED0E7B82643E131\"", "");
        assert_eq!(parse(&none).unwrap_err()[0].code, "seed::unsigned");
    }
}
