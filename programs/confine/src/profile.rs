//! A profile: TOML. The sandbox refuses everything that no `[[grant]]` names, and every grant has a reason.
//!
//! This module has the file format, and findings for mistakes. [`crate::plan`] interprets it.

use base::findings::{Finding, Findings};
use serde::Deserialize;
use toml::Spanned;
use toml::de::DeTable;

/// A word or path with its place.
pub type Word = Spanned<String>;

/// The file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ConfineProfile {
    /// The service's purpose, in one line.
    pub summary: String,
    /// The user that it runs as, with that user's groups; unchanged if absent.
    pub user: Option<Word>,
    /// Name of the AppArmor profile, if the program's path does not determine it.
    pub apparmor: Option<Word>,
    /// File mode mask, octal; 077 when absent.
    pub umask: Option<Word>,
    /// Grants.
    #[serde(default)]
    pub grant: Vec<Grant>,
    /// Limits.
    #[serde(default)]
    pub limits: Limits,
    /// Whether its processes become users, who then are in their own control groups.
    pub logins: Option<Word>,
    /// Limits of each user: only in the profile `users`, which the process that moves logins runs under.
    pub users: Option<Users>,
    /// An accepted score above the general limit.
    pub exposure: Option<Accepted>,
}

/// One grant.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Grant {
    /// Why the service needs it.
    pub reason: Word,
    /// Directories that may be listed, with those below them.
    #[serde(default)]
    pub list: Vec<Word>,
    /// Files and directories that may be read.
    #[serde(default)]
    pub read: Vec<Word>,
    /// Files and directories that may be read and executed.
    #[serde(default)]
    pub execute: Vec<Word>,
    /// Directories in which everything may be created, changed and removed; or files that may be changed.
    #[serde(default)]
    pub write: Vec<Word>,
    /// Files that are created empty before the service starts, and may be changed.
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
    /// What the service uses of the host's, where it otherwise has its own or nothing.
    #[serde(default)]
    pub host: Vec<Word>,
    /// Restrictions that do not apply to it.
    #[serde(default)]
    pub allow: Vec<Word>,
}

/// Limits; an absent one is unlimited, except core dumps, which are off.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Limits {
    /// Memory of the service's control group: like `64M`, or `50%` of the machine's.
    pub memory: Option<Word>,
    /// Memory that the kernel does not reclaim for others.
    pub reserved: Option<Word>,
    /// Processes and threads of the control group.
    pub processes: Option<u32>,
    /// Processes and threads of each user that is not root, wherever they were started.
    pub user_processes: Option<u64>,
    /// Open files of each process.
    pub open_files: Option<u64>,
}

/// The control groups of users: limits of one user, and of all together.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Users {
    /// Members of this group have limits apart from all other users, who cannot exhaust them.
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

/// Directories of profiles: the administrator's, then the image's.
pub const PROFILES: [&str; 2] = ["/etc/confine", "/usr/lib/confine"];

/// Keys of a grant that had another name in older profiles.
const RENAMED: [(&str, &str); 2] = [("share", "host"), ("lift", "allow")];

/// Reads a profile.
pub fn read(text: &str) -> Result<ConfineProfile, Findings> {
    toml::from_str(text).map_err(|error| {
        let renamed = renamed(text);
        if !renamed.is_empty() {
            return renamed;
        }
        Finding::new(error.span().unwrap_or_default(), error.message().replace('\n', " "), "").into()
    })
}

/// A finding for each key that has another name now.
fn renamed(text: &str) -> Findings {
    let Ok(table) = DeTable::parse(text) else { return Findings::default() };
    let grants = table.get_ref().get("grant").and_then(|grants| grants.get_ref().as_array());
    let keys =
        grants.into_iter().flatten().filter_map(|grant| grant.get_ref().as_table()).flat_map(|grant| grant.keys());
    let mut findings = Vec::new();
    for key in keys {
        if let Some((old, new)) = RENAMED.iter().find(|(old, _)| key.get_ref() == old) {
            findings.push(Finding::new(key.span(), format!("the key `{old}` is now called `{new}`"), ""));
        }
    }
    findings.sort_by_key(|finding| finding.at);
    findings.into_iter().collect()
}
