//! What driver and observer printed, as values. The first character of a line says what it is; see `driver.sh` and `observer.rs`.

use std::collections::{BTreeMap, BTreeSet};

/// What there is after one step on one side.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Exit code; 137 when it had to be killed.
    pub exit: i32,
    /// What it printed, both streams. Words for people: not compared.
    pub output: Vec<String>,
    /// States of the service.
    pub states: BTreeSet<String>,
    /// The processes, in the order of their names and arguments.
    pub processes: Vec<Process>,
    /// Kind, rights, owner and content, by path.
    pub files: BTreeMap<String, String>,
    /// Something was still going on when waiting for it was given up.
    pub restless: bool,
}

/// A process.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Process {
    /// Its short name.
    pub name: String,
    /// What else is known of it.
    pub attributes: BTreeMap<String, String>,
}

/// The outcomes of a case's steps, by case.
pub type Capture = BTreeMap<u32, Vec<Outcome>>;

/// A line that neither would print.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("line {line} of what driver and observer printed is `{text}`, which is no part of their format")]
pub struct BadLine {
    line: usize,
    text: String,
}

/// Reads what was printed into `capture`. Cases without their end are left out: the driver did not get there.
///
/// # Errors
/// A line that is no part of the format.
pub fn parse(text: &str, capture: &mut Capture) -> Result<(), BadLine> {
    let mut outcomes: Vec<Outcome> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let bad = || BadLine { line: index + 1, text: line.to_owned() };
        let (kind, rest) = line.split_at_checked(1).ok_or_else(bad)?;
        if kind == "@" {
            let (word, number) = rest.split_once(' ').ok_or_else(bad)?;
            match (word, number.parse::<i32>().map_err(|_| bad())?) {
                ("case", _) => outcomes.clear(),
                ("step", _) => outcomes.push(Outcome::default()),
                ("exit", code) => outcomes.last_mut().ok_or_else(bad)?.exit = code,
                ("end", case) => {
                    capture.insert(u32::try_from(case).map_err(|_| bad())?, std::mem::take(&mut outcomes));
                }
                _ => return Err(bad()),
            }
            continue;
        }
        let outcome = outcomes.last_mut().ok_or_else(bad)?;
        match kind {
            ">" => outcome.output.push(rest.to_owned()),
            ":" => drop(outcome.states.insert(rest.split_once(' ').ok_or_else(bad)?.0.to_owned())),
            "W" => outcome.restless = true,
            "P" => outcome.processes.push(Process { name: rest.to_owned(), ..Process::default() }),
            "A" => {
                let (name, value) = rest.split_once('=').ok_or_else(bad)?;
                let process = outcome.processes.last_mut().ok_or_else(bad)?;
                process.attributes.insert(name.to_owned(), value.to_owned());
            }
            "F" => {
                let (path, about) = rest.split_once('=').ok_or_else(bad)?;
                outcome.files.insert(path.to_owned(), about.to_owned());
            }
            _ => return Err(bad()),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
@case 3
@step 0
@exit 1
Wnot at rest
Pstand-in
Aargv=[/usr/sbin/stand-in] [a b]
Aenv HOME=/root
F/run/web.pid=file 644 0:0 (number of stand-in)
:started web
> * failed
>
@end 3
@case 4
@step 0
";

    #[test]
    fn reads_what_is_printed() {
        let mut capture = Capture::new();
        parse(TEXT, &mut capture).unwrap();
        assert_eq!(capture.keys().collect::<Vec<_>>(), [&3], "the end of case 4 was not reached");
        let outcome = &capture[&3][0];
        assert!(outcome.restless && outcome.exit == 1 && outcome.states.contains("started"));
        assert_eq!(outcome.processes[0].attributes["env HOME"], "/root");
        assert_eq!(outcome.files["/run/web.pid"], "file 644 0:0 (number of stand-in)");
        assert_eq!(outcome.output, [" * failed", ""]);
    }

    #[test]
    fn other_lines_are_refused() {
        for text in ["x", "@case", "@case one", "@exit 1", ">early", "\n", "@case 1\n@step 0\nAx=1", "@step 0\nF", "ä"]
        {
            assert!(parse(text, &mut Capture::new()).is_err(), "{text}");
        }
    }
}
