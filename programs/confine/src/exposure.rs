//! `exposure`: scores running services from 0.0 (best) to 10.0. The score comes from the kernel's view of the
//! processes, not from profiles, so it shows a service that escaped its profile.

pub mod facts;
mod read;
mod score;
mod table;
#[cfg(test)]
mod tests;

use std::fs;

use base::findings::Source;
use base::options;
use lexopt::Parser;

use crate::plan::RECORDS;
use crate::profile::{self, Accepted};
use score::{Service, Verdict};

/// The highest score that is acceptable without an exception.
const LIMIT: f64 = 3.0;

const USAGE: &str = "\
usage: exposure [--json] [--max SCORE] [--without ROW] [--details] [PID|SERVICE…]
       exposure --table

Scores running services from 0.0 (best) to 10.0. Without names it scores all of them; for named ones it prints details.
  --max SCORE  exit with status 1 if a service scores higher (default 3.0)
  --without ROW  ignore a row of the table, such as `apparmor`, to see what the rest is worth
  --table      print each restriction, its weight and the reason
Landlock is not scored, because the kernel does not report it; /run/confine/SERVICE has what was applied at the start.";

enum Request {
    Score(Wanted),
    Table,
    Help,
}

struct Wanted {
    json: bool,
    details: bool,
    limit: f64,
    without: Vec<String>,
    names: Vec<String>,
}

/// Runs it; returns the output and the exit status.
pub fn run(parser: Parser) -> Result<(String, u8), String> {
    match parse(parser).map_err(|error| options::wrong(&error, USAGE))? {
        Request::Score(wanted) => score_services(&wanted),
        Request::Table => Ok((score::explain(), 0)),
        Request::Help => Ok((format!("{USAGE}\n"), 0)),
    }
}

fn parse(mut parser: Parser) -> Result<Request, lexopt::Error> {
    use lexopt::prelude::*;
    let mut wanted = Wanted { json: false, details: false, limit: LIMIT, without: Vec::new(), names: Vec::new() };
    while let Some(arg) = parser.next()? {
        match arg {
            Long("json") => wanted.json = true,
            Long("details") => wanted.details = true,
            Long("max") => {
                let number = parser.value()?.parse().ok().filter(|max| (0.0..=10.0).contains(max));
                wanted.limit = number.ok_or("--max needs a number from 0 to 10")?;
            }
            Long("without") => {
                let row = Some(parser.value()?.string()?).filter(|row| score::is_row(row));
                wanted.without.push(row.ok_or("--without needs a row; `exposure --table` lists them")?);
            }
            Long("table") => return Ok(Request::Table),
            Long("help") | Short('h') => return Ok(Request::Help),
            Value(name) => wanted.names.push(name.string()?),
            other => return Err(other.unexpected()),
        }
    }
    Ok(Request::Score(wanted))
}

fn score_services(wanted: &Wanted) -> Result<(String, u8), String> {
    let names = if wanted.names.is_empty() { read::services()? } else { wanted.names.clone() };
    if names.is_empty() {
        return Err("no service runs; services are the control groups /sys/fs/cgroup/openrc.NAME".into());
    }
    let services = names.iter().map(|name| assess(name, &wanted.without)).collect::<Result<Vec<_>, _>>()?;
    let is_above = services.iter().any(|service| service.verdict(wanted.limit) == Verdict::Above);
    let text = if wanted.json {
        score::json(&services, wanted.limit)
    } else {
        let mut text = score::table(&services, wanted.limit, wanted.details || !wanted.names.is_empty());
        text.push_str(&format!("Not in the score: Landlock, which the kernel does not tell of; see {RECORDS}.\n"));
        text
    };
    Ok((text, u8::from(is_above)))
}

/// A service, or a process by its PID.
fn assess(name: &str, without: &[String]) -> Result<Service, String> {
    let (name, pids) = match name.parse::<u32>() {
        Ok(pid) => (read::service_of(pid).unwrap_or_else(|| format!("process {pid}")), vec![pid]),
        Err(_) => (name.to_owned(), read::processes(name)),
    };
    let mut processes = Vec::new();
    for pid in pids {
        match read::process(pid) {
            Ok(facts) => processes.push(score::score(&facts, without)),
            // It has ended meanwhile.
            Err(_) if !read::runs(pid) => {}
            Err(error) => return Err(error),
        }
    }
    if processes.is_empty() {
        return Err(format!("{name} is not running; `rc-status` lists running services"));
    }
    processes.sort_by(|one, other| other.points.total_cmp(&one.points).then(one.pid.cmp(&other.pid)));
    let accepted = accepted(&name)?;
    Ok(Service { name, processes, accepted })
}

/// The accepted score in a service's profile.
fn accepted(service: &str) -> Result<Option<Accepted>, String> {
    for folder in profile::PROFILES {
        let file = format!("{folder}/{service}.toml");
        if let Ok(text) = fs::read_to_string(&file) {
            let source = Source { file: &file, text: &text };
            return profile::read(&text).map(|profile| profile.exposure).map_err(|found| source.show(&found));
        }
    }
    Ok(None)
}
