//! `cargo xtask`: parse the command line, run one task, turn the outcome into a documented exit code.

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
    let cli = cli::Cli::parse();
    match task::run(&cli) {
        Ok(exit) => exit.into(),
        Err(error) => {
            report::failure(&error);
            exit::Exit::of(&error).into()
        }
    }
}
