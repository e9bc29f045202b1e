//! `cargo xtask`: parse the command line, run one task, turn the outcome into a documented exit code.
#![deny(clippy::print_stdout, reason = "results go through `Reporter`, which knows whether they are JSON")]

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

use ashlar_core::base::event::{Event, Failure};
use clap::Parser as _;

use self::exit::Exit;
use self::host::interrupt;
use self::report::{Detail, Format, Reporter};

fn main() -> ExitCode {
    // What builds read must be readable by ids that own none of it, whatever the caller's habit is.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    let cli = match cli::Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return wrong(&error),
    };
    let reporter = Reporter::new(cli.global.message_format, cli.global.detail());
    let reporter = if cli.global.timings.is_some() { reporter.with_timings() } else { reporter };
    let late = {
        let reporter = reporter.clone();
        move || {
            reporter.stopped();
            std::process::exit(Exit::Stopped as i32);
        }
    };
    let outcome = interrupt::watch(Exit::Stopped as u8, late).and_then(|()| task::run(&cli, &reporter));
    if interrupt::asked() {
        reporter.stopped();
        return Exit::Stopped.into();
    }
    reporter.clear();
    let drawn = cli.global.timings.as_ref().map_or(Ok(()), |file| reporter.draw_timings(file));
    // Why the run failed counts before why its drawing did.
    match outcome.and_then(|exit| drawn.map(|()| exit)) {
        Ok(exit) => exit.into(),
        Err(error) => {
            report::failure::show(&reporter, &error);
            report::failure::exit(&error).into()
        }
    }
}

/// Ends a command line that is wrong, or asks for help. Whoever wants JSON gets the mistake as JSON.
fn wrong(error: &clap::Error) -> ExitCode {
    let json = std::env::args().any(|arg| arg == "--message-format=json")
        || std::env::args()
            .zip(std::env::args().skip(1))
            .any(|pair| pair == ("--message-format".into(), "json".into()));
    if !(json && error.use_stderr()) {
        error.exit();
    }
    let text = error.to_string();
    let message = text.trim().trim_start_matches("error: ").to_owned();
    let failure = Failure { message, exit: Exit::Usage as u8, ..Failure::default() };
    Reporter::new(Format::Json, Detail::Usual).emit(Event::Error(failure));
    Exit::Usage.into()
}
