//! An entry of the table of tools: how to find the tool, which commands need it, what to install on which distribution.

use std::fmt;

use serde::Serialize;

/// Something the host must have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tool {
    /// Name in reports; for [`Look::Program`] the program itself.
    pub name: &'static str,
    /// What it is used for, after "for".
    pub purpose: &'static str,
    /// How it is found.
    pub look: Look,
    /// The commands that need it.
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

/// The commands that need a tool.
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
