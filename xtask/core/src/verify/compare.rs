//! The differences of two builds: path by path, then byte by byte, with a guess at the cause.
//!
//! Comparing is a result, never an error: a difference is what the question was about. Taking the two trees is the caller's.

use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;

use crate::base::digest::Digest;
use crate::formats::manifest::{EntryKind, Manifest, ManifestEntry};

/// How many bytes of both files are shown around the first difference.
const WINDOW: usize = 32;
/// How many of them come before it.
const BEFORE: usize = 8;

/// One difference between two manifests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The path that differs.
    pub path: String,
    /// In what.
    pub what: Change,
}

/// In what a path differs; `a` is the first build, `b` the second.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// Only the first build has it.
    OnlyInA,
    /// Only the second build has it.
    OnlyInB,
    /// Permission bits.
    Mode {
        /// First build.
        a: u32,
        /// Second build.
        b: u32,
    },
    /// Directory, file or symlink.
    Kind {
        /// First build.
        a: &'static str,
        /// Second build.
        b: &'static str,
    },
    /// Bytes of a file: size and digest.
    Content {
        /// First build.
        a: (u64, Digest),
        /// Second build.
        b: (u64, Digest),
        /// The first differing bytes, when the caller had both files.
        bytes: Option<ByteDiff>,
    },
    /// A link's text.
    Target {
        /// First build.
        a: String,
        /// Second build.
        b: String,
    },
}

/// Every difference, sorted by path.
pub fn compare(a: &Manifest, b: &Manifest) -> Vec<Difference> {
    let paths: BTreeSet<&str> = a.entries().iter().chain(b.entries()).map(|entry| entry.path.as_str()).collect();
    let mut differences = Vec::new();
    for path in paths {
        let mut add = |what| differences.push(Difference { path: path.to_owned(), what });
        match (a.get(path), b.get(path)) {
            (Some(_), None) => add(Change::OnlyInA),
            (None, Some(_)) => add(Change::OnlyInB),
            (Some(a), Some(b)) => compare_entry(a, b).into_iter().for_each(add),
            (None, None) => {}
        }
    }
    differences
}

fn compare_entry(a: &ManifestEntry, b: &ManifestEntry) -> Vec<Change> {
    let mut changes = Vec::new();
    if a.mode != b.mode && a.kind.word() == b.kind.word() {
        changes.push(Change::Mode { a: a.mode, b: b.mode });
    }
    match (&a.kind, &b.kind) {
        (a, b) if a == b => {}
        (EntryKind::File { size: size_a, sha256: hash_a }, EntryKind::File { size: size_b, sha256: hash_b }) => {
            changes.push(Change::Content { a: (*size_a, *hash_a), b: (*size_b, *hash_b), bytes: None });
        }
        (EntryKind::Symlink { target: a }, EntryKind::Symlink { target: b }) => {
            changes.push(Change::Target { a: a.clone(), b: b.clone() });
        }
        (a, b) => changes.push(Change::Kind { a: a.word(), b: b.word() }),
    }
    changes
}

/// The first bytes in which two files differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ByteDiff {
    /// Where the first differing byte is.
    pub offset: u64,
    /// Where the windows begin.
    pub window: u64,
    /// The first build's bytes there.
    pub a: Vec<u8>,
    /// The second build's bytes there.
    pub b: Vec<u8>,
    /// What the bytes look like.
    pub cause: Cause,
}

/// What differing bytes look like. A guess, and called one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// A date, a time of day or seconds since 1970.
    Time,
    /// A file name with directories.
    Path,
    /// A word such as a host name or user name.
    Name,
    /// A decimal number: a process id, a core count, a counter.
    Number,
    /// A long run of hexadecimal digits: a hash, an id or something random.
    Hash,
    /// The same bytes in another order: directory or hash map order.
    Order,
    /// Unknown.
    Unknown,
}

/// The first difference of two files; `None` when they are equal.
pub fn first_difference(a: &[u8], b: &[u8]) -> Option<ByteDiff> {
    let offset = a.iter().zip(b).position(|(a, b)| a != b).unwrap_or(a.len().min(b.len()));
    if offset == a.len() && offset == b.len() {
        return None;
    }
    let start = offset.saturating_sub(BEFORE);
    let window = |bytes: &[u8]| bytes[start.min(bytes.len())..bytes.len().min(start + WINDOW)].to_vec();
    let cause = cause(a, b, offset);
    Some(ByteDiff { offset: offset as u64, window: start as u64, a: window(a), b: window(b), cause })
}

/// Looks at the printable text around the first difference.
fn cause(a: &[u8], b: &[u8], offset: usize) -> Cause {
    if a.len() == b.len() && histogram(a) == histogram(b) {
        return Cause::Order;
    }
    let (a, b) = (word(a, offset), word(b, offset));
    let both = |test: fn(&str) -> bool| test(&a) && test(&b);
    if both(looks_like_time) {
        Cause::Time
    } else if both(|word| word.contains('/')) {
        Cause::Path
    } else if both(|word| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit())) {
        Cause::Number
    } else if both(|word| word.len() >= 16 && word.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')) {
        Cause::Hash
    } else if both(|word| {
        word.len() >= 3 && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    }) {
        Cause::Name
    } else {
        Cause::Unknown
    }
}

