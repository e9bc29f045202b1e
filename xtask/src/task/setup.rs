//! `setup`: installs the host tools that are missing, where it knows how; elsewhere prints the command.

use anyhow::{Context as _, Result};
use ashlar_core::base::command::Command;
use ashlar_core::model::hosttools::{self, Distro};

use crate::app::App;
use crate::exit::Exit;
use crate::host::exec;
use crate::host::tools::{self, Found};

/// How this process may become root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Power {
    Root,
    /// `sudo` without a password.
    Sudo,
    None,
}

/// Installs what is missing or too old. Starts nothing when nothing is.
pub fn run(app: &App) -> Result<Exit> {
    let lacking = lacking();
    if lacking.is_empty() {
        app.reporter.note("all host tools are here");
        return Ok(Exit::Good);
    }
    let distro = tools::distro()?;
    let power = power();
    let commands = match distro {
        Some(Distro::Debian) if power != Power::None => commands(&packages(&lacking), power),
        _ => Vec::new(),
    };
    if commands.is_empty() {
        return Ok(by_hand(app, distro, &lacking));
    }
    app.reporter.note(format!("installing {}", packages(&lacking).join(", ")));
    install(app, &commands)?;
    let still = self::lacking();
    if still.is_empty() {
        return Ok(Exit::Good);
    }
    let names: Vec<&str> = still.iter().map(|found| found.tool.name).collect();
    app.reporter.note(format!("still missing or too old: {}; `cargo xtask doctor` says more", names.join(", ")));
    Ok(verdict(&still))
}

fn lacking() -> Vec<Found> {
    tools::survey().into_iter().filter(Found::is_lacking).collect()
}

fn packages(lacking: &[Found]) -> Vec<&'static str> {
    hosttools::packages(Distro::Debian, lacking.iter().map(|found| found.tool))
}

/// Missing tools that only some commands need do not fail: builds work without them.
fn verdict(lacking: &[Found]) -> Exit {
    let root = tools::is_root();
    if lacking.iter().any(|found| found.tool.need.is_essential(root)) { Exit::Host } else { Exit::Good }
}

fn by_hand(app: &App, distro: Option<Distro>, lacking: &[Found]) -> Exit {
    for found in lacking {
        app.reporter.note(format!("{} is missing or too old; needed for {}", found.tool.name, found.tool.need));
    }
    app.reporter.note("run this:");
    app.reporter.say(tools::advice(distro, lacking.iter().map(|found| found.tool)));
    verdict(lacking)
}

fn power() -> Power {
    if tools::is_root() {
        Power::Root
    } else if tools::find("sudo").is_some() && exec::read(&Command::new("sudo").args(["-n", "true"])).is_ok() {
        Power::Sudo
    } else {
        Power::None
    }
}

/// The commands that install `packages` on Debian without asking anything; none for an empty list.
fn commands(packages: &[&str], power: Power) -> Vec<Command> {
    if packages.is_empty() {
        return Vec::new();
    }
    let as_root = |argv: Vec<String>| {
        let sudo: &[&str] = if power == Power::Sudo { &["sudo", "-n"] } else { &[] };
        // Through `env`, because sudo does not pass variables on; the timeout waits for another apt to end.
        let words = sudo.iter().map(|word| (*word).to_owned());
        let mut words: Vec<String> =
            words.chain(["env".to_owned(), "DEBIAN_FRONTEND=noninteractive".to_owned()]).collect();
        words.extend(argv);
        words.extend(["-o".to_owned(), "DPkg::Lock::Timeout=300".to_owned()]);
        Command::new(words.remove(0)).args(words)
    };
    let update = ["apt-get", "update"].map(str::to_owned).to_vec();
    vec![as_root(update), as_root(Distro::Debian.install(packages))]
}

fn install(app: &App, commands: &[Command]) -> Result<()> {
    let Some((last, before)) = commands.split_last() else { return Ok(()) };
    for command in before {
        // One archive of several that does not answer is no reason to stop: the installation itself decides.
        if exec::interactive(command)? != 0 {
            app.reporter.note(format!("`{command}` failed; going on with the package lists that are here"));
        }
    }
    let code = exec::interactive(last)?;
    if code != 0 {
        return Err(anyhow::Error::new(crate::exit::Coded(Exit::Host)))
            .with_context(|| format!("`{last}` ended with exit code {code}; its messages are above"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_ask_nothing_and_run_as_root() {
        let text = |power| -> Vec<String> { commands(&["runc"], power).iter().map(ToString::to_string).collect() };
        assert_eq!(
            text(Power::Root),
            [
                "env 'DEBIAN_FRONTEND=noninteractive' apt-get update -o 'DPkg::Lock::Timeout=300'",
                "env 'DEBIAN_FRONTEND=noninteractive' apt-get install --yes --no-install-recommends runc -o 'DPkg::Lock::Timeout=300'",
            ]
        );
        assert!(text(Power::Sudo).iter().all(|command| command.starts_with("sudo -n env ")));
        assert!(commands(&[], Power::Root).is_empty());
    }

    #[test]
    fn only_essential_tools_fail_the_command() {
        let found = |name: &str| {
            let tool = hosttools::TOOLS.iter().find(|tool| tool.name == name).unwrap();
            Found { tool, finding: hosttools::ToolFinding::Missing, version: None, paths: Vec::new() }
        };
        assert_eq!(verdict(&[found("podman")]), Exit::Good);
        assert_eq!(verdict(&[found("podman"), found("runc")]), Exit::Host);
        assert_eq!(packages(&[found("podman"), found("cc")]), ["podman", "gcc", "libc6-dev"]);
    }
}
