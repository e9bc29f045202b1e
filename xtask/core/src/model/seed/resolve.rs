//! The closure of the named packages over an index. The order in which either is written does not change the answer.

use std::collections::{BTreeMap, BTreeSet};

use camino::Utf8PathBuf;

use super::SeedDef;
use super::index::{Index, Package, Relation};
use crate::base::diag::{Diagnostic, suggest};

/// The packages to pin, sorted by name, and findings that do not stop the work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolution {
    /// Sorted by name.
    pub packages: Vec<Package>,
    /// Warnings, such as an exclusion that excludes nothing.
    pub warnings: Vec<Diagnostic>,
}

/// Resolves `def.packages` with all they depend on, minus `def.exclude`.
///
/// Of a group of alternatives, one that the definition names wins, else the first that exists; a group whose choice is excluded
/// counts as fulfilled.
///
/// # Errors
/// Every name that does not exist and every dependency that no package provides, each with the path that leads to it.
pub fn resolve(def: &SeedDef, index: &Index) -> Result<Resolution, Vec<Diagnostic>> {
    let mut walk = Walk {
        wanted: def.packages.iter().map(String::as_str).collect(),
        excluded: def.exclude.iter().map(String::as_str).collect(),
        used: BTreeSet::new(),
        parents: BTreeMap::new(),
        findings: Vec::new(),
        file: def.name.def_file(),
        index,
    };
    let chosen = walk.closure();
    if !walk.findings.is_empty() {
        return Err(walk.findings);
    }
    let unused = walk.excluded.iter().filter(|name| !walk.used.contains(*name));
    let warnings = unused
        .map(|name| {
            Diagnostic::warning("seed::unused-exclude", format!("`exclude` lists `{name}`, which nothing depends on"))
                .in_file(def.name.def_file())
                .help("remove it from `exclude`")
        })
        .collect();
    Ok(Resolution { packages: chosen.into_values().cloned().collect(), warnings })
}

struct Walk<'a> {
    wanted: BTreeSet<&'a str>,
    excluded: BTreeSet<&'a str>,
    used: BTreeSet<&'a str>,
    /// The package that needed another first; empty for those that the definition names.
    parents: BTreeMap<&'a str, &'a str>,
    findings: Vec<Diagnostic>,
    /// The definition, for findings.
    file: Utf8PathBuf,
    index: &'a Index,
}

impl<'a> Walk<'a> {
    fn closure(&mut self) -> BTreeMap<&'a str, &'a Package> {
        let index = self.index;
        let mut chosen: BTreeMap<&str, &Package> = BTreeMap::new();
        let mut queue: Vec<&'a Package> = Vec::new();
        for name in self.wanted.clone() {
            match index.get(name) {
                Some(package) => queue.push(package),
                None => self.unknown(name),
            }
        }
        // Breadth first, each level in order of names, so that the path shown in a finding is a shortest one.
        while !queue.is_empty() {
            queue.sort_by(|a, b| a.name.cmp(&b.name));
            let mut next = Vec::new();
            for package in std::mem::take(&mut queue) {
                if chosen.insert(&package.name, package).is_some() {
                    continue;
                }
                for group in &package.needs {
                    if let Some(needed) = self.choose(package, group)
                        && !chosen.contains_key(needed.name.as_str())
                    {
                        self.parents.entry(&needed.name).or_insert(&package.name);
                        next.push(needed);
                    }
                }
            }
            queue = next;
        }
        chosen
    }

