//! Looks for the host tools of the core's table, which decides what is needed and what to install. The effects are here: searching
//! directories, asking versions, reading `/etc/os-release`.

pub mod probe;

use anyhow::{Result, bail};
use ashlar_core::base::command::Command;
use ashlar_core::model::hosttools::{self, Distro, Look, Need, TOOLS, Tool, ToolFinding, Version};
use camino::{Utf8Path, Utf8PathBuf};

use super::exec;
use crate::exit::{Coded, Exit};

/// What was found of one tool.
#[derive(Debug, Clone)]
pub struct Found {
    /// The tool.
    pub tool: &'static Tool,
    /// How it is.
    pub finding: ToolFinding,
    /// Its version, when asked.
    pub version: Option<Version>,
    /// The program, or all files of the set; empty when missing.
    pub paths: Vec<Utf8PathBuf>,
}

impl Found {
    /// Whether it must be installed or replaced.
    pub fn is_lacking(&self) -> bool {
        matches!(self.finding, ToolFinding::Missing | ToolFinding::Old)
    }
}

/// Where system programs are, whether or not the user's PATH names it.
const SYSTEM: [&str; 4] = ["/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/bin"];

/// The path of a program: from PATH, else from the system's directories.
pub fn find(program: &str) -> Option<Utf8PathBuf> {
    let path = std::env::var("PATH").unwrap_or_default();
    find_in(program, path.split(':').filter(|dir| !dir.is_empty()).chain(SYSTEM))
}

fn find_in<'a>(program: &str, dirs: impl IntoIterator<Item = &'a str>) -> Option<Utf8PathBuf> {
    let executable = |path: &Utf8PathBuf| {
        path.is_file() && rustix::fs::access(path.as_std_path(), rustix::fs::Access::EXEC_OK).is_ok()
    };
    dirs.into_iter().map(|dir| Utf8Path::new(dir).join(program)).find(executable)
}

/// Looks for one tool.
pub fn look(tool: &'static Tool) -> Found {
    let missing = Found { tool, finding: ToolFinding::Missing, version: None, paths: Vec::new() };
    match tool.look {
        Look::Files(sets) => {
            let set = sets.iter().find(|set| set.iter().all(|file| Utf8Path::new(file).is_file()));
            match set {
                Some(set) => {
                    Found { finding: ToolFinding::Good, paths: set.iter().map(Utf8PathBuf::from).collect(), ..missing }
                }
                None => missing,
            }
        }
        Look::Program { version, .. } => {
            let Some(path) = find(tool.name) else { return missing };
            // A program that cannot say its version is reported as such, and tried all the same.
            let printed = match version {
                [] => String::new(),
                args => exec::read(&Command::new(path.as_str()).args(args.iter().copied())).unwrap_or_default(),
            };
            let (finding, version) = tool.look.evaluate(&printed);
            Found { tool, finding, version, paths: vec![path] }
        }
    }
}

/// Looks for every tool of the table that concerns this user.
pub fn survey() -> Vec<Found> {
    let root = is_root();
    let concerns = |tool: &&Tool| !(root && tool.need == Need::UserBuilds);
    TOOLS.iter().filter(concerns).map(look).collect()
}

/// Whether this process is root's.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// The family of this distribution, when known.
///
/// # Errors
/// When `/etc/os-release` exists but cannot be read.
pub fn distro() -> Result<Option<Distro>> {
    for file in ["/etc/os-release", "/usr/lib/os-release"] {
        if Utf8Path::new(file).exists() {
            return Ok(Distro::from_os_release(&fs_err::read_to_string(file)?));
        }
    }
    Ok(None)
}

/// The command, for people, that installs `tools` on `distro`.
pub fn advice<'a>(distro: Option<Distro>, tools: impl IntoIterator<Item = &'a Tool>) -> String {
    let tools: Vec<&Tool> = tools.into_iter().collect();
    let Some(distro) = distro else {
        let names: Vec<&str> = tools.iter().map(|tool| tool.name).collect();
        return format!("install {} with your distribution's package manager", names.join(", "));
    };
    let packages = hosttools::packages(distro, tools);
    if packages.is_empty() {
        // Only Rust itself has no package in the table.
        return "rustup update   # or install it: https://rustup.rs".to_owned();
    }
    let sudo = if is_root() { "" } else { "sudo " };
    format!("{sudo}{}", distro.install(&packages).join(" "))
}

