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

fn leaks(file: &File<'_>, needles: &Needles) -> Vec<Hit> {
    needles.hits(file)
}
