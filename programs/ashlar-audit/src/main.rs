//! `ashlar-audit`: checks that the running machine is as the six layers of defence promise.
//!
//! The checks are data in the image (`checks`); `system` reads the machine, `evaluate` compares, `run` does both for each check, `report` prints.
//! It changes nothing: an attempt that must be refused (`attempt`) would be harmless if it were not.

mod attempt;
mod evaluate;
mod report;
mod run;
mod system;

use std::io::Write as _;
use std::process::ExitCode;

use lexopt::Parser;

const CHECKS: &str = "/usr/lib/ashlar/checks";

const HELP: &str = "\
usage: ashlar-audit [--json] [--layer N]... [--failed] [--list] [FILE]

Checks the running kernel, its processes and files against the six layers of defence. Prints one line per check:
pass or FAIL, layer, id, what was expected and what was found; for a failure also why it matters.

  --json       one JSON object per line instead
  --layer N    only layer N (1 kernel, 2 access, 3 network, 4 ssh, 5 audit, 6 isolation); may be repeated
  --failed     only failed checks, and the summary
  --list       list the checks and run none
  FILE         read checks from FILE, not /usr/lib/ashlar/checks

exit status: 0 all checks passed, 1 a check failed, 2 wrong usage, 3 no check could run
";

/// The command line.
#[derive(Debug, Default, PartialEq, Eq)]
struct Options {
    json: bool,
    failed: bool,
    list: bool,
    help: bool,
    layers: Vec<u8>,
    file: Option<String>,
}

fn options(mut parser: Parser) -> Result<Options, lexopt::Error> {
    use lexopt::prelude::*;
    let mut options = Options::default();
    while let Some(arg) = parser.next()? {
        match arg {
            Long("json") => options.json = true,
            Long("failed") => options.failed = true,
            Long("list") => options.list = true,
            Long("help") | Short('h') => options.help = true,
            Long("layer") => {
                let layer = parser.value()?.string()?;
                match layer.parse() {
                    Ok(number @ 1..=6) => options.layers.push(number),
                    _ => return Err(format!("invalid layer `{layer}`: --layer takes a number from 1 to 6").into()),
                }
            }
            Value(file) if options.file.is_none() => options.file = Some(file.string()?),
            other => return Err(other.unexpected()),
        }
    }
    Ok(options)
}

fn main() -> ExitCode {
    let (mut out, mut err) = (std::io::stdout().lock(), std::io::stderr().lock());
    // A closed terminal cannot show an error.
    let mut say = |text: String| drop(writeln!(err, "ashlar-audit: {text}"));
    let options = match options(Parser::from_env()) {
        Ok(options) => options,
        Err(error) => {
            say(base::options::wrong(&error, "try `ashlar-audit --help`"));
            return ExitCode::from(2);
        }
    };
    if options.help {
        drop(write!(out, "{HELP}"));
        return ExitCode::SUCCESS;
    }
    if !options.list && sys::effective_uid() != 0 {
        say("needs root, to look at every process and file: become ashlar-audit".to_owned());
        return ExitCode::from(3);
    }
    let path = options.file.as_deref().unwrap_or(CHECKS);
    let checks = match system::read(path).map_err(|error| error.to_string()).and_then(|text| parsed(&text)) {
        Ok(checks) => checks,
        Err(why) => {
            say(format!("{path}: {why}"));
            return ExitCode::from(3);
        }
    };
    let wanted = |check: &&checks::Check| options.layers.is_empty() || options.layers.contains(&check.layer);
    let system = system::System::default();
    let mut outcomes = Vec::new();
    for check in checks.iter().filter(wanted) {
        if options.list {
            drop(writeln!(out, "{} {}: {}", check.layer, check.id, check.summary));
            continue;
        }
        let outcome = run::check(&system, check);
        outcomes.push((check.layer, outcome.pass));
        if !options.failed || !outcome.pass {
            let line = if options.json { report::json(check, &outcome) } else { report::line(check, &outcome) };
            if writeln!(out, "{line}").is_err() {
                return ExitCode::from(3);
            }
        }
    }
    if options.list {
        return ExitCode::SUCCESS;
    }
    if outcomes.is_empty() {
        say("no checks: this image was built without the layer".to_owned());
        return ExitCode::from(3);
    }
    if !options.json {
        drop(writeln!(out, "{}", report::summary(&outcomes)));
    }
    if outcomes.iter().all(|(_, pass)| *pass) { ExitCode::SUCCESS } else { ExitCode::from(1) }
}

fn parsed(text: &str) -> Result<Vec<checks::Check>, String> {
    checks::parse(text)
        .map_err(|errors| errors.iter().map(|error| format!("\n  line {}: {}", error.line, error.message)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_lines() {
        let parse = |line: &str| options(Parser::from_args(line.split_whitespace()));
        assert_eq!(parse("--layer 1 --layer 6").unwrap().layers, [1, 6]);
        assert!(parse("--json --failed --list x").unwrap().file.is_some());
        assert!(parse("--layer 7").is_err());
        assert!(parse("--layer").is_err());
        assert!(parse("--loud").is_err());
        assert!(parse("a b").is_err());
    }
}
