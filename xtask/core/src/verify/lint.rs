//! Checks of finished trees, as data: name, severity, description, remedy and a pure function.
//!
//! A check that finds something gives findings; a check that cannot run (a file cannot be read) is an error of the caller's
//! `Contents`. Every file is read once and shown to all checks. Whether a path may deviate is the policy's business, with a
//! reason.

pub mod archive;
pub mod elf;
pub mod leaks;
pub mod report;
pub mod rootfs;
pub mod units;

use std::borrow::Cow;
use std::{fmt, io};

use serde::Serialize;

use crate::base::diag::{Severity, suggest};
use crate::base::glob;
use crate::formats::manifest::{ElfFacts, Entry, Kind, Manifest};
pub use leaks::Needles;

/// One rule about trees.
#[derive(Debug, Clone, Copy)]
pub struct Check {
    /// Stable name, `check::elf-pie` for example.
    pub name: &'static str,
    /// How bad a finding is.
    pub severity: Severity,
    /// What holds when the check finds nothing.
    pub description: &'static str,
    /// What to do about a finding.
    pub remedy: &'static str,
    /// The rule.
    pub rule: Rule,
}

/// What a rule looks at.
#[derive(Debug, Clone, Copy)]
pub enum Rule {
    /// The whole inventory.
    Tree(fn(&Manifest, &Policy) -> Vec<Hit>),
    /// One file with its bytes.
    File(fn(&File<'_>, &Needles) -> Vec<Hit>),
}

/// What a rule says, before name, severity and remedy are added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// Path in the tree.
    pub path: String,
    /// What is wrong, in one sentence that names the path's part (archive member) where there is one.
    pub message: String,
    /// Byte offset and the text around it.
    pub place: Option<(u64, String)>,
}

impl Hit {
    /// About a whole path.
    pub fn new(path: &str, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), message: message.into(), place: None }
    }
}

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

/// What is known about the build whose result is checked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Subject {
    /// The directory in the container that sources and objects were in, `/build` as a rule.
    pub build_root: String,
    /// Directories of the host that the build worked in.
    pub host_paths: Vec<String>,
    /// Names of the host and of the container.
    pub hostnames: Vec<String>,
    /// The day of the build, as [`leaks::date_forms`] spells it.
    pub dates: Vec<String>,
}

/// Deviations from the rules.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Policy {
    /// Paths that may have setuid or setgid.
    pub set_id: Vec<String>,
    /// Deviations.
    pub exemptions: Vec<Exemption>,
}

/// A deviation somebody took responsibility for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exemption {
    /// Name of the check.
    pub check: String,
    /// Glob of paths, as in recipes.
    pub files: String,
    /// Why.
    pub reason: String,
}

/// A file in front of the rules.
#[derive(Debug)]
pub struct File<'a> {
    /// Its entry.
    pub entry: &'a Entry,
    /// Its bytes.
    pub bytes: &'a [u8],
    /// The file itself, or the members when it is an `ar` archive.
    pub parts: Vec<Part<'a>>,
    /// Why it is a broken archive, when it is.
    pub broken: Option<&'static str>,
}

/// A file or archive member.
#[derive(Debug)]
pub struct Part<'a> {
    /// Member name, when it is one.
    pub member: Option<archive::Member<'a>>,
    /// Its bytes.
    pub bytes: &'a [u8],
    /// What it says about itself, when it is ELF.
    pub elf: Option<Result<ElfFacts, String>>,
}

impl Part<'_> {
    /// ` (member x.o)` for members, nothing for whole files.
    pub fn suffix(&self) -> String {
        self.member.as_ref().map_or_else(String::new, |member| format!(" (member {})", member.name))
    }
}

impl<'a> File<'a> {
    /// Takes a file apart.
    pub fn new(entry: &'a Entry, bytes: &'a [u8]) -> Self {
        let whole =
            |broken| Self { entry, bytes, parts: vec![Part { member: None, bytes, elf: elf::facts(bytes) }], broken };
        match archive::members(bytes) {
            None => whole(None),
            Some(Err(reason)) => whole(Some(reason)),
            Some(Ok(members)) => {
                let part = |member: archive::Member<'a>| {
                    let bytes = member.bytes;
                    Part { member: Some(member), bytes, elf: elf::facts(bytes) }
                };
                Self { entry, bytes, parts: members.into_iter().map(part).collect(), broken: None }
            }
        }
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

impl Exemption {
    fn covers(&self, check: &Check, hit: &Hit) -> bool {
        self.check == check.name && glob::matches(&self.files, &hit.path)
    }
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
