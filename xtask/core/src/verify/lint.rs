//! Checks of finished trees, as data: name, severity, description, remedy and a pure function.
//!
//! A check that finds something gives findings; a check that cannot run (a file cannot be read) is an error of the caller's
//! `Contents`. Every file is read once and shown to all checks. Whether a path may deviate is the policy's business, with a
//! reason.

pub mod archive;
pub mod elf;
mod file;
pub mod leaks;
pub mod needles;
pub mod report;
pub mod rootfs;
mod rule;
pub mod units;

use std::borrow::Cow;
use std::{fmt, io};

use serde::Serialize;

pub use file::{File, Part};
pub use needles::{Needles, Subject};
pub use rule::{Check, Exemption, Hit, Policy, Rule};

use crate::base::diag::{Severity, suggest};
use crate::formats::manifest::{Kind, Manifest};

/// One fault of a tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Name of the check.
    pub check: &'static str,
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

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        write!(f, "{severity}[{}]: {}", self.check, self.message)?;
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

/// All checks, in the order they are listed to people.
pub const CHECKS: &[Check] = &[
    elf::PARSE,
    elf::PIE,
    elf::STATIC,
    elf::RELRO,
    elf::NX_STACK,
    elf::WRITE_XOR_EXECUTE,
    elf::RUN_PATH,
    elf::GLIBC,
    units::CONFIGURED,
    units::GUARD,
    archive::METADATA,
    leaks::LEAKS,
    rootfs::TOP,
    rootfs::BUILD_LINK,
    rootfs::SET_ID,
    rootfs::WORLD_WRITABLE,
    rootfs::USR_LOCAL,
    rootfs::MERGED_USR,
    rootfs::DANGLING,
    rootfs::LEFTOVERS,
];

/// Runs all checks; hits that an exemption covers are left out, and exemptions that cover nothing are reported. Sorted by
/// path; an error means that a file could not be read.
pub fn run(
    manifest: &Manifest,
    contents: &dyn Contents,
    subject: &Subject,
    policy: &Policy,
) -> io::Result<Vec<Finding>> {
    let needles = Needles::new(subject);
    let mut hits: Vec<(&Check, Hit)> = Vec::new();
    for check in CHECKS {
        if let Rule::Tree(rule) = check.rule {
            hits.extend(rule(manifest, policy).into_iter().map(|hit| (check, hit)));
        }
    }
    for entry in manifest.entries() {
        if !matches!(entry.kind, Kind::File { .. }) {
            continue;
        }
        let bytes = contents
            .read(&entry.path)
            .map_err(|error| io::Error::new(error.kind(), format!("reading `{}` for checks: {error}", entry.path)))?;
        let file = File::new(entry, &bytes);
        for check in CHECKS {
            if let Rule::File(rule) = check.rule {
                hits.extend(rule(&file, &needles).into_iter().map(|hit| (check, hit)));
            }
        }
    }
    let mut findings = unused_exemptions(&hits, policy);
    hits.retain(|(check, hit)| !policy.exemptions.iter().any(|exemption| exemption.covers(check, hit)));
    // Stable: hits of one path stay in the order of the checks.
    hits.sort_by(|a, b| a.1.path.cmp(&b.1.path));
    findings.extend(hits.into_iter().map(|(check, Hit { path, message, place })| Finding {
        check: check.name,
        severity: check.severity,
        path,
        message,
        place,
        help: check.remedy.to_owned(),
    }));
    Ok(findings)
}

/// An exemption that covers nothing hides the next real fault, so it is reported.
fn unused_exemptions(hits: &[(&Check, Hit)], policy: &Policy) -> Vec<Finding> {
    let unused =
        policy.exemptions.iter().filter(|exemption| !hits.iter().any(|(check, hit)| exemption.covers(check, hit)));
    unused
        .map(|Exemption { check, files, .. }| {
            let known = suggest(check, CHECKS.iter().map(|check| check.name)).filter(|name| name != check);
            Finding {
                check: "check::unused-exemption",
                severity: Severity::Warning,
                path: String::new(),
                message: format!("the exemption of `{files}` from `{check}` covers nothing"),
                place: None,
                help: known.map_or_else(|| "remove it".to_owned(), |name| format!("did you mean `{name}`?")),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests;
