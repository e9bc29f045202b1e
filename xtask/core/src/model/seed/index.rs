//! Debian's package index (`Packages`) and release file as values.

use std::collections::BTreeMap;

use super::version;
use crate::base::digest::Digest;
use crate::formats::deb822::{self, Stanza};

/// One alternative of a dependency: `name (operator bound)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relation {
    /// Package name without an architecture qualifier.
    pub name: String,
    /// Operator and version, when one is asked for.
    pub bound: Option<(String, String)>,
}

impl Relation {
    /// Whether `version` is new (or old) enough.
    pub fn accepts(&self, version: &str) -> bool {
        self.bound.as_ref().is_none_or(|(operator, bound)| version::satisfies(version, operator, bound))
    }
}

impl std::fmt::Display for Relation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.bound {
            Some((operator, bound)) => write!(f, "{} ({operator} {bound})", self.name),
            None => f.write_str(&self.name),
        }
    }
}

/// A dependency field: all groups must hold, each through one of its alternatives.
pub type Groups = Vec<Vec<Relation>>;

/// A binary package of the index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// Name.
    pub name: String,
    /// Version with epoch and revision.
    pub version: String,
    /// Path below the archive's root, `pool/…`.
    pub pool: String,
    /// sha256 of the .deb.
    pub sha256: Digest,
    /// Length of the .deb in bytes.
    pub size: u64,
    /// `Pre-Depends` and `Depends`.
    pub needs: Groups,
    /// Virtual packages, with the version they are provided at.
    pub provides: Vec<(String, Option<String>)>,
}

/// All packages by name; of several versions the newest.
#[derive(Debug, Clone, Default)]
pub struct Index {
    packages: BTreeMap<String, Package>,
    providers: BTreeMap<String, Vec<(String, Option<String>)>>,
}

impl Index {
    /// Reads the text of a `Packages` file.
    ///
    /// # Errors
    /// Names the stanza that lacks a field or has a malformed one.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut index = Self::default();
        for stanza in deb822::stanzas(text) {
            index.insert(package(&stanza)?);
        }
        for package in index.packages.values() {
            for (name, version) in &package.provides {
                index.providers.entry(name.clone()).or_default().push((package.name.clone(), version.clone()));
            }
        }
        Ok(index)
    }

    fn insert(&mut self, package: Package) {
        let newer = self
            .packages
            .get(&package.name)
            .is_none_or(|known| version::compare(&package.version, &known.version).is_gt());
        if newer {
            self.packages.insert(package.name.clone(), package);
        }
    }

    /// The package of that name.
    pub fn get(&self, name: &str) -> Option<&Package> {
        self.packages.get(name)
    }

    /// All names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.packages.keys().map(String::as_str)
    }

    /// The packages that fulfil `relation`: the real one first, then providers by name.
    pub fn candidates(&self, relation: &Relation) -> Vec<&Package> {
        let real = self.get(&relation.name).filter(|package| relation.accepts(&package.version));
        let provided = self.providers.get(&relation.name).into_iter().flatten().filter(|(_, version)| match version {
            Some(version) => relation.accepts(version),
            None => relation.bound.is_none(),
        });
        real.into_iter().chain(provided.filter_map(|(name, _)| self.get(name))).collect()
    }
}

/// The name and version a .deb's own control file states.
///
/// # Errors
/// When a field is missing.
pub fn control_identity(text: &str) -> Result<(String, String), String> {
    let stanza = deb822::stanzas(text).next().ok_or("the control file is empty")?;
    let field =
        |name: &str| stanza.get(name).map(str::to_owned).ok_or(format!("the control file has no `{name}` field"));
    Ok((field("Package")?, field("Version")?))
}

/// The facts of a release file that a lock records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseFile {
    /// `Codename`, e.g. `bookworm`.
    pub codename: String,
    /// `Version`, e.g. `12.15`; empty for suites without one.
    pub version: String,
    /// `Date`, as written.
    pub date: String,
    /// `Valid-Until`, as written, where the suite has one.
    pub valid_until: Option<String>,
    files: BTreeMap<String, (Digest, u64)>,
}

impl ReleaseFile {
    /// Reads the text that `gpgv` took out of a verified `InRelease`.
    ///
    /// # Errors
    /// When a field is missing or the list of hashes is malformed.
    pub fn parse(text: &str) -> Result<Self, String> {
        let stanza = deb822::stanzas(text).next().ok_or("the release file is empty")?;
        let field = |name: &str| stanza.get(name).ok_or(format!("the release file has no `{name}` field"));
        let mut files = BTreeMap::new();
        for line in stanza.lines("SHA256") {
            let mut words = line.split_whitespace();
            let (Some(hash), Some(size), Some(name)) = (words.next(), words.next(), words.next()) else {
                return Err(format!("the release file has a malformed line `{line}` below SHA256"));
            };
            let digest = hash.parse().map_err(|error| format!("{name} in the release file: {error}"))?;
            let size = size.parse().map_err(|_| format!("{name} in the release file: `{size}` is not a size"))?;
            files.insert(name.to_owned(), (digest, size));
        }
        Ok(Self {
            codename: field("Codename")?.to_owned(),
            version: stanza.get("Version").unwrap_or("").to_owned(),
            date: field("Date")?.to_owned(),
            valid_until: stanza.get("Valid-Until").map(str::to_owned),
            files,
        })
    }

