//! `confine`'s command line: read, resolve, apply, execute the command.

use std::env;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::fd::RawFd;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, ExitCode};

use base::findings::{Finding, Source};
use base::options;
use lexopt::Parser;

use crate::apply;
use crate::calls::Group;
use crate::load::plan_of;
use crate::logins;
use crate::output::{complain, print};
use crate::plan::{Allow, Family, HostResource};

const USAGE: &str = "\
usage: confine --profile FILE [--service NAME] [--group NAME] [--argv0 WORD] [--report-to FD] -- COMMAND ARGS…
       confine --profile FILE --print-plan [-- COMMAND]
       confine --check FILE…
       confine --words

Runs a command in the sandbox of its profile, which refuses everything that the profile does not grant. If a part of the sandbox
cannot be set up, the command does not start. `rc` starts services this way. It takes the first of /etc/confine/NAME.toml,
/usr/lib/confine/NAME.toml and default.toml.
  --group NAME    enter the control group of this service first (`rc` does so itself)
  --report-to FD  also write errors to this descriptor, which is closed when the command runs
  --print-plan    print the sandbox and run nothing
  --check         validate profiles
  --words         list the values that the keys of a profile take";

/// Exit codes as of `env` and `nohup`: the sandbox failed, the command is not executable, the command was not found.
const REFUSED: u8 = 125;
const NOT_EXECUTABLE: u8 = 126;
const NOT_FOUND: u8 = 127;

#[derive(Debug)]
enum Request {
    Run(Run),
    Check(Vec<String>),
    /// For the process beside a service that logs users in.
    MoveLogins(Vec<String>),
    Words,
    Help,
}

#[derive(Debug, Default)]
struct Run {
    profile: String,
    service: Option<String>,
    group: Option<String>,
    argv0: Option<String>,
    report_to: Option<RawFd>,
    print_plan: bool,
    command: Vec<String>,
}

fn parse(mut parser: Parser) -> Result<Request, lexopt::Error> {
    use lexopt::prelude::*;
    let all = |parser: &mut Parser| parser.raw_args()?.map(ValueExt::string).collect::<Result<Vec<_>, _>>();
    // The command comes only after `--`; lexopt does not show that it has passed one.
    let at_command = |parser: &mut Parser| parser.try_raw_args()?.next_if(|word| word == "--");
    let mut run = Run::default();
    while at_command(&mut parser).is_none() {
        let Some(arg) = parser.next()? else { break };
        match arg {
            Long("profile") => run.profile = parser.value()?.string()?,
            Long("service") => run.service = Some(parser.value()?.string()?),
            Long("group") => run.group = Some(parser.value()?.string()?),
            Long("argv0") => run.argv0 = Some(parser.value()?.string()?),
            Long("report-to") => {
                let number = parser.value()?.parse().ok().filter(|fd| *fd > 2);
                run.report_to = Some(number.ok_or("--report-to needs the number of an open descriptor above 2")?);
            }
            Long("print-plan") => run.print_plan = true,
            Long("check") => return Ok(Request::Check(all(&mut parser)?)),
            Long("move-logins") => return Ok(Request::MoveLogins(all(&mut parser)?)),
            Long("words") => return Ok(Request::Words),
            Long("help") | Short('h') => return Ok(Request::Help),
            Value(word) => {
                let word = word.string()?;
                return Err(format!("unexpected argument `{word}`; the command comes after `--`").into());
            }
            other => return Err(other.unexpected()),
        }
    }
    run.command = all(&mut parser)?;
    let is_name = |name: &String| !name.is_empty() && !name.starts_with('.') && !name.contains('/');
    if let Some(name) = [&run.service, &run.group].into_iter().flatten().find(|name| !is_name(name)) {
        return Err(format!("`{name}` cannot be a service").into());
    }
    match &run {
        Run { profile, .. } if profile.is_empty() => Err("--profile is missing".into()),
        Run { command, print_plan: false, .. } if command.is_empty() => Err("no command after `--`".into()),
        _ => Ok(Request::Run(run)),
    }
}

/// Runs it.
pub fn run(parser: Parser) -> ExitCode {
    match parse(parser) {
        Ok(Request::Run(run)) => confine(&run),
        Ok(Request::Check(files)) => check(&files),
        Ok(Request::MoveLogins(words)) => move_logins(&words),
        Ok(Request::Words) => print(&vocabulary(), 0),
        Ok(Request::Help) => print(&format!("{USAGE}\n"), 0),
        Err(error) => complain(&format!("confine: {}", options::wrong(&error, USAGE)), 2),
    }
}

/// Returns only to print something, or if the command did not start.
fn confine(run: &Run) -> ExitCode {
    let report = match run.report_to.map(sys::take_descriptor).transpose() {
        Ok(report) => report,
        Err(error) => return complain(&format!("confine: --report-to: {error}"), 2),
    };
    match act(run) {
        Ok(text) => print(&text, 0),
        Err((message, code)) => {
            let message = format!("confine: {message}");
            // The reader may be gone; standard error has the message too.
            let _told = report.map(|mut report: File| report.write_all(message.as_bytes()));
            complain(&message, code)
        }
    }
}

