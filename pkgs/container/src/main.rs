//! `container`: OCI images as confined containers. There is no registry, no privileged mode and no daemon: an image is
//! verified and unpacked, crun starts it, and one small process for each container keeps its log and exit status.

mod archive;
mod digest;
mod image;
mod problem;
mod runtime;
mod spec;
mod step;
#[cfg(test)]
mod testing;
mod words;

use std::process::ExitCode;

use problem::Outcome;
use words::Request;

#[allow(clippy::print_stderr)] // where messages for people go
fn main() -> ExitCode {
    match words::read(std::env::args().skip(1)).and_then(perform) {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            eprintln!("container: {failure}");
            ExitCode::from(125)
        }
    }
}

#[allow(clippy::print_stdout)] // the answer
fn perform(request: Request) -> Outcome<u8> {
    match request {
        Request::Help => println!("{}", words::USAGE),
        Request::Run(run) => return runtime::run(*run),
        Request::Monitor(name) => return runtime::monitor(&name, false),
        Request::Ps => print!("{}", runtime::ps()?),
        Request::Images => print!("{}", runtime::images()?),
        Request::Stop(name) => runtime::stop(&name)?,
        Request::Logs(name) => print!("{}", runtime::logs(&name)?),
        Request::Rm(name) => runtime::remove(&name)?,
    }
    Ok(0)
}
