//! `integrity`: tells which files of the machine's configuration have changed.
//!
//! The system is read-only and one signed file, so only what lies over it can change: `/etc`, root's home, the keys of people.
//! What those were when the machine was configured is the baseline, root's alone. `check` compares and tells the person,
//! the system's log and the kernel's audit; `accept` makes what is now the new baseline. Who is root can accept anything, and
//! audit records that he did.
//!
//! * [`list`]: what is watched, as text. No effects.
//! * [`entry`]: a file as the baseline knows it, and the baseline as text. No effects.
//! * [`compare`]: two states, and what differs. No effects.
//! * [`report`]: differences as lines and as JSON. No effects.
//! * [`scan`]: reads the state of the machine; it meets files of users, and follows none of their links.
//! * [`store`]: where the baseline is.
//! * [`tell`]: the system's log and audit.
//! * [`sys`]: the calls that std lacks; the only unsafe code.

mod compare;
mod entry;
mod list;
mod report;
mod scan;
mod store;
mod sys;
mod tell;

#[cfg(test)]
mod noise;

use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use compare::Change;
use entry::State;

/// What is watched; written from hardening/5-audit/integrity.toml.
const LIST: &str = "/usr/lib/ashlar/integrity";
const USAGE: &str = "usage: integrity init|check|accept [--json], integrity watch SECONDS";

/// Something changed.
const CHANGED: u8 = 1;
/// It could not be said whether something changed.
const FAILED: u8 = 2;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["init"] => init(),
        ["check"] => check(false),
        ["check", "--json"] => check(true),
        ["accept"] => accept(false),
        ["accept", "--json"] => accept(true),
        ["watch", seconds] => watch(seconds),
        _ => Err(USAGE.to_owned()),
    };
    done.map_or_else(
        |error| {
            line(&mut io::stderr(), &format!("integrity: {error}"));
            ExitCode::from(FAILED)
        },
        ExitCode::from,
    )
}

/// The first baseline.
fn init() -> Result<u8, String> {
    if store::exists() {
        return Err(format!("{} is there already; `integrity accept` makes a new one", store::PLACE));
    }
    let state = now()?;
    store::write(&state)?;
    tell::event(tell::Kind::Noted, &format!("op=integrity-init files={} res=success", state.len()));
    line(&mut io::stdout(), &format!("{} files noted", state.len()));
    Ok(0)
}

fn check(json: bool) -> Result<u8, String> {
    let changes = changes()?;
    announce(&changes);
    show(&changes, json);
    Ok(if changes.is_empty() { 0 } else { CHANGED })
}

/// What is now becomes the baseline; what that changes is shown and recorded.
fn accept(json: bool) -> Result<u8, String> {
    let state = now()?;
    let changes = compare::compare(&store::read()?, &state);
    store::write(&state)?;
    for change in &changes {
        tell::log(&format!("accepted: {}", report::line(change)));
    }
    tell::event(tell::Kind::Noted, &format!("op=integrity-accept {} res=success", report::counts(&changes)));
    show(&changes, json);
    Ok(0)
}

/// Checks again and again. What was told is told again only when it is no longer the same.
fn watch(seconds: &str) -> Result<u8, String> {
    let seconds = match seconds.parse() {
        Ok(seconds @ 1..=31_536_000) => Duration::from_secs(seconds),
        _ => return Err(format!("`{seconds}` is no number of seconds between 1 and a year")),
    };
    let mut told = Ok(Vec::new());
    loop {
        let found = changes();
        if found != told {
            match &found {
                Ok(changes) => announce(changes),
                Err(error) => tell::log(&format!("nothing could be checked: {error}")),
            }
            told = found;
        }
        thread::sleep(seconds);
    }
}

fn now() -> Result<State, String> {
    let text = std::fs::read_to_string(LIST).map_err(|error| format!("{LIST}: {error}"))?;
    let list = list::parse(&text).map_err(|error| format!("{LIST}: {error}"))?;
    let passwd = std::fs::read_to_string("/etc/passwd").map_err(|error| format!("/etc/passwd: {error}"))?;
    scan::scan(Path::new("/"), &list, &list::homes(&passwd))
}

fn changes() -> Result<Vec<Change>, String> {
    Ok(compare::compare(&store::read()?, &now()?))
}

/// Tells those who were not asking.
fn announce(changes: &[Change]) {
    for change in changes {
        tell::log(&report::line(change));
    }
    if !changes.is_empty() {
        tell::event(tell::Kind::Changed, &format!("op=integrity-check {} res=failed", report::counts(changes)));
    }
}

fn show(changes: &[Change], json: bool) {
    let mut output = io::stdout();
    if json {
        line(&mut output, &report::json(changes));
        return;
    }
    for change in changes {
        line(&mut output, &report::line(change));
    }
    if changes.is_empty() {
        line(&mut output, "nothing changed");
    }
}

/// A line for the person.
fn line(output: &mut dyn io::Write, text: &str) {
    // With nobody reading there is nobody to tell; the exit status says the rest.
    let _written = writeln!(output, "{text}");
}
