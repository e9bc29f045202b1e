//! `integrity`: reports changes to the writable part of the system.
//!
//! The system is one signed, read-only file, so only what is mounted over it can change: `/etc`, root's home, users' keys, the state
//! of services. Their state at configuration is the baseline, which only root can write. `check` compares and reports to the
//! caller, the system's log and the kernel's audit; `update` takes the present state as the new baseline.
//!
//! Called as `mtree`, it does the same for any directory, with a specification instead of the baseline.
//!
//! * [`list`]: the list of watched paths, as text. No effects.
//! * [`entry`]: a path's state as the baseline knows it. No effects.
//! * [`spec`]: the baseline as text, an mtree(5) specification. No effects.
//! * [`compare`]: the differences of two states. No effects.
//! * [`report`]: differences as lines and as JSON. No effects.
//! * [`scan`]: reads the state of the machine; it reads users' files, and follows none of their links.
//! * [`look`]: reads one path.
//! * [`store`]: reads and writes the baseline.
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

/// Bytes with a meaning in a specification.
#[cfg(test)]
const FUZZ_ALPHABET: &[u8] = b"/.:%# \n\n-07f/etc\xff\xc3\xa4";

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use base::options;
use compare::Change;
use entry::State;
use lexopt::Parser;

/// The list of watched paths; the build writes it from hardening/5-audit/integrity.toml.
const LIST: &str = "/usr/lib/ashlar/integrity";
const USAGE: &str =
    "usage: integrity init [--again] | check [--json] | update [--json] | show [--digest] | watch SECONDS";
const HELP: &str = "
  init          record the present state as the baseline; --again replaces an existing one
  check         report differences from the baseline, one per line or as JSON; exit status 1 if there are any, 2 if the check failed
  update        check, then make the present state the baseline
  show          print the baseline, an mtree(5) specification; --digest prints only its digest
  watch         check every SECONDS, and report new differences to the system's log and audit

What it can prove: which configuration files differ from the baseline in content, mode, owner, size, type or extended
attributes. It refuses a baseline that is damaged, or that anybody but root changed.

What it cannot prove: root can change a file, make a new baseline, and hide the change. To detect that, keep the digest that
`show --digest` prints on another machine, and compare it. Nobody can replace a program of the system, which is read-only; but a
hostile root can keep this program from running, or hide its output. It does not notice a file that changes and changes back
between two checks; audit records who wrote to it.

Called as `mtree`, this program records and compares any directory: `mtree --help`.
";

/// Something changed.
const CHANGED: u8 = 1;
/// The check failed, so nothing is known about changes.
const FAILED: u8 = 2;
/// The same, as the exit status of NetBSD's `mtree`.
const MTREE_FAILED: u8 = 1;
/// The log gets at most this many changes one by one: a flood would push out the lines around them.
const MAX_LOGGED: usize = 100;

fn main() -> ExitCode {
    let mut words = std::env::args_os();
    let name = words.next().unwrap_or_default();
    let words: Vec<OsString> = words.collect();
    let (name, done, failed) = match Path::new(&name).file_name() {
        Some(name) if name == "mtree" => ("mtree", mtree::run(Parser::from_args(words)), MTREE_FAILED),
        _ => ("integrity", run(Parser::from_args(words)), FAILED),
    };
    done.map_or_else(
        |error| {
            line(&mut io::stderr(), &format!("{name}: {error}"));
            ExitCode::from(failed)
        },
        ExitCode::from,
    )
}

/// A command line: the command, and its option or word.
#[derive(Debug, PartialEq, Eq)]
enum Request {
    Init { again: bool },
    Check { json: bool },
    Update { json: bool },
    Show { digest: bool },
    Watch(String),
    Help,
    Nothing,
}

fn parse(mut parser: Parser) -> Result<Request, lexopt::Error> {
    use lexopt::prelude::*;
    let mut request = match parser.next()? {
        Some(Long("help") | Short('h')) => Request::Help,
        Some(Value(command)) => match command.string()?.as_str() {
            "init" => Request::Init { again: false },
            "check" => Request::Check { json: false },
            "update" => Request::Update { json: false },
            "show" => Request::Show { digest: false },
            "watch" => Request::Watch(parser.value().map_err(|_| "watch needs a number of seconds")?.string()?),
            other => return Err(format!("unknown command `{other}`").into()),
        },
        Some(other) => return Err(other.unexpected()),
        None => Request::Nothing,
    };
    while let Some(arg) = parser.next()? {
        match (&mut request, arg) {
            (Request::Init { again: option }, Long("again"))
            | (Request::Check { json: option } | Request::Update { json: option }, Long("json"))
            | (Request::Show { digest: option }, Long("digest")) => *option = true,
            (_, other) => return Err(other.unexpected()),
        }
    }
    Ok(request)
}

