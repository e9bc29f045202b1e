//! `container`: runs OCI images as confined containers. It has no registry, no privileged mode and no daemon: it
//! verifies and unpacks an image, crun starts it, and one small process per container keeps the log and the exit
//! status.

mod account;
mod archive;
mod args;
mod calls;
mod digest;
mod group;
mod image;
mod layout;
mod log;
mod login;
mod problem;
mod removal;
mod runtime;
mod spec;
mod step;
mod store;
mod terminal;
#[cfg(test)]
mod testing;
mod tree;

/// Bytes with a meaning in the files of an image.
#[cfg(test)]
const FUZZ_ALPHABET: &[u8] = b"/.:,0123456789azrx-_\n\0\xff";

use std::io::{self, IsTerminal as _};
use std::process::ExitCode;

use args::Request;
use problem::{Doing as _, Outcome};

#[allow(clippy::print_stderr)] // where messages go
fn main() -> ExitCode {
    match args::read(lexopt::Parser::from_env()).and_then(perform) {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            // It may contain text from an image, or a container's output.
            eprintln!("container: {}", terminal::harmless(failure.0.as_bytes()));
            ExitCode::from(125)
        }
    }
}

#[allow(clippy::print_stdout)] // the output
fn perform(request: Request) -> Outcome<u8> {
    match request {
        Request::Help => println!("{}", args::USAGE),
        Request::Run(run) => return runtime::run(*run),
        Request::Monitor(name) => return runtime::monitor(&name, false),
        Request::Ps => print!("{}", runtime::ps()?),
        Request::Images => print!("{}", runtime::images()?),
        Request::Stop(name) => runtime::stop(&name)?,
        Request::Logs(name) => {
            let mut out = io::stdout();
            let to_terminal = out.is_terminal();
            match log::show(&runtime::logs(&name)?, &mut out, to_terminal) {
                // The reader closed the pipe early.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
                shown => shown.doing("printing the log")?,
            }
        }
        Request::Rm(name) => runtime::remove(&name)?,
        Request::Rmi(digest) => runtime::remove_image(&digest)?,
    }
    Ok(0)
}
