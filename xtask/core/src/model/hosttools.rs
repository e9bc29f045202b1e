//! The programs and files that Ashlar takes from the machine it runs on: a table, and what is decided from it.
//!
//! Compilers, archivers and image tools are not here: they come from the pinned seed env. Looking a tool up and asking
//! its version are effects (`xtask/src/host/tools.rs`); this module knows what to look for and what to install.

use std::cmp::Ordering;
use std::fmt;

use serde::{Serialize, Serializer};

mod table;

pub use table::TOOLS;

/// Something the host must have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tool {
    /// Name in reports; for [`Look::Program`] the program itself.
    pub name: &'static str,
    /// What it is used for, after "for".
    pub purpose: &'static str,
    /// How it is found.
    pub look: Look,
    /// Who needs it.
    pub need: Need,
    /// What to install.
    pub packages: Packages,
}

/// How a tool is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// A program in PATH or a system directory.
    Program {
        /// The oldest version that works; the version is asked only when there is one.
        minimum: Option<&'static str>,
        /// Arguments that make it print its version.
        version: &'static [&'static str],
    },
    /// Files; the first set that is complete.
    Files(&'static [&'static [&'static str]]),
}

/// Who needs a tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Every build. Without it Ashlar cannot work here.
    Builds,
    /// Every build by a user that is not root.
    UserBuilds,
    /// Only these commands of `cargo xtask`.
    Commands(&'static [&'static str]),
}

/// Package names by distribution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packages {
    /// Debian, Ubuntu and their kin.
    pub debian: &'static [&'static str],
    /// Fedora.
    pub fedora: &'static [&'static str],
    /// Arch.
    pub arch: &'static [&'static str],
    /// Alpine.
    pub alpine: &'static [&'static str],
}

/// A family of distributions whose package names and commands are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Distro {
    /// Debian, Ubuntu and their kin.
    Debian,
    /// Fedora.
    Fedora,
    /// Arch.
    Arch,
    /// Alpine.
    Alpine,
}

impl Distro {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Debian, Self::Fedora, Self::Arch, Self::Alpine];

    /// The family named by the text of `/etc/os-release`: its ID, else the first known word of ID_LIKE.
    pub fn from_os_release(text: &str) -> Option<Self> {
        let value = |key: &str| {
            let line = text.lines().find_map(|line| line.trim().strip_prefix(key)?.strip_prefix('='))?;
            Some(line.trim_matches(['"', '\'']))
        };
        let known = |id: &str| match id {
            "debian" | "ubuntu" => Some(Self::Debian),
            "fedora" | "rhel" => Some(Self::Fedora),
            "arch" => Some(Self::Arch),
            "alpine" => Some(Self::Alpine),
            _ => None,
        };
        value("ID")
            .and_then(known)
            .or_else(|| value("ID_LIKE").into_iter().flat_map(str::split_whitespace).find_map(known))
    }

    /// The name for people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Debian => "Debian",
            Self::Fedora => "Fedora",
            Self::Arch => "Arch",
            Self::Alpine => "Alpine",
        }
    }

    /// The command, to be run as root, that installs packages.
    pub fn install(self, packages: &[&str]) -> Vec<String> {
        let command: &[&str] = match self {
            Self::Debian => &["apt-get", "install", "--yes", "--no-install-recommends"],
            Self::Fedora => &["dnf", "install", "--assumeyes", "--setopt=install_weak_deps=False"],
            Self::Arch => &["pacman", "--sync", "--refresh", "--needed", "--noconfirm"],
            Self::Alpine => &["apk", "add"],
        };
        command.iter().chain(packages).map(|word| (*word).to_owned()).collect()
    }
}

impl Packages {
    /// The names on `distro`.
    pub fn on(&self, distro: Distro) -> &'static [&'static str] {
        match distro {
            Distro::Debian => self.debian,
            Distro::Fedora => self.fedora,
            Distro::Arch => self.arch,
            Distro::Alpine => self.alpine,
        }
    }
}

