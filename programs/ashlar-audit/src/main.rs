//! `ashlar-audit`: is what the six layers promise so, now, on this machine?
//!
//! The promises are data of the image (`check`); `system` looks, `judge` compares, `run` brings both together, `report` writes.
//! It changes nothing: an attempt that must be refused (`attempt`) would be harmless if it were not.

mod attempt;
mod judge;
mod report;
mod run;
mod system;

use std::io::Write as _;
use std::process::ExitCode;

const CHECKS: &str = "/usr/lib/ashlar/checks";

const HELP: &str = "\
usage: ashlar-audit [--json] [--layer N]... [--failed] [--list] [FILE]

Checks every promise of the six layers against the running kernel, its processes and files. One line per check:
pass or FAIL, layer, id, what was expected, what was found; for a failure, why it matters.

  --json       one JSON object per line instead
  --layer N    only layer N (1 kernel, 2 access, 3 network, 4 ssh, 5 audit, 6 isolation); may be repeated
  --failed     only what fails, and the summary
  --list       says what would be checked, and checks nothing
  FILE         other checks than /usr/lib/ashlar/checks

exit status: 0 all promises are kept, 1 one is not, 2 wrong usage, 3 nothing could be checked
";

/// As asked for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Options {
    json: bool,
    failed: bool,
    list: bool,
    help: bool,
    layers: Vec<u8>,
    file: Option<String>,
}

fn options(arguments: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut options = Options::default();
    let mut arguments = arguments;
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--json" => options.json = true,
            "--failed" => options.failed = true,
            "--list" => options.list = true,
            "--help" | "-h" => options.help = true,
            "--layer" => {
                let layer = arguments.next().unwrap_or_default();
                match layer.parse() {
                    Ok(number @ 1..=6) => options.layers.push(number),
                    _ => return Err(format!("`{layer}` is no layer: --layer takes a number from 1 to 6")),
                }
            }
            other if other.starts_with('-') => return Err(format!("unknown option `{other}`")),
            file if options.file.is_none() => options.file = Some(file.to_owned()),
            other => return Err(format!("`{other}` is a second file: one is read")),
        }
    }
    Ok(options)
}

fn main() -> ExitCode {
    let (mut out, mut err) = (std::io::stdout().lock(), std::io::stderr().lock());
    // Nothing can be said about a terminal that went away.
    let mut say = |text: String| drop(writeln!(err, "ashlar-audit: {text}"));
    let options = match options(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(message) => {
            say(format!("{message}\ntry `ashlar-audit --help`"));
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
        say("there was nothing to check: the layer is switched off in this image".to_owned());
        return ExitCode::from(3);
    }
    if !options.json {
        drop(writeln!(out, "{}", report::summary(&outcomes)));
    }
    if outcomes.iter().all(|(_, pass)| *pass) { ExitCode::SUCCESS } else { ExitCode::from(1) }
}

fn parsed(text: &str) -> Result<Vec<checks::Check>, String> {
    checks::parse(text).map_err(|odd| odd.iter().map(|odd| format!("\n  line {}: {}", odd.line, odd.message)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_lines() {
        let parse = |line: &str| options(line.split_whitespace().map(str::to_owned));
        assert_eq!(parse("--layer 1 --layer 6").unwrap().layers, [1, 6]);
        assert!(parse("--json --failed --list x").unwrap().file.is_some());
        assert!(parse("--layer 7").is_err());
        assert!(parse("--layer").is_err());
        assert!(parse("--loud").is_err());
        assert!(parse("a b").is_err());
    }
}
