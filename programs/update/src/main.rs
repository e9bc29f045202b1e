//! `ashlar-update`, and by its other name `ashlar-confirm`: updates of an installed system.
//!
//! An update writes the slot that does not run, and has the firmware start it once. There `ashlar-confirm` watches whether the system
//! is healthy, and makes it the one that starts; otherwise the machine restarts, and the firmware starts the slot before. What is to
//! be done is decided in `slots::update`, from facts that this program reads; the steps are `slots::carry_out`'s.
//!
//! * [`request`]: the command lines. No effects.
//! * [`status`]: what there is, as text and as JSON. No effects.
//! * [`failure`]: why nothing was done, and the exit status of each reason.
//! * [`machine`]: the installed system, its slots and the firmware's variables.
//! * [`image`]: the image of an update.
//! * [`health`]: whether the system that runs is healthy.
//! * [`trial`]: what `ashlar-confirm` does.

mod failure;
mod health;
mod image;
mod machine;
mod request;
mod status;
mod trial;

use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;

use failure::Failure;
use lexopt::Parser;
use machine::Running;
use request::Command;
use slots::update::{self, Step};

fn main() -> ExitCode {
    let mut words = std::env::args_os();
    let name = words.next().unwrap_or_default();
    let (name, outcome) = match Path::new(&name).file_name() {
        Some(name) if name == "ashlar-confirm" => ("ashlar-confirm", trial::run(Parser::from_args(words))),
        _ => ("ashlar-update", run(Parser::from_args(words))),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // Without standard error there is no one to tell.
            let _written = writeln!(io::stderr(), "{name}: {failure}");
            ExitCode::from(failure.status())
        }
    }
}

fn run(parser: Parser) -> Result<(), Failure> {
    let command = request::parse(parser).map_err(Failure::Usage)?;
    if command == Command::Help {
        say(&format!("{}\n{}", request::USAGE, request::HELP));
        return Ok(());
    }
    let Some(mut running) = Running::find()? else {
        return Err(Failure::Refused(status::NOT_INSTALLED.to_owned()));
    };
    let facts = running.facts()?;
    match command {
        Command::Status { json } => {
            say(&if json { status::json(&facts) } else { status::text(&facts, running.disk()) });
            Ok(())
        }
        Command::Apply { file, restart } => {
            let image = image::read(&file)?;
            let steps = update::apply(&facts, &image.system)?;
            running.fits(&image.bytes)?;
            perform(&mut running, &steps, &image.bytes, restart)
        }
        Command::Rollback { restart } => perform(&mut running, &update::rollback(&facts)?, &[], restart),
        Command::Help => Ok(()),
    }
}

/// Does the steps, and says each as it begins. Without `restart` the last one is left to the administrator.
fn perform(running: &mut Running, steps: &[Step], image: &[u8], restart: bool) -> Result<(), Failure> {
    for step in steps {
        if matches!(step, Step::Restart) && !restart {
            say("The next start is that of the other slot. Restart when it suits: reboot\n");
            return Ok(());
        }
        let text = status::step(step);
        if !text.is_empty() {
            say(&format!("{text}\n"));
        }
        running.carry_out(std::slice::from_ref(step), image)?;
    }
    Ok(())
}

fn say(text: &str) {
    // Nobody reads a pipe that is closed; the work goes on.
    let _written = io::stdout().write_all(text.as_bytes()).and_then(|()| io::stdout().flush());
}