/// The packages that bring `tools` on `distro`, each once, in order of the table.
pub fn packages<'a>(distro: Distro, tools: impl IntoIterator<Item = &'a Tool>) -> Vec<&'static str> {
    let mut names: Vec<&'static str> = Vec::new();
    for name in tools.into_iter().flat_map(|tool| tool.packages.on(distro)) {
        if !names.contains(name) {
            names.push(name);
        }
    }
    names
}

impl Need {
    /// Whether `command` of `cargo xtask`, run by root or not, needs it. Commands that build need what builds need; here
    /// every command counts as one that builds.
    pub fn concerns(self, command: &str, root: bool) -> bool {
        match self {
            Self::Builds => true,
            Self::UserBuilds => !root,
            Self::Commands(commands) => commands.contains(&command),
        }
    }

    /// Whether nothing can be built without it.
    pub fn is_essential(self, root: bool) -> bool {
        match self {
            Self::Builds => true,
            Self::UserBuilds => !root,
            Self::Commands(_) => false,
        }
    }
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Builds => f.write_str("every build"),
            Self::UserBuilds => f.write_str("builds without root"),
            Self::Commands(commands) => f.write_str(&commands.join(", ")),
        }
    }
}

/// What looking for a tool gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// It is there, in a version that works.
    Good,
    /// It is there; what it printed holds no version.
    Unknown,
    /// It is there, but older than needed.
    Old,
    /// It is not there.
    Missing,
}

/// A dotted version, compared number by number; what follows the numbers does not count.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(Vec<u64>);

impl Version {
    /// The version that begins `text`: digits and dots, at least one dot, not more than nine digits a number.
    pub fn parse(text: &str) -> Option<Self> {
        let numbers = text.split(|c: char| !c.is_ascii_digit() && c != '.').next().unwrap_or_default();
        let numbers = numbers.trim_end_matches('.');
        if !numbers.contains('.') {
            return None;
        }
        let number = |part: &str| (part.len() <= 9).then(|| part.parse().ok()).flatten();
        numbers.split('.').map(number).collect::<Option<Vec<u64>>>().map(Self)
    }

    /// The first version in what a program printed, as `tool version v1.2.3 (built …)`.
    pub fn find(output: &str) -> Option<Self> {
        let word = |word: &str| Self::parse(word.trim_start_matches(['(', 'v']));
        output.split_whitespace().find_map(word)
    }

    /// Whether this is `minimum` or newer; missing numbers count as zero.
    pub fn satisfies(&self, minimum: &Self) -> bool {
        let length = self.0.len().max(minimum.0.len());
        let number = |list: &[u64], at: usize| list.get(at).copied().unwrap_or(0);
        (0..length)
            .map(|at| number(&self.0, at).cmp(&number(&minimum.0, at)))
            .find(|order| *order != Ordering::Equal)
            .is_none_or(|order| order == Ordering::Greater)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.iter().map(u64::to_string).collect::<Vec<_>>().join("."))
    }
}

impl Serialize for Version {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Look {
    /// Judges a program that printed `output` when asked for its version.
    pub fn judge(self, output: &str) -> (Finding, Option<Version>) {
        let Self::Program { minimum: Some(minimum), .. } = self else { return (Finding::Good, None) };
        match (Version::find(output), Version::parse(minimum)) {
            (Some(found), Some(minimum)) if !found.satisfies(&minimum) => (Finding::Old, Some(found)),
            (Some(found), _) => (Finding::Good, Some(found)),
            (None, _) => (Finding::Unknown, None),
        }
    }

    /// The oldest version that works.
    pub fn minimum(self) -> Option<&'static str> {
        match self {
            Self::Program { minimum, .. } => minimum,
            Self::Files(_) => None,
        }
    }
}

#[cfg(test)]
mod tests;