fn run(parser: Parser) -> Result<u8, String> {
    match parse(parser).map_err(|error| options::wrong(&error, USAGE))? {
        Request::Init { again } => init(again),
        Request::Check { json } => check(json),
        Request::Update { json } => update(json),
        Request::Show { digest } => show(digest),
        Request::Watch(seconds) => watch(&seconds),
        Request::Help => {
            line(&mut io::stdout(), &format!("{USAGE}\n{HELP}"));
            Ok(0)
        }
        Request::Nothing => Err(USAGE.to_owned()),
    }
}

/// Makes the first baseline, or replaces it.
fn init(again: bool) -> Result<u8, String> {
    if store::exists() && !again {
        return Err(format!("{} exists already; `integrity update` replaces it", store::PLACE));
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

/// Makes the present state the baseline; prints and records the changes.
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

/// Prints the baseline, if it is valid.
fn show(digest: bool) -> Result<u8, String> {
    store::read()?;
    let text = store::text()?;
    let shown = if digest { spec::sum(&text).unwrap_or_default() } else { text.trim_end() };
    line(&mut io::stdout(), shown);
    Ok(0)
}

/// Checks repeatedly. Reports a difference again only when it changes.
fn watch(seconds: &str) -> Result<u8, String> {
    let seconds = match seconds.parse() {
        Ok(seconds @ 1..=31_536_000) => Duration::from_secs(seconds),
        _ => return Err(format!("invalid interval `{seconds}`: write seconds, from 1 to one year")),
    };
    let mut reported = Ok(Vec::new());
    loop {
        let found = changes();
        if found != reported {
            match &found {
                Ok(changes) if changes.is_empty() => tell::log("everything matches the baseline again"),
                Ok(changes) => announce(changes),
                // A damaged or missing baseline is the strongest sign of all.
                Err(error) => refuse(error),
            }
            reported = found;
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

/// Reports to log and audit that the check failed.
fn refuse(error: &str) {
    tell::log(&format!("the check failed: {error}"));
    tell::event(tell::Kind::Changed, "op=integrity-check res=failed");
}

/// Reports to log and audit.
fn announce(changes: &[Change]) {
    log_each("", changes);
    if !changes.is_empty() {
        tell::event(tell::Kind::Changed, &format!("op=integrity-check {} res=failed", report::counts(changes)));
    }
}

fn log_each(before: &str, changes: &[Change]) {
    for change in changes.iter().take(MAX_LOGGED) {
        tell::log(&format!("{before}{}", report::line(change)));
    }
    if let Some(more) = changes.len().checked_sub(MAX_LOGGED + 1) {
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

/// Prints a line for the caller.
fn line(output: &mut dyn io::Write, text: &str) {
    // Without a reader, the exit status has the result.
    let _written = writeln!(output, "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_lines() {
        let read = |line: &str| {
            parse(Parser::from_args(line.split_whitespace())).map_err(|error| options::wrong(&error, "usage"))
        };
        for (line, want) in [
            ("init --again", Request::Init { again: true }),
            ("check", Request::Check { json: false }),
            ("update --json", Request::Update { json: true }),
            ("show --digest", Request::Show { digest: true }),
            ("watch 60", Request::Watch("60".to_owned())),
            ("-h", Request::Help),
            ("", Request::Nothing),
        ] {
            assert_eq!(read(line), Ok(want), "{line}");
        }
        for (line, why) in [
            ("look", "unknown command `look`"),
            ("init --json", "unknown option `--json`"),
            ("--json check", "unknown option `--json`"),
            ("check /etc", "unexpected argument `/etc`"),
            ("watch", "watch needs a number of seconds"),
        ] {
            assert_eq!(read(line), Err(format!("{why}; usage")), "{line}");
        }
    }
}