fn histogram(bytes: &[u8]) -> [u64; 256] {
    let mut counts = [0; 256];
    bytes.iter().for_each(|byte| counts[usize::from(*byte)] += 1);
    counts
}

/// The run of word bytes around `offset`, at most 128 on each side. A colon belongs to times, a slash to paths.
fn word(bytes: &[u8], offset: usize) -> String {
    let part = |byte: &u8| byte.is_ascii_alphanumeric() || b"/:._-+".contains(byte);
    let offset = offset.min(bytes.len());
    let before = bytes[offset.saturating_sub(128)..offset].iter().rev().take_while(|byte| part(byte)).count();
    let after = bytes[offset..].iter().take(128).take_while(|byte| part(byte)).count();
    String::from_utf8_lossy(&bytes[offset - before..offset + after]).into_owned()
}

/// `12:34`, `2026-11-21`, or ten digits that are seconds of the years 2001 to 2065.
fn looks_like_time(word: &str) -> bool {
    let digits = |text: &str, count: usize| text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    let clock = word.split(':').collect::<Vec<_>>();
    let clock =
        clock.len() >= 2 && clock.iter().skip(1).all(|part| part.len() >= 2 && digits(&part[..2.min(part.len())], 2));
    let date: Vec<&str> = word.split(['-', 'T']).collect();
    let date = date.len() >= 3 && digits(date[0], 4) && digits(date[1], 2) && digits(date[2], 2);
    let seconds = digits(word, 10) && ('1'..='2').contains(&word.chars().next().unwrap_or('0'));
    (clock && word.bytes().next().is_some_and(|byte| byte.is_ascii_digit())) || date || seconds
}

impl Cause {
    /// A sentence for the report.
    pub fn hint(self) -> &'static str {
        match self {
            Self::Time => "looks like a time: use SOURCE_DATE_EPOCH",
            Self::Path => "looks like a path: use -ffile-prefix-map or a relative name",
            Self::Name => "looks like a name: host, user or machine name",
            Self::Number => "looks like a number: core count, process id or counter",
            Self::Hash => "looks like a hash or random id",
            Self::Order => "the same bytes in another order: sort directory listings and maps",
            Self::Unknown => "cause unknown",
        }
    }
}

impl fmt::Display for ByteDiff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "first difference at byte {}; {}", self.offset, self.cause.hint())?;
        for (name, bytes) in [("a", &self.a), ("b", &self.b)] {
            for (row, chunk) in bytes.chunks(16).enumerate() {
                let hex: Vec<String> = chunk.iter().map(|byte| format!("{byte:02x}")).collect();
                let text: String =
                    chunk.iter().map(|byte| if (32..127).contains(byte) { char::from(*byte) } else { '.' }).collect();
                writeln!(f, "  {name} {:08x}  {:<47}  {text}", self.window + 16 * row as u64, hex.join(" "))?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = &self.path;
        match &self.what {
            Change::OnlyInA => writeln!(f, "{path}: only in the first build"),
            Change::OnlyInB => writeln!(f, "{path}: only in the second build"),
            Change::Mode { a, b } => writeln!(f, "{path}: mode {a:04o}, then {b:04o}"),
            Change::Kind { a, b } => writeln!(f, "{path}: a {a}, then a {b}"),
            Change::Target { a, b } => writeln!(f, "{path}: points to {a}, then to {b}"),
            Change::Content { a, b, bytes } => {
                let side = |(size, digest): &(u64, Digest)| format!("{size} bytes sha256:{}", digest.short());
                writeln!(f, "{path}: {}, then {}", side(a), side(b))?;
                for line in
                    bytes.iter().flat_map(|bytes| bytes.to_string().lines().map(str::to_owned).collect::<Vec<_>>())
                {
                    writeln!(f, "    {line}")?;
                }
                Ok(())
            }
        }
    }
}

/// The answer to "does it come out the same again?".
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "verdict", content = "detail")]
pub enum ReproVerdict {
    /// Two builds, the same bytes.
    Reproduced,
    /// Two builds, different bytes.
    Differs(Vec<Difference>),
    /// The second build failed, with its message.
    BuildFailed(String),
    /// A source could not be fetched, with the message.
    FetchFailed(String),
    /// It could not be decided, with the reason.
    Unchecked(String),
    /// It was not compared.
    Skipped,
}

impl ReproVerdict {
    /// The verdict about two manifests.
    pub fn of(a: &Manifest, b: &Manifest) -> Self {
        let differences = compare(a, b);
        if differences.is_empty() { Self::Reproduced } else { Self::Differs(differences) }
    }

    /// True for everything but proof of the contrary and failures.
    pub fn is_good(&self) -> bool {
        matches!(self, Self::Reproduced | Self::Skipped)
    }

