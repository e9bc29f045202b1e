//! Looks for texts in bytes: those of a build that its result must not show, and symbol versions.

use super::file::File;
use super::hit::Hit;
use crate::base::name::Epoch;
use crate::formats::oci::civil;

/// What is known about the build whose result is checked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Subject {
    /// The directory in the container that sources and objects were in, `/build` as a rule.
    pub build_root: String,
    /// Directories of the host that the build worked in.
    pub host_paths: Vec<String>,
    /// Names of the host and of the container.
    pub hostnames: Vec<String>,
    /// The day of the build, as [`date_forms`] spells it.
    pub dates: Vec<String>,
}

/// Hits per file; more say nothing new.
const MAX_PER_FILE: usize = 3;

/// Bytes shown on either side of a text that was found.
const AROUND: usize = 24;

/// Host names that are ordinary words: hit one in a file says nothing.
const COMMON_NAMES: [&str; 12] = [
    "localhost",
    "ashlar",
    "linux",
    "debian",
    "ubuntu",
    "fedora",
    "alpine",
    "build",
    "builder",
    "host",
    "server",
    "machine",
];

/// What may stand beside a text so that it counts as found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Edge {
    /// Anything.
    Any,
    /// Not a letter or digit.
    Word,
    /// Not a part of a longer path: no letter, digit, dot, dash, underscore, slash.
    Path,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Needle {
    text: Vec<u8>,
    before: Edge,
    after: Edge,
    what: &'static str,
}

/// The texts to look for, prepared for one pass over each file.
#[derive(Debug, Clone, Default)]
pub struct Needles {
    needles: Vec<Needle>,
    /// Bit per pair of first bytes: most positions of a file are decided by one look here.
    pairs: Vec<bool>,
}

/// Directories inside the build container besides the build root.
const CONTAINER: [&str; 5] = ["/sysroot/", "/toolchain/", "/tools/usr", "/dest/usr", "/files/"];

impl Needles {
    /// The container's directories and whatever the subject names.
    pub fn new(subject: &Subject) -> Self {
        let mut needles: Vec<Needle> = Vec::new();
        let mut add = |text: &str, before, after, what| {
            needles.push(Needle { text: text.as_bytes().to_vec(), before, after, what });
        };
        if subject.build_root.len() > 1 {
            for room in ["src", "obj", "home"] {
                add(&format!("{}/{room}", subject.build_root), Edge::Any, Edge::Path, "a path of the build");
            }
            add(&format!("{}/", subject.build_root), Edge::Path, Edge::Any, "a path of the build");
        }
        for text in CONTAINER {
            add(text, Edge::Path, Edge::Any, "a path of the build");
        }
        // `/tmp` or `/` alone would be found everywhere.
        for directory in subject.host_paths.iter().filter(|text| text.matches('/').count() >= 2) {
            add(directory.trim_end_matches('/'), Edge::Any, Edge::Path, "a path of the host");
        }
        for host in subject.hostnames.iter().filter(|host| host.len() >= 4 && !COMMON_NAMES.contains(&host.as_str())) {
            add(host, Edge::Word, Edge::Word, "the host's name");
        }
        for date in subject.dates.iter().filter(|date| date.len() >= 8) {
            add(date, Edge::Word, Edge::Word, "the day of the build");
        }
        Self::prepared(needles)
    }

    /// These texts, wherever they stand: `what` says what each is.
    pub(super) fn texts(texts: &[&str], what: &'static str) -> Self {
        let needle = |text: &&str| Needle { text: text.as_bytes().to_vec(), before: Edge::Any, after: Edge::Any, what };
        Self::prepared(texts.iter().map(needle).collect())
    }

    fn prepared(needles: Vec<Needle>) -> Self {
        let mut pairs = vec![false; 1 << 16];
        for needle in &needles {
            pairs[pair(&needle.text)] = true;
        }
        Self { needles, pairs }
    }

    /// What a file contains of them, in order.
    pub(super) fn hits(&self, file: &File<'_>) -> Vec<Hit> {
        let path = &file.entry.path;
        let hit = |(at, length, what): (usize, usize, &'static str)| {
            let part =
                file.parts.iter().find(|part| part.member.as_ref().is_some_and(|member| member.range.contains(&at)));
            let suffix = part.map_or_else(String::new, |part| part.suffix());
            let place = Some((at as u64, excerpt(file.bytes, at, length)));
            Hit { place, ..Hit::new(path, format!("`{path}`{suffix} contains {what}")) }
        };
        self.find(file.bytes).into_iter().map(hit).collect()
    }

