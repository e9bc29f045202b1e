//! `integrity`: tells what changed of what can be changed.
//!
//! The system is read-only and one signed file, so only what lies over it can change: `/etc`, root's home, the keys of people, the
//! state of services. What those were when the machine was configured is the baseline, root's alone. `check` compares and
//! tells the person, the system's log and the kernel's audit; `update` makes what is now the new baseline.
//!
//! Called as `mtree`, it does the same for any directory, with a specification instead of the baseline.
//!
//! * [`list`]: what is watched, as text. No effects.
//! * [`entry`]: a path's state as the baseline knows it. No effects.
//! * [`spec`]: the baseline as text, an mtree(5) specification. No effects.
//! * [`compare`]: two states, and what differs. No effects.
//! * [`report`]: differences as lines and as JSON. No effects.
//! * [`scan`]: reads the state of the machine; it meets files of users, and follows none of their links.
//! * [`look`]: reads what one path is.
//! * [`store`]: where the baseline is.
//! * [`mtree`]: the program's second name.
//! * [`tell`]: the system's log and audit.

mod compare;
mod entry;
mod list;
mod look;
mod mtree;
mod report;
mod scan;
mod spec;
mod store;
mod tell;

#[cfg(test)]
mod others;

/// Bytes that mean something in a specification.
#[cfg(test)]
const FUZZ_ALPHABET: &[u8] = b"/.:%# \n\n-07f/etc\xff\xc3\xa4";

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::Path;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use compare::Change;
use entry::State;

/// What is watched; written from hardening/5-audit/integrity.toml.
const LIST: &str = "/usr/lib/ashlar/integrity";
const USAGE: &str =
    "usage: integrity init [--again] | check [--json] | update [--json] | show [--digest] | watch SECONDS";
const HELP: &str = "
  init          notes what is now as the baseline; --again replaces one that is there
  check         tells what differs from the baseline: a line each, or JSON; exit status 1 if anything does, 2 if it cannot be said
  update        the same, and makes what is now the baseline
  show          prints the baseline, an mtree(5) specification; --digest prints its digest alone
  watch         checks every so many seconds, and tells the system's log and audit what is new

What it can prove: which files of the machine's configuration differ from the baseline, in content, mode, owner, size, kind or
extended attributes. A baseline that was damaged, or changed by anybody who is not root, is refused.

What it cannot: whoever is root can change a file, make a new baseline, and be unseen from then on. The digest that `show --digest`
prints is for that: keep it elsewhere, and compare it. A program of the system cannot be replaced, for the system is read-only; but
a root who is hostile can keep this program from being started, or its answer from being seen. Files that change and change
back between two checks are not noticed; audit records who wrote to them.

Called as `mtree`, this program notes and compares any directory: `mtree --help`.
";

/// Something changed.
const CHANGED: u8 = 1;
/// It could not be said whether something changed.
const FAILED: u8 = 2;
/// The same of NetBSD's `mtree`.
const MTREE_FAILED: u8 = 1;
/// More changes are not told one by one to the log: a flood there would push out what it is to be read with.
const MOST_TOLD: usize = 100;

fn main() -> ExitCode {
    let mut words = std::env::args_os();
    let name = words.next().unwrap_or_default();
    let words: Vec<OsString> = words.collect();
    let (name, done, failed) = match Path::new(&name).file_name() {
        Some(name) if name == "mtree" => ("mtree", mtree::run(&words), MTREE_FAILED),
        _ => ("integrity", run(&words), FAILED),
    };
    done.map_or_else(
        |error| {
            line(&mut io::stderr(), &format!("{name}: {error}"));
            ExitCode::from(failed)
        },
        ExitCode::from,
    )
}

fn run(words: &[OsString]) -> Result<u8, String> {
    let words: Option<Vec<&str>> = words.iter().map(|word| OsStr::to_str(word)).collect();
    match words.unwrap_or_default().as_slice() {
        ["init"] => init(false),
        ["init", "--again"] => init(true),
        ["check"] => check(false),
        ["check", "--json"] => check(true),
        ["update"] => update(false),
        ["update", "--json"] => update(true),
        ["show"] => show(false),
        ["show", "--digest"] => show(true),
        ["watch", seconds] => watch(seconds),
        ["--help" | "-h"] => {
            line(&mut io::stdout(), &format!("{USAGE}\n{HELP}"));
            Ok(0)
        }
        _ => Err(USAGE.to_owned()),
    }
}

/// The first baseline, or one in place of what is there.
fn init(again: bool) -> Result<u8, String> {
    if store::exists() && !again {
        return Err(format!("{} is there already; `integrity update` brings it up to date", store::PLACE));
    }
    let state = now()?;
    let sum = store::write(&state)?;
    tell::log(&format!("baseline of {} paths made, digest {sum}", state.len()));
    tell::event(tell::Kind::Noted, &format!("op=integrity-init paths={} digest={sum} res=success", state.len()));
    line(&mut io::stdout(), &format!("{} paths noted, digest {sum}", state.len()));
    Ok(0)
}

fn check(json: bool) -> Result<u8, String> {
    let changes = changes().inspect_err(|error| refuse(error))?;
    announce(&changes);
    print(&changes, json);
    Ok(if changes.is_empty() { 0 } else { CHANGED })
}

/// What is now becomes the baseline; what that changes is shown and recorded.
fn update(json: bool) -> Result<u8, String> {
    let state = now()?;
    let changes = compare::compare(&store::read()?, &state);
    let sum = store::write(&state)?;
    log_each("accepted: ", &changes);
    let counts = report::counts(&changes);
    tell::event(tell::Kind::Noted, &format!("op=integrity-update {counts} digest={sum} res=success"));
    print(&changes, json);
    Ok(0)
}

/// The baseline as it is, if it is one.
fn show(digest: bool) -> Result<u8, String> {
    store::read()?;
    let text = store::text()?;
    let shown = if digest { spec::sum(&text).unwrap_or_default() } else { text.trim_end() };
    line(&mut io::stdout(), shown);
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
                Ok(changes) if changes.is_empty() => tell::log("everything is as the baseline says again"),
                Ok(changes) => announce(changes),
                // A baseline that was damaged or taken away is the strongest sign of all.
                Err(error) => refuse(error),
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

/// Tells those who were not asking that there is no answer.
fn refuse(error: &str) {
    tell::log(&format!("nothing could be checked: {error}"));
    tell::event(tell::Kind::Changed, "op=integrity-check res=failed");
}

/// Tells those who were not asking.
fn announce(changes: &[Change]) {
    log_each("", changes);
    if !changes.is_empty() {
        tell::event(tell::Kind::Changed, &format!("op=integrity-check {} res=failed", report::counts(changes)));
    }
}

fn log_each(before: &str, changes: &[Change]) {
    for change in changes.iter().take(MOST_TOLD) {
        tell::log(&format!("{before}{}", report::line(change)));
    }
    if let Some(more) = changes.len().checked_sub(MOST_TOLD + 1) {
        tell::log(&format!("{before}and {} more; `integrity check` lists them", more + 1));
    }
}

fn print(changes: &[Change], json: bool) {
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