    /// The verdict on `name` as plain text: one line, then the differences.
    pub fn render(&self, name: &str) -> String {
        match self {
            Self::Reproduced => format!("{name}: reproduced\n"),
            Self::Differs(differences) => {
                let count = differences.len();
                let noun = if count == 1 { "path differs" } else { "paths differ" };
                let list: String = differences.iter().map(|one| indent(&one.to_string())).collect();
                format!("{name}: NOT reproduced, {count} {noun}\n{list}")
            }
            Self::BuildFailed(message) => format!("{name}: second build failed\n{}", indent(message)),
            Self::FetchFailed(message) => format!("{name}: source not reachable\n{}", indent(message)),
            Self::Unchecked(reason) => format!("{name}: not checked, {reason}\n"),
            Self::Skipped => format!("{name}: skipped\n"),
        }
    }
}

fn indent(text: &str) -> String {
    text.lines().map(|line| format!("  {line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn manifest(entries: Vec<ManifestEntry>) -> Manifest {
        Manifest::sorted(entries).unwrap()
    }

    #[test]
    fn every_sort_of_difference_is_told() {
        let (old, new) = (b"built Nov 21 2026 10:00:01\n", b"built Nov 21 2026 10:00:59\n");
        let a = manifest(vec![
            ManifestEntry::dir("a"),
            ManifestEntry::file("b", 0o644, b""),
            ManifestEntry::file("c", 0o644, b""),
            ManifestEntry::symlink("d", "x"),
            ManifestEntry::file("e", 0o644, old),
            ManifestEntry::dir("same"),
        ]);
        let b = manifest(vec![
            ManifestEntry::file("b", 0o755, b""),
            ManifestEntry::dir("c"),
            ManifestEntry::symlink("d", "y"),
            ManifestEntry::file("e", 0o644, new),
            ManifestEntry::dir("f"),
            ManifestEntry::dir("same"),
        ]);
        let mut differences = compare(&a, &b);
        for difference in &mut differences {
            if let Change::Content { bytes, .. } = &mut difference.what {
                *bytes = first_difference(old, new);
            }
        }
        insta::assert_snapshot!(ReproVerdict::Differs(differences).render("zlib"));
    }

    #[test]
    fn verdicts() {
        let tree = manifest(vec![ManifestEntry::dir("a")]);
        assert_eq!(ReproVerdict::of(&tree, &tree).render("x"), "x: reproduced\n");
        let one = ReproVerdict::of(&tree, &Manifest::default());
        assert!(!one.is_good() && one.render("x").starts_with("x: NOT reproduced, 1 path differs\n"));
        assert!(ReproVerdict::Skipped.is_good() && ReproVerdict::Skipped.render("x") == "x: skipped\n");
        assert_eq!(ReproVerdict::BuildFailed("a\nb".into()).render("x"), "x: second build failed\n  a\n  b\n");
        assert_eq!(ReproVerdict::FetchFailed("a".into()).render("x"), "x: source not reachable\n  a\n");
        assert_eq!(ReproVerdict::Unchecked("no room".into()).render("x"), "x: not checked, no room\n");
    }

    #[test]
    fn causes() {
        for (a, b, expected) in [
            ("t=1795302000 ", "t=1795302060 ", Cause::Time),
            ("on 2026-11-21T10:00", "on 2026-11-22T10:00", Cause::Time),
            ("at 10:00:01 ", "at 10:00:02 ", Cause::Time),
            ("in /build/a/x.c", "in /other/a/x.c", Cause::Path),
            ("host alpha.", "host beta-two.", Cause::Name),
            ("jobs 2 ", "jobs 16 ", Cause::Number),
            ("id 0123456789abcdef0", "id 1123456789abcdef1", Cause::Hash),
            ("b a c", "a b c", Cause::Order),
            ("\x01\x02", "\x01\x03", Cause::Unknown),
            ("x", "", Cause::Unknown),
        ] {
            let diff = first_difference(a.as_bytes(), b.as_bytes()).unwrap();
            assert_eq!(diff.cause, expected, "{a:?} {b:?}");
            assert!(!expected.hint().is_empty());
        }
    }

    #[test]
    fn a_longer_file_differs_where_the_shorter_ends() {
        let diff = first_difference(b"0123456789abc", b"0123456789").unwrap();
        assert_eq!((diff.offset, diff.window, diff.b.as_slice()), (10, 2, &b"23456789"[..]));
        assert_eq!(first_difference(b"same", b"same"), None);
    }

    proptest! {
        #[test]
        fn comparing_is_symmetric(a in "[ab]{0,6}", b in "[ab]{0,6}") {
            let tree = |text: &str| manifest(text.char_indices().map(|(i, c)| ManifestEntry::file(format!("{i}"), 0o644, &[c as u8])).collect());
            let (a, b) = (tree(&a), tree(&b));
            prop_assert_eq!(compare(&a, &b).len(), compare(&b, &a).len());
            prop_assert_eq!(compare(&a, &b).is_empty(), a == b);
        }

        #[test]
        fn never_panics(a in proptest::collection::vec(any::<u8>(), 0..80), b in proptest::collection::vec(any::<u8>(), 0..80)) {
            let diff = first_difference(&a, &b);
            prop_assert_eq!(diff.is_none(), a == b);
            let _text = diff.map(|diff| diff.to_string());
        }
    }
}
