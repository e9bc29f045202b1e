//! `ashlar-install`: puts the system that runs on a disk.
//!
//! Afterwards the disk has two slots, each with room for one signed image, and a LUKS2 state for everything that changes. The firmware
//! gets an entry for each slot. Nothing is written before the whole plan was printed and the disk's name was typed.
//!
//! * [`request`]: the command line. No effects.
//! * [`plan`]: facts and a request in, steps or refusals out. No effects.
//! * [`dialogue`]: questions, where the command line leaves some open.
//! * [`facts`]: disks, memory and firmware of this machine.
//! * [`image`]: the image to install, from the medium that was started.
//! * [`perform`]: carrying the steps out.

mod dialogue;
mod facts;
mod image;
mod perform;
mod plan;
mod request;

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::process::ExitCode;

use plan::Refusal;
use request::Request;

/// Exit status: the machine or a disk cannot have it, and says why.
const REFUSED: u8 = 4;

/// Why nothing, or not everything, was done.
enum Failure {
    /// The command line.
    Usage(String),
    /// Decisions, all of them.
    Refused(Vec<Refusal>),
    /// Effects.
    Effect(io::Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Effect(error)
    }
}

fn main() -> ExitCode {
    let outcome = request::parse(lexopt::Parser::from_env()).map_err(Failure::Usage).and_then(|request| run(&request));
    let (text, status) = match outcome {
        Ok(text) => {
            // Nobody reads a pipe that is closed.
            let _written = io::stdout().write_all(text.as_bytes());
            return ExitCode::SUCCESS;
        }
        Err(Failure::Usage(text)) => (text, 2),
        Err(Failure::Refused(all)) => {
            (all.iter().map(Refusal::to_string).collect::<Vec<_>>().join("\nashlar-install: "), REFUSED)
        }
        Err(Failure::Effect(error)) => (error.to_string(), 1),
    };
    let _written = writeln!(io::stderr(), "ashlar-install: {text}");
    ExitCode::from(status)
}

fn run(request: &Request) -> Result<String, Failure> {
    if request.help {
        return Ok(format!("{}\n{}", request::USAGE, request::HELP));
    }
    let facts = facts::read()?;
    if request.list {
        return Ok(plan::list(&facts));
    }
    let name = match &request.disk {
        Some(name) => name.clone(),
        None => dialogue::disk(&facts)?,
    };
    plan::refuse(&facts, &name, request.overwrite).map_err(Failure::Refused)?;
    let image = image::find(request.image.as_deref(), &facts)?;
    let plan = plan::plan(&facts, &name, &image.about(), random).map_err(Failure::Refused)?;
    say(&plan.to_string());
    if request.print_plan {
        return Ok(String::new());
    }
    let passphrase = passphrase(request)?;
    let recovery = slots::recovery::Key::of(random()?);
    if request.erase.as_ref() == Some(&name) {
        say(&format!("Recovery key: {recovery}\nWrite it down: it is shown only now.\n"));
    } else {
        dialogue::recovery_key(&recovery)?;
        dialogue::confirm(&name)?;
    }
    let keys = perform::Keys { passphrase, recovery, memory: request.key_memory.unwrap_or(facts.key_memory()) };
    perform::perform(&plan, &image.bytes, &keys, &mut say)?;
    Ok(format!("Ashlar {} is on {name}. Remove the medium and restart: reboot\n", image.system.version))
}

fn passphrase(request: &Request) -> Result<Vec<u8>, Failure> {
    let Some(file) = &request.passphrase_file else { return Ok(dialogue::passphrase()?) };
    let mut bytes = Vec::new();
    if file == "-" {
        io::stdin().read_to_end(&mut bytes)?;
    } else {
        File::open(file).and_then(|mut file| file.read_to_end(&mut bytes)).map_err(disks::about(file.as_ref()))?;
    }
    // As a person would type it at the start.
    let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    bytes.truncate(end);
    if bytes.len() < plan::LEAST_PASSPHRASE {
        return Err(Failure::Refused(vec![Refusal::Passphrase]));
    }
    Ok(bytes)
}

fn random<const BYTES: usize>() -> io::Result<[u8; BYTES]> {
    let mut bytes = [0; BYTES];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn say(text: &str) {
    // Nobody reads a pipe that is closed; the work goes on.
    let _written = io::stdout().write_all(text.as_bytes()).and_then(|()| io::stdout().flush());
}
