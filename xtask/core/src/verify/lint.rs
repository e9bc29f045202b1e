//! Lints of finished trees, as data: name, severity, description, remedy and a pure function.
//!
//! A lint that finds something gives findings; a lint that cannot run (a file cannot be read) is an error of the caller's
//! `Contents`. Every file is read once and shown to all lints. Whether a path may deviate is the policy's business, with a
//! reason.

pub mod archive;
mod builder;
pub mod elf;
mod file;
mod hit;
pub mod leaks;
pub mod needles;
pub mod object_files;
pub mod report;
pub mod rootfs;
mod rule;

use std::borrow::Cow;
use std::{fmt, io};

use serde::Serialize;

pub use file::{File, Part};
pub use needles::{Needles, Subject};
pub use rule::{Exemption, Hit, Lint, LintPolicy, Rule};

use crate::base::diag::{Severity, suggest};
use crate::formats::manifest::{EntryKind, Manifest};

/// One fault of a tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LintFinding {
    /// Name of the lint.
    pub lint: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// Path in the tree; empty for findings about the policy itself.
    pub path: String,
    /// What is wrong, in one sentence.
    pub message: String,
    /// Byte offset in the file and the text around it.
    pub place: Option<(u64, String)>,
    /// What to do now.
    pub help: String,
}

impl fmt::Display for LintFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        write!(f, "{severity}[{}]: {}", self.lint, self.message)?;
        if let Some((offset, text)) = &self.place {
            write!(f, "\n    at byte {offset}: {text}")?;
        }
        write!(f, "\n    help: {}", self.help)
    }
}

/// Access to the files of a tree; the shell side reads them.
pub trait Contents {
    /// The bytes of the file at `path`.
    fn read(&self, path: &str) -> io::Result<Cow<'_, [u8]>>;
}

/// All lints, in the order they are listed to people.
pub const LINTS: &[Lint] = &[
    elf::PARSE,
    elf::PIE,
    elf::STATIC,
    elf::RELRO,
    elf::NX_STACK,
    elf::WRITE_XOR_EXECUTE,
    elf::RUN_PATH,
    elf::GLIBC,
    object_files::CONFIGURED,
    object_files::GUARD,
    archive::METADATA,
    leaks::LEAKS,
    builder::BUILDER,
    rootfs::TOP,
    rootfs::SITE,
    rootfs::BUILD_LINK,
    rootfs::SET_ID,
    rootfs::WORLD_WRITABLE,
    rootfs::USR_LOCAL,
    rootfs::MERGED_USR,
    rootfs::DANGLING,
    rootfs::LEFTOVERS,
];

/// Runs all lints; hits that an exemption covers are left out, and exemptions that cover nothing are reported. Sorted by
/// path; an error means that a file could not be read.
pub fn run(
    manifest: &Manifest,
    contents: &dyn Contents,
    subject: &Subject,
    policy: &LintPolicy,
) -> io::Result<Vec<LintFinding>> {
    let needles = Needles::new(subject);
    let mut hits: Vec<(&Lint, Hit)> = Vec::new();
    for lint in LINTS {
        if let Rule::Tree(rule) = lint.rule {
            hits.extend(rule(manifest, policy).into_iter().map(|hit| (lint, hit)));
        }
    }
    for entry in manifest.entries() {
        if !matches!(entry.kind, EntryKind::File { .. }) {
            continue;
        }
        let bytes = contents
            .read(&entry.path)
            .map_err(|error| io::Error::new(error.kind(), format!("reading `{}` for lints: {error}", entry.path)))?;
        let file = File::new(entry, &bytes);
        for lint in LINTS {
            if let Rule::File(rule) = lint.rule {
                hits.extend(rule(&file, &needles).into_iter().map(|hit| (lint, hit)));
            }
        }
    }
    let mut findings = unused_exemptions(&hits, policy);
    hits.retain(|(lint, hit)| !policy.exemptions.iter().any(|exemption| exemption.covers(lint, hit)));
    // Stable: hits of one path stay in the order of the lints.
    hits.sort_by(|a, b| a.1.path.cmp(&b.1.path));
    findings.extend(hits.into_iter().map(|(lint, Hit { path, message, place })| LintFinding {
        lint: lint.name,
        severity: lint.severity,
        path,
        message,
        place,
        help: lint.remedy.to_owned(),
    }));
    Ok(findings)
}

/// An exemption that covers nothing hides the next real fault, so it is reported.
fn unused_exemptions(hits: &[(&Lint, Hit)], policy: &LintPolicy) -> Vec<LintFinding> {
    let unused =
        policy.exemptions.iter().filter(|exemption| !hits.iter().any(|(lint, hit)| exemption.covers(lint, hit)));
    unused
        .map(|Exemption { lint, files, .. }| {
            let known = suggest(lint, LINTS.iter().map(|lint| lint.name)).filter(|name| name != lint);
            LintFinding {
                lint: "lint::unused-exemption",
                severity: Severity::Warning,
                path: String::new(),
                message: format!("the exemption of `{files}` from `{lint}` covers nothing"),
                place: None,
                help: known.map_or_else(|| "remove it".to_owned(), |name| format!("did you mean `{name}`?")),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests;