/// A text to print, or a message and an exit code; nothing if the command starts.
fn act(run: &Run) -> Result<String, (String, u8)> {
    let refused = |message: String| (message, REFUSED);
    let text =
        fs::read_to_string(&run.profile).map_err(|error| refused(format!("cannot read {}: {error}", run.profile)))?;
    let source = Source { file: &run.profile, text: &text };
    let program = match run.command.first() {
        Some(word) => find(word).ok_or_else(|| (format!("program `{word}` not found"), NOT_FOUND))?,
        None => "/COMMAND".to_owned(),
    };
    let plan = plan_of(source, &program).map_err(refused)?;
    if run.print_plan {
        return Ok(plan.render());
    }
    let service = run.service.clone().unwrap_or_else(|| stem(&run.profile));
    let entered = run.group.as_deref().map_or(Ok(()), apply::enter_group);
    entered.and_then(|()| apply::apply(&plan, &service)).map_err(|failure| {
        let why = match failure.at {
            Some(at) => source.show(&Finding::new(at, failure.message, "").into()),
            None => format!("{}: {}", source.file, failure.message),
        };
        refused(format!("{service} is not started: {why}"))
    })?;
    let argv0 = run.argv0.as_ref().unwrap_or(&run.command[0]);
    let error = Command::new(&program).arg0(argv0).args(&run.command[1..]).exec();
    let code = if error.kind() == io::ErrorKind::NotFound { NOT_FOUND } else { NOT_EXECUTABLE };
    Err((format!("cannot start `{program}`: {error}"), code))
}

/// The name of a file without its directory and ending.
fn stem(file: &str) -> String {
    Path::new(file).file_stem().map_or_else(|| "default".into(), |stem| stem.to_string_lossy().into_owned())
}

/// The path of a program: the word itself if it has a slash, else the first in `PATH`.
fn find(word: &str) -> Option<String> {
    if word.contains('/') {
        let path = env::current_dir().ok()?.join(word);
        return path.exists().then(|| path.to_string_lossy().into_owned());
    }
    let search = env::var("PATH").unwrap_or_else(|_| "/usr/bin".into());
    search.split(':').map(|directory| format!("{directory}/{word}")).find(|path| Path::new(path).is_file())
}

/// The values that the keys of a profile take, with their meaning.
fn vocabulary() -> String {
    let mut text = String::new();
    let mut list = |title: &str, words: Vec<(&str, &str)>| {
        let lines = words.into_iter().map(|(word, meaning)| format!("  {word:18}  {meaning}\n"));
        text.push_str(&format!("{title}\n{}", lines.collect::<String>()));
    };
    list("calls: groups of system calls", Group::ALL.iter().map(|group| (group.name(), group.meaning())).collect());
    list("sockets: families", Family::ALL.iter().map(|(_, word, meaning)| (*word, *meaning)).collect());
    list(
        "host: what it uses of the host's, not its own",
        HostResource::ALL.iter().map(|(_, word, meaning)| (*word, *meaning)).collect(),
    );
    list(
        "allow: restrictions that do not apply",
        Allow::ALL.iter().map(|(_, word, meaning)| (*word, *meaning)).collect(),
    );
    text
}

/// The process that `confine` starts beside a service that logs users in.
fn move_logins(words: &[String]) -> ExitCode {
    let Some((logins, users)) = logins::from_words(words) else {
        return complain("confine: --move-logins is internal; confine uses it for profiles with `logins`", 2);
    };
    match logins::watch::run(logins, users) {
        Ok(()) => 0.into(),
        Err(error) => complain(&format!("confine: moving logins: {error}"), 1),
    }
}

/// Prints all findings about profiles.
fn check(files: &[String]) -> ExitCode {
    let validate = |file: &String| {
        let text = fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?;
        plan_of(Source { file, text: &text }, "/COMMAND").map(drop)
    };
    let wrong: Vec<String> = files.iter().filter_map(|file| validate(file).err()).collect();
    match wrong.is_empty() {
        true => 0.into(),
        false => complain(&wrong.join("\n"), 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Request, String> {
        parse(Parser::from_args(line.split(' '))).map_err(|error| options::wrong(&error, "usage"))
    }

    #[test]
    fn the_command_line() {
        let line = "--profile a.toml --argv0 -- --service b --report-to=5 -- /bin/c -d -- e";
        let Ok(Request::Run(run)) = read(line) else { panic!() };
        assert_eq!(run.command, ["/bin/c", "-d", "--", "e"]);
        assert_eq!((run.argv0.as_deref(), run.service.as_deref(), run.report_to), (Some("--"), Some("b"), Some(5)));
        assert!(matches!(read("--check a -b"), Ok(Request::Check(files)) if files == ["a", "-b"]));
        for (line, why) in [
            ("-- a", "--profile is missing"),
            ("--profile a", "no command after `--`"),
            ("--profile a --service ../b -- c", "`../b` cannot be a service"),
            ("--profile a --group a/b -- c", "`a/b` cannot be a service"),
            ("--profile a --report-to 1 -- c", "--report-to needs the number of an open descriptor above 2"),
            ("--profile a c", "unexpected argument `c`; the command comes after `--`"),
            ("--profile a --nice -- c", "unknown option `--nice`"),
            ("--profile", "--profile needs a value"),
        ] {
            assert_eq!(read(line).unwrap_err(), format!("{why}; usage"));
        }
    }
}
