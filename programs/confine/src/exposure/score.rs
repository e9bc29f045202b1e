//! From facts to a score, and from scores to text or JSON. Pure.

use std::fmt::Write as _;

use super::facts::Facts;
use super::table::{Row, TABLE};
use crate::profile::Accepted;

/// The score of a process.
#[derive(Debug, Clone, PartialEq)]
pub struct Score {
    /// PID.
    pub pid: u32,
    /// Its short name.
    pub name: String,
    /// From 0.0 (no restriction is missing) to 10.0 (all are).
    pub points: f64,
    /// Missing restrictions: row, and how much of 2.
    pub lacking: Vec<(&'static str, u32)>,
}

/// Whether a word is the name of a row.
pub fn is_row(word: &str) -> bool {
    TABLE.iter().any(|row| row.id == word)
}

/// Scores a process by all rows except those named.
pub fn score(facts: &Facts, without: &[String]) -> Score {
    let mut lacking = Vec::new();
    let (mut lost, mut total) = (0, 0);
    for row in TABLE.iter().filter(|row| !without.iter().any(|id| id == row.id)) {
        let lacks = row.lacks(facts);
        total += 2 * row.weight;
        lost += lacks * row.weight;
        if lacks > 0 {
            lacking.push((row.id, lacks));
        }
    }
    // Rounded up to a tenth: a limit must not be met by rounding.
    let points = f64::from((lost * 100).div_ceil(total)) / 10.0;
    Score { pid: facts.pid, name: facts.status.name.clone(), points, lacking }
}

/// A service with its processes, the most exposed first.
#[derive(Debug, Clone, PartialEq)]
pub struct Service {
    /// Its name, or the name of a process outside any service.
    pub name: String,
    /// Its processes; never empty.
    pub processes: Vec<Score>,
    /// An exception of its profile.
    pub accepted: Option<Accepted>,
}

/// The comparison of a service with the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Within the limit.
    Within,
    /// Above it, but within the score that its profile accepts, with a reason.
    Accepted,
    /// Above.
    Above,
}

impl Service {
    /// The score of its most exposed process.
    pub fn points(&self) -> f64 {
        self.processes.iter().map(|process| process.points).fold(0.0, f64::max)
    }

    /// Compares with the limit.
    pub fn verdict(&self, limit: f64) -> Verdict {
        match &self.accepted {
            _ if self.points() <= limit => Verdict::Within,
            Some(exception) if self.points() <= exception.accepted => Verdict::Accepted,
            _ => Verdict::Above,
        }
    }
}

/// One line per service; with `details` each process and its missing restrictions.
pub fn table(services: &[Service], limit: f64, details: bool) -> String {
    let mut text = String::new();
    let width = services.iter().map(|service| service.name.len()).max().unwrap_or(0).max(7);
    for service in services {
        let remark = match (service.verdict(limit), &service.accepted) {
            (Verdict::Within, _) => "ok".to_owned(),
            (Verdict::Accepted, Some(exception)) => {
                format!("accepted up to {:.1}: {}", exception.accepted, exception.reason)
            }
            _ => format!("above {limit:.1}"),
        };
        line(&mut text, format_args!("{:width$}  {:4.1}  {remark}", service.name, service.points()));
        for process in service.processes.iter().filter(|_| details) {
            line(&mut text, format_args!("  process {} ({}): {:.1}", process.pid, process.name, process.points));
            for (row, lacks) in rows(&process.lacking) {
                let part = if lacks == 1 { " (half)" } else { "" };
                line(&mut text, format_args!("    {:4}  {}{part}", row.weight * lacks / 2, row.lacking));
            }
        }
    }
    text
}

fn rows<'a>(lacking: &'a [(&'static str, u32)]) -> impl Iterator<Item = (&'static Row, u32)> + 'a {
    lacking.iter().filter_map(|(id, lacks)| Some((TABLE.iter().find(|row| row.id == *id)?, *lacks)))
}

/// The table of rows itself.
pub fn explain() -> String {
    let total: u32 = TABLE.iter().map(|row| row.weight).sum();
    let mut text = format!(
        "Score: 10 x points / {total}, rounded up to a tenth; the most exposed process counts for its service.\n"
    );
    for row in TABLE {
        line(&mut text, format_args!("{:4}  {:18}  {}: {}", row.weight, row.id, row.lacking, row.reason));
    }
    text
}

/// One line of JSON.
pub fn json(services: &[Service], limit: f64) -> String {
    let process = |score: &Score| {
        let lacking: Vec<String> = score.lacking.iter().map(|(id, _)| base::json::quoted(id)).collect();
        format!(
            "{{\"pid\":{},\"name\":{},\"exposure\":{:.1},\"lacking\":[{}]}}",
            score.pid,
            base::json::quoted(&score.name),
            score.points,
            lacking.join(",")
        )
    };
    let service = |service: &Service| {
        let processes: Vec<String> = service.processes.iter().map(process).collect();
        let verdict = match service.verdict(limit) {
            Verdict::Within => "within",
            Verdict::Accepted => "accepted",
            Verdict::Above => "above",
        };
        format!(
            "{{\"service\":{},\"exposure\":{:.1},\"verdict\":\"{verdict}\",\"processes\":[{}]}}",
            base::json::quoted(&service.name),
            service.points(),
            processes.join(",")
        )
    };
    let list: Vec<String> = services.iter().map(service).collect();
    format!("{{\"max\":{limit:.1},\"services\":[{}]}}\n", list.join(","))
}

fn line(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _written = writeln!(text, "{arguments}");
}
