//! What Debian's archive has that is newer than a recipe, and where a recipe's own file is kept: `cargo xtask outdated`.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::digest::Digest;
use crate::formats::deb822;
use crate::model::seed::version::compare;

/// A suite of Debian's archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Suite {
    /// Its name.
    pub name: &'static str,
    /// Whether what it has stays in the archive for years: unstable replaces its files within days.
    pub kept: bool,
}

/// The suites that are looked into, oldest first.
pub const SUITES: [Suite; 7] = [
    Suite { name: "bookworm", kept: true },
    Suite { name: "bookworm-backports", kept: true },
    Suite { name: "trixie", kept: true },
    Suite { name: "trixie-updates", kept: true },
    Suite { name: "trixie-backports", kept: true },
    Suite { name: "forky", kept: true },
    Suite { name: "sid", kept: false },
];

/// An upstream file in a suite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// Suite.
    pub suite: Suite,
    /// Upstream's version.
    pub version: String,
    /// Path in the pool.
    pub path: String,
    /// Hash of the file.
    pub sha256: Digest,
}

/// The source package of a path in the pool: `chrony` of `pool/main/c/chrony/chrony_4.6.1.orig.tar.gz`.
pub fn source_package(path: &str) -> Option<&str> {
    let mut parts = path.rsplit('/');
    parts.next()?;
    parts.next().filter(|name| !name.is_empty())
}

/// The upstream version in the name of a file in the pool: `1.2` of `pool/…/name_1.2+dfsg.orig.tar.xz`.
pub fn upstream_version(path: &str) -> Option<String> {
    let (_, rest) = path.rsplit_once('/')?.1.split_once('_')?;
    let version = rest.split(".orig").next()?.split(".tar").next()?;
    // `1.3.dfsg+really1.3.1` is 1.3.1; `1.2+dfsg`, `1.2~ds1` are 1.2.
    let version = version.rsplit("+really").next()?;
    let marks = ["+dfsg", ".dfsg", "~dfsg", "+ds", "~ds", ".ds", "+stable"];
    let end = marks.iter().filter_map(|mark| version.find(mark)).min().unwrap_or(version.len());
    version[..end].starts_with(|c: char| c.is_ascii_digit()).then(|| version[..end].to_owned())
}

/// What the index `Sources` of a suite has of the source packages `wanted`, by package.
pub fn offers(index: &str, suite: Suite, wanted: &BTreeSet<&str>) -> BTreeMap<String, Vec<Offer>> {
    let mut found: BTreeMap<String, Vec<Offer>> = BTreeMap::new();
    for stanza in deb822::stanzas(index) {
        let (Some(package), Some(directory)) = (stanza.get("Package"), stanza.get("Directory")) else { continue };
        // An extra source stays only as long as something that was built from it does.
        if !wanted.contains(package) || stanza.get("Extra-Source-Only") == Some("yes") {
            continue;
        }
        for line in stanza.lines("Checksums-Sha256") {
            let words: Vec<&str> = line.split_whitespace().collect();
            let [sha256, _, file] = words.as_slice() else { continue };
            let (path, upstreams) = (format!("{directory}/{file}"), is_upstreams(file, package));
            if let (true, Ok(sha256), Some(version)) = (upstreams, sha256.parse(), upstream_version(&path)) {
                found.entry(package.to_owned()).or_default().push(Offer { suite, version, path, sha256 });
            }
        }
    }
    found
}

/// Whether a file of a source package is upstream's: the orig tarball, or the only one of a package that has none.
fn is_upstreams(file: &str, package: &str) -> bool {
    let Some(rest) = file.strip_prefix(package).and_then(|rest| rest.strip_prefix('_')) else { return false };
    let tarball = rest.contains(".tar.") && !rest.ends_with(".asc") && !rest.ends_with(".sig");
    tarball
        && (rest.contains(".orig.tar.")
            || (!rest.contains(".orig") && !rest.contains(".debian.") && !rest.contains('-')))
}

