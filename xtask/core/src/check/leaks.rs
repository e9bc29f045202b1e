//! Texts of the build that no file may contain: paths, the host's name, the day of the build.

use super::{Check, File, Finding, Policy, Rule};
use crate::diag::Severity;
use crate::name::Epoch;
use crate::oci::civil;

/// Nothing of the build is visible in its result.
pub const LEAKS: Check = Check {
    name: "check::leak",
    severity: Severity::Error,
    description: "no file contains a build path, the host's name or the day of the build",
    remedy: "find the text in the sources' build system; for paths of debug information and __FILE__ the toolchain's \
             configuration has -ffile-prefix-map, for times there is SOURCE_DATE_EPOCH",
    rule: Rule::File(leaks),
};

/// Findings per file; more say nothing new.
const MAX_PER_FILE: usize = 3;
/// Bytes shown on either side of a leak.
const AROUND: usize = 24;

/// Host names that are ordinary words: finding one in a file says nothing.
const COMMON_NAMES: [&str; 12] = [
    "localhost", "ashlar", "linux", "debian", "ubuntu", "fedora", "alpine", "build", "builder", "host", "server", "machine",
];

/// What the caller knows about the build.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Traces {
    /// Directories of the host that the build worked in.
    pub directories: Vec<String>,
    /// The host's name.
    pub host: Option<String>,
    /// When the build ran, in seconds since 1970.
    pub now: Option<u64>,
    /// The epoch: its day is no leak.
    pub epoch: Option<Epoch>,
}

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

/// Directories inside the build container.
const CONTAINER: [(&str, Edge, Edge); 9] = [
    ("/build/src", Edge::Any, Edge::Path),
    ("/build/obj", Edge::Any, Edge::Path),
    ("/build/home", Edge::Any, Edge::Path),
    ("/build/", Edge::Path, Edge::Any),
    ("/sysroot/", Edge::Path, Edge::Any),
    ("/toolchain/", Edge::Path, Edge::Any),
    ("/tools/usr", Edge::Path, Edge::Any),
    ("/dest/usr", Edge::Path, Edge::Any),
    ("/files/", Edge::Path, Edge::Any),
];

impl Needles {
    /// The container's directories and whatever the traces name.
    pub fn new(traces: &Traces) -> Self {
        let mut needles: Vec<Needle> = Vec::new();
        let mut add = |text: &str, before, after, what| {
            needles.push(Needle { text: text.as_bytes().to_vec(), before, after, what });
        };
        for (text, before, after) in CONTAINER {
            add(text, before, after, "a path of the build");
        }
        // `/tmp` or `/` alone would be found everywhere.
        for directory in traces.directories.iter().filter(|text| text.matches('/').count() >= 2) {
            add(directory.trim_end_matches('/'), Edge::Any, Edge::Path, "a path of the host");
        }
        let host = traces.host.as_deref().filter(|host| host.len() >= 4 && !COMMON_NAMES.contains(host));
        if let Some(host) = host {
            add(host, Edge::Word, Edge::Word, "the host's name");
        }
        let day = |seconds: u64| seconds / 86_400;
        if let Some(now) = traces.now.filter(|now| traces.epoch.map(|epoch| day(epoch.0)) != Some(day(*now))) {
            for text in spellings(day(now)) {
                add(&text, Edge::Word, Edge::Word, "the day of the build");
            }
        }
        let mut pairs = vec![false; 1 << 16];
        for needle in &needles {
            pairs[pair(&needle.text)] = true;
        }
        Self { needles, pairs }
    }

    /// Every place in `bytes`, in order: offset, length, what it is. One offset is reported once.
    fn find(&self, bytes: &[u8]) -> Vec<(usize, usize, &'static str)> {
        let mut found: Vec<(usize, usize, &'static str)> = Vec::new();
        if self.pairs.is_empty() {
            return found;
        }
        for (at, window) in bytes.windows(2).enumerate() {
            if !self.pairs[pair(window)] {
                continue;
            }
            let hit = self.needles.iter().find(|needle| needle.is_at(bytes, at));
            if let Some(needle) = hit {
                found.push((at, needle.text.len(), needle.what));
                if found.len() == MAX_PER_FILE {
                    break;
                }
            }
        }
        found
    }
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
    let start = before.iter().rposition(|byte| byte.is_ascii_whitespace() || *byte == 0).map_or(0, |at| at + 1);
    let word = &before[start..];
    [&b"-I"[..], b"-L", b"-B"].contains(&word)
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

/// The ways compilers and scripts write a day.
fn spellings(day: u64) -> Vec<String> {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (year, month, day) = civil(day);
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

fn leaks(file: &File<'_>, policy: &Policy) -> Vec<Finding> {
    let path = &file.entry.path;
    let finding = |(at, length, what): (usize, usize, &'static str)| {
        let part = file.parts.iter().find(|part| part.member.as_ref().is_some_and(|member| member.range.contains(&at)));
        let suffix = part.map_or_else(String::new, |part| part.suffix());
        Finding {
            place: Some((at as u64, excerpt(file.bytes, at, length))),
            ..Finding::new(path, format!("`{path}`{suffix} contains {what}"))
        }
    };
    policy.needles.find(file.bytes).into_iter().map(finding).collect()
}

/// The text around a place, unprintable bytes as dots.
fn excerpt(bytes: &[u8], at: usize, length: usize) -> String {
    let (start, end) = (at.saturating_sub(AROUND), bytes.len().min(at + length + AROUND));
    bytes[start..end].iter().map(|byte| if (32..127).contains(byte) { char::from(*byte) } else { '.' }).collect()
}

/// Where `needle` first is in `bytes`.
pub(super) fn find(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    bytes.windows(needle.len()).position(|window| window == needle)
}

/// The run of printable bytes that begins at `at`, at most 32.
pub(super) fn word_at(bytes: &[u8], at: usize) -> String {
    bytes[at..].iter().take(32).take_while(|byte| byte.is_ascii_graphic()).map(|byte| char::from(*byte)).collect()
}
