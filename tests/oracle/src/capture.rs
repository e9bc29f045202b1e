//! What the driver printed, as values. The first character of a line says what it is; see `driver.sh`.

use std::collections::{BTreeMap, BTreeSet};

/// What one side did with one command.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Exit code; 137 when it had to be killed.
    pub exit: i32,
    /// What it printed, both streams.
    pub output: Vec<String>,
    /// What the services logged while it ran.
    pub log: Vec<Event>,
    /// States afterwards, by service.
    pub states: BTreeMap<String, BTreeSet<String>>,
    /// The runlevel that counts as the present one.
    pub softlevel: String,
    /// Something was still going on when waiting for it was given up.
    pub restless: bool,
    /// The lines of real OpenRC's dependency file.
    pub deptree: Vec<String>,
}

/// A function of a service began or ended.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Event {
    /// `start` or `stop`, or another function.
    pub function: String,
    /// True at its begin.
    pub begin: bool,
    /// The service.
    pub service: String,
}

/// The outcomes of a graph's commands, by graph.
pub type Capture = BTreeMap<u32, Vec<Outcome>>;

/// A line that the driver would not print.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("line {line} of what the driver printed is `{text}`, which is no part of its format")]
pub struct BadLine {
    line: usize,
    text: String,
}

/// Reads what a driver printed. Graphs without their end are left out: the driver did not get there.
pub fn parse(text: &str) -> Result<Capture, BadLine> {
    let mut capture = Capture::new();
    let mut outcomes: Vec<Outcome> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let bad = || BadLine { line: index + 1, text: line.to_owned() };
        let Some(kind) = line.chars().next() else { return Err(bad()) };
        let rest = &line[kind.len_utf8()..];
        if kind == '@' {
            let (word, number) = rest.split_once(' ').ok_or_else(bad)?;
            match (word, number.parse::<i32>().map_err(|_| bad())?) {
                ("graph", _) => outcomes.clear(),
                ("step", _) => outcomes.push(Outcome::default()),
                ("exit", code) => outcomes.last_mut().ok_or_else(bad)?.exit = code,
                ("restless", _) => outcomes.last_mut().ok_or_else(bad)?.restless = true,
                ("end", graph) => {
                    capture.insert(u32::try_from(graph).map_err(|_| bad())?, std::mem::take(&mut outcomes));
                }
                _ => return Err(bad()),
            }
            continue;
        }
        let outcome = outcomes.last_mut().ok_or_else(bad)?;
        match kind {
            '>' => outcome.output.push(rest.to_owned()),
            // Services may log what they like; only begin and end are events.
            '=' => outcome.log.extend(event(rest)),
            ':' => {
                let (state, service) = rest.split_once(' ').ok_or_else(bad)?;
                outcome.states.entry(service.to_owned()).or_default().insert(state.to_owned());
            }
            '~' => outcome.softlevel = rest.to_owned(),
            '%' => outcome.deptree.push(rest.to_owned()),
            _ => return Err(bad()),
        }
    }
    Ok(capture)
}

fn event(line: &str) -> Option<Event> {
    let (what, service) = line.split_once(' ')?;
    let (function, edge) = what.rsplit_once('-')?;
    let begin = match edge {
        "begin" => true,
        "end" => false,
        _ => return None,
    };
    Some(Event { function: function.to_owned(), begin, service: service.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
@graph 3
@step 0
@exit 1
> * a failed
>
=start-begin a
=start-end a
:started a
:inactive b
:started b
:scheduled c after b
~default
%depinfo_0_service='a'
@end 3
@graph 4
@step 0
";

    #[test]
    fn reads_what_the_driver_prints() {
        let capture = parse(TEXT).unwrap();
        assert_eq!(capture.keys().collect::<Vec<_>>(), [&3], "the end of graph 4 was not reached");
        let outcome = &capture[&3][0];
        assert_eq!((outcome.exit, outcome.softlevel.as_str()), (1, "default"));
        assert_eq!(outcome.output, [" * a failed", ""]);
        assert_eq!(outcome.states["b"].iter().collect::<Vec<_>>(), ["inactive", "started"]);
        assert_eq!(outcome.states["c after b"].iter().collect::<Vec<_>>(), ["scheduled"]);
        let [begin, end] = outcome.log.as_slice() else { panic!("{:?}", outcome.log) };
        assert!(begin.begin && !end.begin && begin.function == "start" && end.service == "a");
        assert_eq!(outcome.deptree.len(), 1);
    }

    #[test]
    fn other_lines_are_refused() {
        for text in ["x", "@graph", "@graph one", "@exit 1", ">early", "\n", "@graph 1\n@step 0\n:started"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
