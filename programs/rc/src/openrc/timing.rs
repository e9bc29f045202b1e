//! Times of services, and their chart. Pure.

use std::fmt::Write;

/// One service in one change of runlevel. Times are seconds since boot.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// `start` or `stop`.
    pub action: String,
    /// The runlevel that was entered.
    pub level: String,
    /// Its name.
    pub service: String,
    /// When the plan began.
    pub planned: f64,
    /// When it began to run.
    pub begun: f64,
    /// When it ended.
    pub ended: f64,
    /// Its result.
    pub outcome: String,
    /// The service that it waited for last.
    pub waited_for: Option<String>,
}

impl Record {
    /// As a line.
    pub fn render(&self) -> String {
        let Record { action, level, service, planned, begun, ended, outcome, waited_for } = self;
        let waited_for = waited_for.as_deref().unwrap_or("-");
        format!("{action} {level} {service} {planned:.3} {begun:.3} {ended:.3} {outcome} {waited_for}\n")
    }

    fn parse(line: &str) -> Option<Record> {
        let mut words = line.split(' ');
        let mut word = || words.next().map(str::to_owned);
        let (action, level, service) = (word()?, word()?, word()?);
        let mut time = || word()?.parse::<f64>().ok().filter(|time| time.is_finite());
        let (planned, begun, ended) = (time()?, time()?, time()?);
        let (outcome, waited_for) = (word()?, word()?);
        let waited_for = Some(waited_for).filter(|name| name != "-");
        Some(Record { action, level, service, planned, begun, ended, outcome, waited_for })
    }
}

/// Parses the output of `render`; skips incomplete lines.
pub fn parse(text: &str) -> Vec<Record> {
    text.lines().filter_map(Record::parse).collect()
}

/// The chart: a row per service, `.` while it waited, `#` while it ran; the last column names the service it waited
/// for.
pub fn chart(records: &[Record], width: usize) -> String {
    let starts: Vec<&Record> = records.iter().filter(|record| record.action == "start").collect();
    let (Some(first), Some(last)) = (
        starts.iter().map(|r| r.planned).min_by(f64::total_cmp),
        starts.iter().map(|r| r.ended).max_by(f64::total_cmp),
    ) else {
        return "No times recorded: no service was started since boot.\n".to_owned();
    };
    let names = starts.iter().map(|r| r.service.chars().count()).max().unwrap_or(0).max(7);
    let bar = width.saturating_sub(names + 40).clamp(20, 100);
    let span = (last - first).max(0.001);
    // Whole columns: precision beyond that would not be seen.
    let column = |time: f64| (((time - first) / span) * bar as f64).clamp(0.0, bar as f64) as usize;
    let mut out = String::new();
    let mut level = "";
    // Writing to a String cannot fail.
    let _ = writeln!(
        out,
        "{:names$} {:bar$} {:>8} {:>8}  waited for",
        "service",
        format!("{first:.3} s to {last:.3} s"),
        "wait ms",
        "run ms"
    );
    for record in starts {
        if record.level != level {
            level = &record.level;
            let _ = writeln!(out, "[{level}]");
        }
        let (planned, begun, ended) = (column(record.planned), column(record.begun), column(record.ended));
        let running = (ended - begun.min(ended)).max(1);
        let line = format!("{}{}{}", " ".repeat(planned), ".".repeat(begun - planned.min(begun)), "#".repeat(running));
        let line: String = line.chars().take(bar + 1).collect();
        let (wait, run) = ((record.begun - record.planned) * 1000.0, (record.ended - record.begun) * 1000.0);
        let note = if record.outcome == "ok" { String::new() } else { format!(" ({})", record.outcome) };
        let waited = record.waited_for.as_deref().unwrap_or("-");
        let _ = writeln!(out, "{:names$} {line:bar$} {wait:>8.0} {run:>8.0}  {waited}{note}", record.service);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "start boot dev 1.000 1.000 1.500 ok -\nstart default sshd 1.500 1.750 2.000 ok net\n\
                        half a line\nstart default bad 1.500 NaN 2.000 ok -\nstart default net 1.500 1.500 1.750 failed -\nstop x y 3.000 3.000 9.000 ok -\n";

    #[test]
    fn chart_of_what_waited_for_what() {
        let want = "\
service 1.000 s to 2.000 s    wait ms   run ms  waited for
[boot]
dev     ##########                  0      500  -
[default]
sshd              .....#####      250      250  net
net               #####             0      250  - (failed)
";
        assert_eq!(chart(&parse(TEXT), 60), want);
    }

    #[test]
    fn lines_are_read_as_written() {
        let records = parse(TEXT);
        assert_eq!(records.len(), 4);
        assert_eq!(parse(&records.iter().map(Record::render).collect::<String>()), records);
        assert!(chart(&[], 80).contains("no service was started"));
    }

    #[test]
    fn no_text_makes_it_panic() {
        crate::testing::for_texts(|text| drop(chart(&parse(text), text.len())));
        for text in ["start a b 9 1 0 ok -", "start a b -1e300 1e300 0 ok -", "start a b 1e308 -1e308 5 ok x"] {
            drop(chart(&parse(text), 0));
        }
    }
}