/// Makes sure that everything `command` of `cargo xtask` needs is there.
///
/// # Errors
/// One error that names every tool that is missing or too old, with the command that installs them; exit code 50.
pub fn require(command: &str) -> Result<()> {
    let root = is_root();
    let lacking: Vec<Found> =
        TOOLS.iter().filter(|tool| tool.need.concerns(command, root)).map(look).filter(Found::is_lacking).collect();
    if lacking.is_empty() {
        return Ok(());
    }
    let list: Vec<String> = lacking.iter().map(describe).collect();
    let advice = advice(distro()?, lacking.iter().map(|found| found.tool));
    let text = format!("`cargo xtask {command}` cannot work here\n  {}\nhelp: {advice}", list.join("\n  "));
    Err(anyhow::Error::new(Coded(Exit::Host)).context(text))
}

fn describe(found: &Found) -> String {
    let Found { tool, version, .. } = found;
    match (version, tool.look.minimum()) {
        (Some(version), Some(minimum)) => {
            format!("{} is too old: {version}, needed is {minimum} (for {})", tool.name, tool.purpose)
        }
        _ => format!("{} is missing (for {})", tool.name, tool.purpose),
    }
}

/// Code and variables of the UEFI firmware.
///
/// # Errors
/// When no known place has both; says what to install.
pub fn ovmf(name: &str) -> Result<(Utf8PathBuf, Utf8PathBuf)> {
    let Some(tool) = TOOLS.iter().find(|tool| tool.name == name) else {
        bail!("the table of host tools has no {name}")
    };
    match look(tool).paths.as_slice() {
        [code, variables] => Ok((code.clone(), variables.clone())),
        _ => {
            let text = format!("the UEFI firmware {name} is missing\nhelp: {}", advice(distro()?, [tool]));
            Err(anyhow::Error::new(Coded(Exit::Host)).context(text))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ashlar_core::model::hosttools::Packages;

    const ABSENT: Tool = Tool {
        name: "no-such-tool-here",
        purpose: "tests",
        look: Look::Program { minimum: Some("2.1"), version: &["-c", "echo none"] },
        need: Need::Builds,
        packages: Packages { debian: &["d"], fedora: &["f"], arch: &["a"], alpine: &["l"] },
    };
    static MISSING: Tool = ABSENT;
    static MUTE: Tool = Tool { name: "sh", ..ABSENT };
    static OLD: Tool = Tool {
        name: "sh",
        look: Look::Program { minimum: Some("2.1"), version: &["-c", "echo tool version 1.9"] },
        ..ABSENT
    };
    static FILES: Tool =
        Tool { look: Look::Files(&[&["/etc", "/no"], &["/proc/self/stat", "/proc/self/status"]]), ..ABSENT };

    #[test]
    fn looks_for_programs_and_files() {
        assert_eq!(look(&MISSING).finding, ToolFinding::Missing);
        assert_eq!(look(&MUTE).finding, ToolFinding::Unknown);
        assert!(look(&MUTE).paths[0].ends_with("sh"));
        let old = look(&OLD);
        assert_eq!(old.finding, ToolFinding::Old);
        assert_eq!(describe(&old), "sh is too old: 1.9, needed is 2.1 (for tests)");
        assert_eq!(describe(&look(&MISSING)), "no-such-tool-here is missing (for tests)");
        assert_eq!(look(&FILES).paths, ["/proc/self/stat", "/proc/self/status"]);
    }

    #[test]
    fn a_file_that_cannot_be_executed_is_no_program() {
        let dir = tempfile::tempdir().unwrap();
        fs_err::write(dir.path().join("sh"), "").unwrap();
        let first = dir.path().to_str().unwrap();
        assert_eq!(find_in("sh", [first, "/bin"]).unwrap(), "/bin/sh");
        assert_eq!(find_in("sh", [first]), None);
    }

    #[test]
    fn advice_names_a_command() {
        assert!(advice(Some(Distro::Arch), [&MISSING]).ends_with("pacman --sync --refresh --needed --noconfirm a"));
        assert!(advice(None, [&MISSING, &MUTE]).contains("no-such-tool-here, sh"));
        let cargo = TOOLS.iter().find(|tool| tool.name == "cargo").unwrap();
        assert!(advice(Some(Distro::Debian), [cargo]).contains("rustup"));
    }
}