    /// sha256 and size of a file below `dists/<suite>/`.
    pub fn file(&self, name: &str) -> Option<(Digest, u64)> {
        self.files.get(name).copied()
    }
}

fn package(stanza: &Stanza<'_>) -> Result<Package, String> {
    let name = stanza.get("Package").ok_or("the package index has a stanza without `Package`")?;
    let field = |key: &str| stanza.get(key).ok_or(format!("package `{name}` in the index has no `{key}` field"));
    let mut needs = groups(stanza.get("Pre-Depends").unwrap_or(""));
    needs.extend(groups(stanza.get("Depends").unwrap_or("")));
    let provides = groups(stanza.get("Provides").unwrap_or(""))
        .into_iter()
        .flatten()
        .map(|relation| (relation.name, relation.bound.map(|(_, version)| version)))
        .collect();
    Ok(Package {
        name: name.to_owned(),
        version: field("Version")?.to_owned(),
        pool: field("Filename")?.to_owned(),
        sha256: field("SHA256")?.parse().map_err(|error| format!("package `{name}` in the index: {error}"))?,
        size: field("Size")?.parse().map_err(|_| format!("package `{name}` in the index: bad `Size`"))?,
        needs,
        provides,
    })
}

/// Reads a dependency field.
pub fn groups(text: &str) -> Groups {
    let group = |text: &str| text.split('|').filter_map(relation).collect::<Vec<_>>();
    text.split(',').map(group).filter(|group| !group.is_empty()).collect()
}

fn relation(text: &str) -> Option<Relation> {
    let text = text.trim();
    let end = text.find(|c: char| c.is_whitespace() || matches!(c, '(' | '[' | '<' | ':')).unwrap_or(text.len());
    let name = &text[..end];
    let bound = text.split_once('(').and_then(|(_, rest)| rest.split_once(')')).and_then(|(inside, _)| {
        let (operator, version) = inside.trim().split_at(inside.trim().find(|c| !"<>=".contains(c))?);
        Some((operator.to_owned(), version.trim().to_owned()))
    });
    (!name.is_empty()).then(|| Relation { name: name.to_owned(), bound })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_relations() {
        let parsed = groups("libc6 (>= 2.34), python3:any, gcc | clang (<<19) | c-compiler [amd64] <!nocheck>,");
        let shown: Vec<Vec<String>> =
            parsed.iter().map(|group| group.iter().map(ToString::to_string).collect()).collect();
        assert_eq!(shown, [vec!["libc6 (>= 2.34)"], vec!["python3"], vec!["gcc", "clang (<< 19)", "c-compiler"]]);
        assert!(parsed[0][0].accepts("2.36-9") && !parsed[0][0].accepts("2.31"));
        assert!(groups(" ").is_empty());
    }

    #[test]
    fn says_which_package_is_malformed() {
        let error = Index::parse("Package: x\nVersion: 1\n").unwrap_err();
        assert_eq!(error, "package `x` in the index has no `Filename` field");
        let bad = "Package: x\nVersion: 1\nFilename: f\nSHA256: zz\nSize: 1\n";
        assert!(Index::parse(bad).unwrap_err().contains("package `x` in the index: `zz` is not a sha256"));
        assert!(Index::parse("Version: 1\n").unwrap_err().contains("without `Package`"));
    }

    #[test]
    fn reads_a_release_file() {
        let hash = Digest::of("x");
        let text = format!("Codename: bookworm\nVersion: 12.15\nDate: today\nSHA256:\n {hash} 12 main/Packages.xz\n");
        let release = ReleaseFile::parse(&text).unwrap();
        assert_eq!(release.file("main/Packages.xz"), Some((hash, 12)));
        assert_eq!((release.codename.as_str(), release.version.as_str()), ("bookworm", "12.15"));
        assert!(ReleaseFile::parse(&text.replace(" 12 ", " twelve ")).unwrap_err().contains("`twelve` is not a size"));
        assert!(
            ReleaseFile::parse(&text.replace(" main/", ""))
                .is_err_and(|e| e.contains("malformed") || e.contains("size"))
        );
        assert!(ReleaseFile::parse("Date: x\n").unwrap_err().contains("no `Codename`"));
        assert!(ReleaseFile::parse("").is_err());
    }

    #[test]
    fn reads_a_control_file() {
        assert_eq!(control_identity("Package: a\nVersion: 1\n"), Ok(("a".into(), "1".into())));
        assert!(control_identity("Package: a\n").unwrap_err().contains("`Version`"));
        assert!(control_identity("").is_err());
    }
}
