//! The first configuration of a machine: `ashlar-firstboot`, `ashlar-setup`, `ashlar-console`, one program by its name.
//!
//! An image holds no key, no password and no account of a person. `ashlar-firstboot` is a service: it takes them from a
//! volume labelled CIDATA. `ashlar-setup` asks for them on a console, and `ashlar-console` is what getty starts there: the
//! setup while the machine is not configured, `login` afterwards. Whoever is first at a console, or plugs a volume in before
//! the first start, decides whose machine it is.
//!
//! Both ways lead to a [`config::Config`], which becomes a list of steps ([`plan`]), which is carried out ([`apply`]).
//!
//! * [`words`], [`yaml`], [`fat`], [`nocloud`], [`accounts`], [`plan`], the dialogue in [`setup`]: decisions, without effects.
//! * [`volume`], [`facts`], [`apply`], [`report`], the console in [`setup`]: effects.
//! * [`sys`]: the calls that std lacks; the only unsafe code.

mod accounts;
mod apply;
mod config;
mod facts;
mod fat;
mod finding;
mod nocloud;
#[cfg(test)]
mod noise;
mod plan;
mod report;
mod setup;
#[cfg(test)]
mod snapshot;
mod sys;
mod volume;
mod words;
mod yaml;

use std::io::{self, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Duration;

/// There is nothing to configure the machine with.
const NOTHING: u8 = 3;

fn main() -> ExitCode {
    let mut arguments = std::env::args();
    let name = arguments.next().unwrap_or_default();
    let arguments: Vec<String> = arguments.collect();
    let result = match name.rsplit('/').next() {
        Some("ashlar-setup") => set_up(),
        Some("ashlar-console") => console(&arguments),
        _ => first_boot(&arguments),
    };
    result.unwrap_or_else(|error| {
        report::line(&format!("error: {error}"));
        ExitCode::FAILURE
    })
}

fn is_configured() -> bool {
    Path::new(plan::MARKER).exists()
}

fn set_up() -> io::Result<ExitCode> {
    if is_configured() {
        report::line("This machine is configured already. To change it, edit the files in /etc.");
        return Ok(ExitCode::SUCCESS);
    }
    Ok(match setup::run()? {
        setup::Outcome::Configured => ExitCode::SUCCESS,
        setup::Outcome::Left => ExitCode::FAILURE,
    })
}

/// Replaces itself by login once there is somebody who can log in.
fn console(arguments: &[String]) -> io::Result<ExitCode> {
    // getty shows it only when it asks for the name itself. An image without it shows nothing.
    let issue = std::fs::read_to_string("/etc/issue").unwrap_or_default();
    io::stdout().write_all(format!("\n{issue}").as_bytes())?;
    if !is_configured() && setup::run()? == setup::Outcome::Left {
        return Ok(ExitCode::FAILURE); // init starts getty again
    }
    Err(Command::new("/bin/login").args(arguments).exec())
}

fn first_boot(arguments: &[String]) -> io::Result<ExitCode> {
    let wait = match arguments {
        [] => 0,
        [option, seconds] if option == "--wait" => {
            seconds.parse().map_err(|_| io::Error::other("--wait needs a number of seconds"))?
        }
        _ => return Err(io::Error::other("usage: ashlar-firstboot [--wait SECONDS]")),
    };
    if is_configured() {
        return Ok(ExitCode::SUCCESS);
    }
    let Some(volume) = volume::find(Duration::from_secs(wait))? else {
        report::line("There is no volume labelled CIDATA.");
        return Ok(ExitCode::from(NOTHING));
    };
    report::line(&format!("Reading the first configuration from {}.", volume.device.display()));
    let (documents, facts) = (volume::documents(&volume)?, facts::read()?);
    let (config, findings) = nocloud::resolve(&documents, &facts);
    for finding in &findings {
        report::line(&finding.to_string());
    }
    let Some(config) = config else {
        report::line(
            "Nothing of the volume is used. Correct it and start again, or answer the questions on a console.",
        );
        return Ok(ExitCode::FAILURE);
    };
    let steps = plan::plan(&config, &facts).map_err(io::Error::other)?;
    report::plan(&steps);
    apply::apply(&steps, Path::new("/"), &mut |line| report::line(&line))
        .map_err(|failed| io::Error::other(failed.to_string()))?;
    Ok(ExitCode::SUCCESS)
}
