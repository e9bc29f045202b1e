//! Checks of finished trees, as data: name, severity, description, remedy and a pure function.
//!
//! A check that finds something gives findings; a check that cannot run (a file cannot be read) is an error of the caller's
//! `Contents`. Every file is read once and shown to all checks. Whether a path may deviate is the policy's business, with a
//! reason.

pub mod archive;
pub mod elf;
pub mod leaks;
pub mod rootfs;

use std::borrow::Cow;
use std::io;

use crate::diag::{Diagnostic, Severity};
use crate::glob;
use crate::manifest::{ElfFacts, Entry, Kind, Manifest};
pub use leaks::{Needles, Traces};

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
    Tree(fn(&Manifest, &Policy) -> Vec<Finding>),
    /// One file with its bytes.
    File(fn(&File<'_>, &Policy) -> Vec<Finding>),
}

/// What a rule found, before name, severity and remedy are added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Path in the tree.
    pub path: String,
    /// What is wrong, in one sentence that names the path's part (archive member) where there is one.
    pub message: String,
    /// Byte offset and the text around it.
    pub place: Option<(u64, String)>,
}

impl Finding {
    /// A finding about a whole path.
    pub fn new(path: &str, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), message: message.into(), place: None }
    }
}

/// What the rules are told besides the tree.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    /// Texts of the build that no file may contain.
    pub needles: Needles,
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
        let whole = |broken| Self {
            entry,
            bytes,
            parts: vec![Part { member: None, bytes, elf: elf::facts(bytes) }],
            broken,
        };
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
    archive::METADATA,
    leaks::LEAKS,
    rootfs::SET_ID,
    rootfs::WORLD_WRITABLE,
    rootfs::USR_LOCAL,
    rootfs::MERGED_USR,
    rootfs::DANGLING,
    rootfs::LEFTOVERS,
];

/// Runs all checks. The result is sorted by path; an error means that a file could not be read.
pub fn run(manifest: &Manifest, contents: &dyn Contents, policy: &Policy) -> io::Result<Vec<Diagnostic>> {
    let mut findings: Vec<(&Check, Finding)> = Vec::new();
    for check in CHECKS {
        if let Rule::Tree(rule) = check.rule {
            findings.extend(rule(manifest, policy).into_iter().map(|finding| (check, finding)));
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
                findings.extend(rule(&file, policy).into_iter().map(|finding| (check, finding)));
            }
        }
    }
    let mut diagnostics = unused_exemptions(&findings, policy);
    findings.retain(|(check, finding)| !policy.exemptions.iter().any(|exemption| exemption.covers(check, finding)));
    // Stable: findings of one path stay in the order of the checks.
    findings.sort_by(|a, b| a.1.path.cmp(&b.1.path));
    diagnostics.extend(findings.into_iter().map(|(check, finding)| diagnostic(check, finding)));
    Ok(diagnostics)
}

impl Exemption {
    fn covers(&self, check: &Check, finding: &Finding) -> bool {
        self.check == check.name && glob::matches(&self.files, &finding.path)
    }
}

/// An exemption that covers nothing hides the next real finding, so it is reported.
fn unused_exemptions(findings: &[(&Check, Finding)], policy: &Policy) -> Vec<Diagnostic> {
    let unused = policy
        .exemptions
        .iter()
        .filter(|exemption| !findings.iter().any(|(check, finding)| exemption.covers(check, finding)));
    unused
        .map(|exemption| {
            let Exemption { check, files, .. } = exemption;
            let message = format!("the exemption of `{files}` from `{check}` covers nothing");
            let names = CHECKS.iter().map(|check| check.name);
            let help = match crate::diag::suggest(check, names).filter(|name| name != check) {
                Some(name) => format!("did you mean `{name}`?"),
                None => "remove it".to_owned(),
            };
            Diagnostic::warning("check::unused-exemption", message).help(help)
        })
        .collect()
}

fn diagnostic(check: &Check, finding: Finding) -> Diagnostic {
    let mut diagnostic = Diagnostic::error(check.name, finding.message).in_file(finding.path).help(check.remedy);
    diagnostic.severity = check.severity;
    match finding.place {
        Some((offset, text)) => diagnostic.label(format!("at byte {offset}: {text}")),
        None => diagnostic,
    }
}

#[cfg(test)]
mod tests;
