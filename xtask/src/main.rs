//! `cargo xtask`: parse the command line, run one task, turn the outcome into a documented exit code.

mod app;
mod build;
mod cli;
mod compose;
mod exit;
mod host;
mod report;
mod task;
mod verify;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    // What builds read must be readable by ids that own none of it, whatever the caller's habit is.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    let cli = cli::Cli::parse();
    match task::run(&cli) {
        Ok(exit) => exit.into(),
        Err(error) => {
            report::failure::show(&error);
            report::failure::exit(&error).into()
        }
    }
}
