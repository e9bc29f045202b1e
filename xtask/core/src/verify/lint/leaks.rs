//! Texts of the build that no file may contain: paths, the host's name, the day of the build.

use super::file::File;
use super::needles::Needles;
use super::rule::{Hit, Lint, Rule};
use crate::base::diag::Severity;

/// Nothing of the build is visible in its result.
pub const LEAKS: Lint = Lint {
    name: "lint::leak",
    severity: Severity::Error,
    description: "no file contains a build path, the host's name or the day of the build",
    remedy: "find the text in the sources' build system; for paths of debug information and __FILE__ the toolchain's \
             configuration has -ffile-prefix-map, for times there is SOURCE_DATE_EPOCH",
    rule: Rule::File(leaks),
};

/// Bytes shown on either side of a leak.
const AROUND: usize = 24;

fn leaks(file: &File<'_>, needles: &Needles) -> Vec<Hit> {
    let path = &file.entry.path;
    let hit = |(at, length, what): (usize, usize, &'static str)| {
        let part = file.parts.iter().find(|part| part.member.as_ref().is_some_and(|member| member.range.contains(&at)));
        let suffix = part.map_or_else(String::new, |part| part.suffix());
        Hit {
            place: Some((at as u64, excerpt(file.bytes, at, length))),
            ..Hit::new(path, format!("`{path}`{suffix} contains {what}"))
        }
    };
    needles.find(file.bytes).into_iter().map(hit).collect()
}

/// The text around a place, unprintable bytes as dots.
fn excerpt(bytes: &[u8], at: usize, length: usize) -> String {
    let (start, end) = (at.saturating_sub(AROUND), bytes.len().min(at + length + AROUND));
    bytes[start..end].iter().map(|byte| if (32..127).contains(byte) { char::from(*byte) } else { '.' }).collect()
}