    /// The package that fulfils `group`, or none when the choice is excluded or impossible (then a finding is left).
    fn choose(&mut self, package: &'a Package, group: &'a [Relation]) -> Option<&'a Package> {
        let index = self.index;
        let all: Vec<&Package> = group.iter().flat_map(|relation| index.candidates(relation)).collect();
        let by_name = all.iter().find(|candidate| self.wanted.contains(candidate.name.as_str()));
        let excluded = self.excluded.get(group[0].name.as_str()).copied();
        if by_name.is_none()
            && let Some(name) = excluded
        {
            self.used.insert(name);
            return None;
        }
        match by_name.or(all.first()) {
            Some(found) => match self.excluded.get(found.name.as_str()) {
                Some(name) => {
                    self.used.insert(name);
                    None
                }
                None => Some(found),
            },
            None => {
                self.impossible(package, group);
                None
            }
        }
    }

    fn unknown(&mut self, name: &str) {
        let mut finding = Diagnostic::error("seed::unknown-package", format!("package `{name}` is not in the index"))
            .in_file(&self.file)
            .help("look the name up with `apt-cache search`");
        if let Some(close) = suggest(name, self.index.names()) {
            finding = finding.label(format!("did you mean `{close}`?"));
        }
        self.findings.push(finding);
    }

    fn impossible(&mut self, package: &'a Package, group: &[Relation]) {
        let wanted = group.iter().map(ToString::to_string).collect::<Vec<_>>().join(" | ");
        let mut path = vec![package.name.as_str()];
        while let Some(parent) = path.last().and_then(|last| self.parents.get(last))
            && !path.contains(parent)
        {
            path.push(parent);
        }
        path.reverse();
        self.findings.push(
            Diagnostic::error("seed::unresolved", format!("no package of the index provides `{wanted}`"))
                .in_file(&self.file)
                .label(format!("needed by {}", path.join(" -> ")))
                .help("drop the package that needs it, or add the name to `exclude` when the tools work without it"),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::digest::Digest;
    use crate::model::seed::SeedName;

    fn index(packages: &[(&str, &str, &str, &str)]) -> Index {
        let text: String = packages
            .iter()
            .map(|(name, version, needs, provides)| {
                let hash = Digest::of(name);
                format!(
                    "Package: {name}\nVersion: {version}\nFilename: pool/{name}.deb\nSHA256: {hash}\nSize: 7\nDepends: {needs}\nProvides: {provides}\n\n"
                )
            })
            .collect();
        Index::parse(&text).unwrap()
    }

    fn def(packages: &[&str], exclude: &[&str]) -> SeedDef {
        let list = |names: &[&str]| names.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(",");
        let text = format!(
            "suite='s'\ncomponents=['main']\narch='amd64'\nsnapshot='x'\nsigned-by=['{}']\npackages=[{}]\nexclude=[{}]\n",
            "A".repeat(40),
            list(packages),
            list(exclude)
        );
        SeedDef::parse(&text, &SeedName::default()).unwrap()
    }

    fn names(def: &SeedDef, index: &Index) -> Vec<String> {
        resolve(def, index).unwrap().packages.into_iter().map(|package| package.name).collect()
    }

    fn sample() -> Index {
        index(&[
            ("make", "4.3", "libc6 (>= 2), missing | gawk", ""),
            ("libc6", "2.36", "libgcc-s1", ""),
            ("libgcc-s1", "12", "libc6", ""),
            ("gawk", "5", "libc6", "awk"),
            ("mawk", "1", "libc6", "awk (= 1)"),
            ("needs-awk", "1", "awk", ""),
            ("needs-awk1", "1", "awk (= 1)", ""),
            ("cc", "1", "binutils, libc6", ""),
            ("binutils", "2", "", ""),
        ])
    }

    #[test]
    fn closure_with_alternatives_and_cycles() {
        assert_eq!(names(&def(&["make"], &[]), &sample()), ["gawk", "libc6", "libgcc-s1", "make"]);
    }

    #[test]
    fn virtual_packages() {
        assert_eq!(names(&def(&["needs-awk"], &[]), &sample())[0], "gawk");
        let both = names(&def(&["needs-awk", "mawk"], &[]), &sample());
        assert!(both.contains(&"mawk".to_owned()) && !both.contains(&"gawk".to_owned()), "{both:?}");
        assert!(names(&def(&["needs-awk1"], &[]), &sample()).contains(&"mawk".to_owned()));
    }

    #[test]
    fn exclusions() {
        let result = resolve(&def(&["cc"], &["binutils", "nobody"]), &sample()).unwrap();
        assert!(result.packages.iter().all(|package| package.name != "binutils"));
        assert_eq!(result.warnings.len(), 1);
        assert!(result.warnings[0].message.contains("`nobody`"));
        // An excluded name that does not exist, and an excluded provider.
        assert_eq!(names(&def(&["make"], &["missing"]), &sample()), ["libc6", "libgcc-s1", "make"]);
        assert_eq!(names(&def(&["needs-awk"], &["gawk"]), &sample()), ["needs-awk"]);
    }

    #[test]
    fn order_of_the_lists_does_not_matter() {
        assert_eq!(names(&def(&["make", "cc"], &[]), &sample()), names(&def(&["cc", "make"], &[]), &sample()));
    }

    #[test]
    fn every_finding_with_its_path() {
        let index = index(&[("a", "1", "b", ""), ("b", "1", "c (>= 2) | d, e", ""), ("c", "1", "", "")]);
        let findings = resolve(&def(&["a", "aa"], &[]), &index).unwrap_err();
        let rendered: String = findings.iter().map(|finding| finding.render(None)).collect();
        insta::assert_snapshot!(rendered, @r#"
        error[seed::unknown-package]: package `aa` is not in the index
          --> toolchain/seeds/debian/seed.toml
           = did you mean `a`?
        help: look the name up with `apt-cache search`
        error[seed::unresolved]: no package of the index provides `c (>= 2) | d`
          --> toolchain/seeds/debian/seed.toml
           = needed by a -> b
        help: drop the package that needs it, or add the name to `exclude` when the tools work without it
        error[seed::unresolved]: no package of the index provides `e`
          --> toolchain/seeds/debian/seed.toml
           = needed by a -> b
        help: drop the package that needs it, or add the name to `exclude` when the tools work without it
        "#);
    }

    #[test]
    fn newest_of_several_versions() {
        let index = index(&[("x", "1.10", "", ""), ("x", "1.9", "", ""), ("x", "1.10~rc", "", "")]);
        assert_eq!(resolve(&def(&["x"], &[]), &index).unwrap().packages[0].version, "1.10");
    }
}
