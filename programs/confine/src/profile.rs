//! A profile as written: TOML, in which everything is refused that no `[[grant]]` names, and every grant has a reason.
//!
//! Here: its shape, and findings with file and line for what cannot be meant. What follows from it is in [`crate::plan`].

use std::fmt;
use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;

/// A word or path with its place.
pub type Word = Spanned<String>;

/// The file, as its author wrote it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Profile {
    /// What the service does, one line.
    pub summary: String,
    /// Runs as this user, with the user's own groups; unchanged when absent.
    pub user: Option<Word>,
    /// Name of the AppArmor profile, where the kernel cannot tell it by the program's path.
    pub apparmor: Option<Word>,
    /// File mode mask, octal; 077 when absent.
    pub umask: Option<Word>,
    /// What is allowed, each with its reason.
    #[serde(default)]
    pub grant: Vec<Grant>,
    /// Amounts.
    #[serde(default)]
    pub limits: Limits,
    /// Whose processes become users: from then on they are in the user's control group.
    pub logins: Option<Word>,
    /// What each user gets: of the profile `users` only, under which logins are moved.
    pub users: Option<Users>,
    /// A score that is accepted although it is above the general limit.
    pub exposure: Option<Accepted>,
}

/// Something that is allowed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Grant {
    /// Why the service cannot do without.
    pub reason: Word,
    /// Directories that may be listed, with those below them.
    #[serde(default)]
    pub list: Vec<Word>,
    /// Files and directories that may be read.
    #[serde(default)]
    pub read: Vec<Word>,
    /// And executed.
    #[serde(default)]
    pub execute: Vec<Word>,
    /// Directories in which everything may be made, changed and removed; or files that may be changed.
    #[serde(default)]
    pub write: Vec<Word>,
    /// Files that are made, empty, before the service starts, and may be changed.
    #[serde(default)]
    pub make: Vec<Word>,
    /// Devices that may be read, written and controlled.
    #[serde(default)]
    pub device: Vec<Word>,
    /// TCP ports to listen on.
    #[serde(default)]
    pub bind: Vec<u16>,
    /// TCP ports to connect to.
    #[serde(default)]
    pub connect: Vec<u16>,
    /// Families of sockets.
    #[serde(default)]
    pub sockets: Vec<Word>,
    /// Capabilities that are kept.
    #[serde(default)]
    pub capabilities: Vec<Word>,
    /// Groups of system calls.
    #[serde(default)]
    pub calls: Vec<Word>,
    /// What is not its own but the system's.
    #[serde(default)]
    pub share: Vec<Word>,
    /// Restrictions that are not made.
    #[serde(default)]
    pub lift: Vec<Word>,
}

/// Amounts; no limit where nothing is said, except for core dumps, which are off.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Limits {
    /// Memory of the service's control group: like `64M`, or `50%` of the machine's.
    pub memory: Option<Word>,
    /// Memory of it that the kernel takes back for nobody else.
    pub reserved: Option<Word>,
    /// Processes and threads in it.
    pub processes: Option<u32>,
    /// Processes and threads of each user that is not root, wherever they were started.
    pub user_processes: Option<u64>,
    /// Open files of each process.
    pub open_files: Option<u64>,
}

/// The control groups of users: what one user may have, and what all may have together.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Users {
    /// Members of this group are apart from all others, who cannot use up what these need.
    pub apart: Word,
    /// Logins of one user at a time.
    pub logins: u32,
    /// Memory of one user, files in memory among it.
    pub memory: Word,
    /// Processes and threads of one user.
    pub processes: u32,
    /// Of all users together who are not apart.
    pub together: Together,
}

/// What all users may have together.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Together {
    /// Memory.
    pub memory: Word,
    /// Processes and threads.
    pub processes: u32,
    /// Share of the processor where there is not enough for all; a service has 100.
    pub weight: u32,
}

/// A score above the general limit.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accepted {
    /// The highest score that is accepted.
    pub accepted: f64,
    /// Why.
    pub reason: String,
}

/// Something wrong with a profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Its line, from 1.
    pub line: usize,
    /// What is wrong, and what to write.
    pub message: String,
}

/// A profile's text with the name of its file, to say where something is.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// As the caller named it.
    pub file: &'a str,
    /// The whole text.
    pub text: &'a str,
}

impl Source<'_> {
    /// The line of a place.
    pub fn line(&self, span: Range<usize>) -> usize {
        1 + self.text.bytes().take(span.start).filter(|byte| *byte == b'\n').count()
    }

    /// Findings as lines for a person.
    pub fn show(&self, findings: &[Finding]) -> String {
        let lines = findings.iter().map(|finding| format!("{}:{}: {}", self.file, finding.line, finding.message));
        lines.collect::<Vec<_>>().join("\n")
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "line {}: {}", self.line, self.message)
    }
}

/// Reads a profile.
pub fn read(source: Source<'_>) -> Result<Profile, Vec<Finding>> {
    toml::from_str(source.text).map_err(|error| {
        let line = error.span().map_or(1, |span| source.line(span));
        vec![Finding { line, message: error.message().replace('\n', " ") }]
    })
}