    /// Every place in `bytes`, in order: offset, length, what it is. One offset is reported once.
    pub(super) fn find(&self, bytes: &[u8]) -> Vec<(usize, usize, &'static str)> {
        let mut found: Vec<(usize, usize, &'static str)> = Vec::new();
        if self.pairs.is_empty() {
            return found;
        }
        // Plain indexing instead of iterators: this loop sees every byte of every output, also in unoptimised builds.
        let mut at = 0;
        while at + 1 < bytes.len() && found.len() < MAX_PER_FILE {
            if self.pairs[usize::from(bytes[at]) << 8 | usize::from(bytes[at + 1])] {
                let needle = self.needles.iter().find(|needle| needle.is_at(bytes, at));
                found.extend(needle.map(|needle| (at, needle.text.len(), needle.what)));
            }
            at += 1;
        }
        found
    }
}

/// The text around a place, unprintable bytes as dots.
fn excerpt(bytes: &[u8], at: usize, length: usize) -> String {
    let (start, end) = (at.saturating_sub(AROUND), bytes.len().min(at + length + AROUND));
    bytes[start..end].iter().map(|byte| if (32..127).contains(byte) { char::from(*byte) } else { '.' }).collect()
}

fn pair(bytes: &[u8]) -> usize {
    usize::from(bytes[0]) << 8 | usize::from(bytes[1])
}

impl Needle {
    fn is_at(&self, bytes: &[u8], at: usize) -> bool {
        if !bytes[at..].starts_with(&self.text) {
            return false;
        }
        let before = at.checked_sub(1).and_then(|at| bytes.get(at));
        let option = self.before == Edge::Path && after_option(&bytes[..at]);
        (self.before.allows(before) || option) && self.after.allows_after(bytes.get(at + self.text.len()))
    }
}

/// `-I/sysroot/…` is a leak although a letter stands before the slash.
fn after_option(before: &[u8]) -> bool {
    [&b"-I"[..], b"-L", b"-B", b"-isystem"].iter().any(|option| before.ends_with(option))
}

impl Edge {
    fn allows(self, byte: Option<&u8>) -> bool {
        let Some(byte) = byte else { return true };
        match self {
            Self::Any => true,
            Self::Word => !byte.is_ascii_alphanumeric(),
            Self::Path => !byte.is_ascii_alphanumeric() && !b"._-/".contains(byte),
        }
    }

    /// After a directory a slash belongs to it.
    fn allows_after(self, byte: Option<&u8>) -> bool {
        self.allows(byte) || (self == Self::Path && byte == Some(&b'/'))
    }
}

/// The ways compilers and scripts write the day of `now` (seconds since 1970). None on the day of the epoch, which is
/// everywhere by design.
pub fn date_forms(now: u64) -> Vec<String> {
    if now / 86_400 == Epoch::RELEASE.0 / 86_400 {
        return Vec::new();
    }
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (year, month, day) = civil(now / 86_400);
    let name = MONTHS[(month as usize - 1) % 12];
    let mut all = vec![
        format!("{name} {day:2} {year}"),
        format!("{name} {day:02} {year}"),
        format!("{day} {name} {year}"),
        format!("{day:02} {name} {year}"),
        format!("{year}-{month:02}-{day:02}"),
        format!("{year}/{month:02}/{day:02}"),
        format!("{year}{month:02}{day:02}"),
    ];
    all.sort();
    all.dedup();
    all
}

/// Where any of `needles` first is in `bytes`.
pub(super) fn find_any(bytes: &[u8], needles: &[&[u8]]) -> Option<usize> {
    let mut first = [false; 256];
    needles.iter().filter_map(|needle| needle.first()).for_each(|byte| first[usize::from(*byte)] = true);
    let mut at = 0;
    while at < bytes.len() {
        if first[usize::from(bytes[at])] && needles.iter().any(|needle| bytes[at..].starts_with(needle)) {
            return Some(at);
        }
        at += 1;
    }
    None
}

/// The run of printable bytes that begins at `at`, at most 32.
pub(super) fn word_at(bytes: &[u8], at: usize) -> String {
    bytes[at..].iter().take(32).take_while(|byte| byte.is_ascii_graphic()).map(|byte| char::from(*byte)).collect()
}