/// The suites that have the file with this hash.
pub fn suites_of(sha256: &Digest, offers: &[Offer]) -> Vec<Suite> {
    offers.iter().filter(|offer| offer.sha256 == *sha256).map(|offer| offer.suite).collect()
}

/// The offers with a newer version than `version` within a series, newest first; of one file, the first suite that keeps it.
pub fn newer(version: &str, series: Option<&str>, offers: &[Offer]) -> Vec<Offer> {
    let within = |version: &str| {
        series.is_none_or(|series| {
            version.strip_prefix(series).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        })
    };
    let mut newer: Vec<Offer> = Vec::new();
    for offer in offers.iter().filter(|offer| within(&offer.version) && compare(&offer.version, version).is_gt()) {
        if !newer.iter().any(|other| other.path == offer.path) {
            newer.push(offer.clone());
        }
    }
    newer.sort_by(|a, b| compare(&b.version, &a.version));
    newer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(version: &str, file: &str, seed: &str) -> String {
        let sha256 = Digest::of(seed);
        format!(
            "Package: chrony\nVersion: {version}\nDirectory: pool/main/c/chrony\nChecksums-Sha256:\n {sha256} 12 {file}\n \
             {sha256} 3 chrony_{version}.debian.tar.xz\n {sha256} 3 {file}.asc\n\nPackage: other\nDirectory: pool/x\n"
        )
    }

    #[test]
    fn newer_files_and_where_they_are_kept() {
        let wanted = BTreeSet::from(["chrony"]);
        let mut all = Vec::new();
        for (suite, version, file) in [
            (SUITES[2], "4.6.1-3", "chrony_4.6.1.orig.tar.gz"),
            (SUITES[5], "4.9-1", "chrony_4.9.orig.tar.gz"),
            (SUITES[6], "4.9-1", "chrony_4.9.orig.tar.gz"),
            (SUITES[6], "4.10-1", "chrony_4.10.orig.tar.gz"),
        ] {
            let found = offers(&index(version, file, file), suite, &wanted);
            assert_eq!(found["chrony"].len(), 1, "{found:?}");
            all.extend(found["chrony"].clone());
        }
        assert!(newer("4.6.1", Some("4.6"), &all).is_empty());
        let newer: Vec<String> = newer("4.6.1", Some("4"), &all)
            .iter()
            .map(|offer| format!("{} {} {}", offer.version, offer.suite.name, offer.path))
            .collect();
        assert_eq!(
            newer,
            [
                "4.10 sid pool/main/c/chrony/chrony_4.10.orig.tar.gz",
                "4.9 forky pool/main/c/chrony/chrony_4.9.orig.tar.gz"
            ]
        );
        let suites = |file: &str| suites_of(&Digest::of(file), &all).iter().any(|suite| suite.kept);
        assert!(suites("chrony_4.9.orig.tar.gz") && !suites("chrony_4.10.orig.tar.gz"));
    }

    #[test]
    fn names_of_files_in_the_pool() {
        for (path, version) in [
            ("pool/main/m/musl/musl_1.2.5.orig.tar.gz", Some("1.2.5")),
            ("pool/main/z/zlib/zlib_1.3.dfsg+really1.3.1.orig.tar.gz", Some("1.3.1")),
            ("pool/main/m/mimalloc/mimalloc_2.0.9+ds.orig.tar.xz", Some("2.0.9")),
            ("pool/main/c/ca-certificates/ca-certificates_20250419.tar.xz", Some("20250419")),
            ("musl", None),
        ] {
            assert_eq!(upstream_version(path).as_deref(), version, "{path}");
        }
        assert_eq!(source_package("pool/main/d/dhcpcd5/dhcpcd5_9.4.1.orig.tar.xz"), Some("dhcpcd5"));
        assert_eq!(source_package("x"), None);
        assert!(is_upstreams("a_1.tar.xz", "a") && !is_upstreams("a_1-2.debian.tar.xz", "a"));
        assert!(!is_upstreams("a_1.orig-part.tar.xz", "a") && !is_upstreams("b_1.orig.tar.xz", "a"));
    }
}
