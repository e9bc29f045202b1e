//! The report of a boot test about a scenario: lines, a table, the spread over many starts. Text from values only.

use ashlar_lab::console::facts::Seen;
use camino::Utf8PathBuf;
use serde::Serialize;

/// How one scenario went. As JSON: one object a line; fields as here.
#[derive(Debug, Serialize)]
pub struct ScenarioVerdict {
    /// The scenario.
    pub scenario: &'static str,
    /// The scenario, with the number of the round when there are several.
    pub name: String,
    /// Whether everything was as it should be.
    pub ok: bool,
    /// From the start of QEMU to the first thing waited for, an SSH banner or a prompt; absent when it never came.
    pub seconds_to_answer: Option<f64>,
    /// From the start of QEMU to the end of the conversation.
    pub seconds: Option<f64>,
    /// What was looked at.
    pub facts: Vec<Seen>,
    /// Why the conversation ended early, if it did.
    pub failure: Option<String>,
    /// The console log.
    pub log: Utf8PathBuf,
}

impl ScenarioVerdict {
    /// A line for each fact, and one for the end.
    pub fn lines(&self) -> String {
        let mut lines: Vec<String> = self.facts.iter().map(Seen::line).collect();
        let end = match (&self.failure, self.seconds) {
            (Some(failure), _) => format!("FAILED  {:<22} {failure}", "conversation"),
            (None, seconds) => format!("ok      {:<22} {:.1} s after the start", "all done", seconds.unwrap_or(0.0)),
        };
        lines.push(end);
        if !self.ok {
            lines.push(format!("log     {}", self.log));
        }
        lines.iter().map(|line| format!("{}: {line}\n", self.name)).collect()
    }
}

/// The end of a console log, set off from our own words.
pub fn tail(log: &str) -> String {
    log.lines().map(|line| format!("  | {line}\n")).collect()
}

/// One line for each scenario.
pub fn table(verdicts: &[ScenarioVerdict]) -> String {
    let mut out = format!("\n{:<16} {:>17}  {:>8}  verdict\n", "scenario", "seconds to answer", "in all");
    for verdict in verdicts {
        let figure = |seconds: Option<f64>| seconds.map_or("never".to_owned(), |seconds| format!("{seconds:.1}"));
        let (answer, all) = (figure(verdict.seconds_to_answer), figure(verdict.seconds));
        let word = if verdict.ok { "ok" } else { "FAILED" };
        out.push_str(&format!("{:<16} {answer:>17}  {all:>8}  {word}\n", verdict.name));
    }
    out
}

/// For each scenario that was started more than once: how many starts were good, and how long they took to answer.
pub fn spread(verdicts: &[ScenarioVerdict]) -> String {
    let mut names: Vec<&str> = Vec::new();
    for verdict in verdicts {
        if !names.contains(&verdict.scenario) {
            names.push(verdict.scenario);
        }
    }
    let mut out = String::new();
    for name in names {
        let these: Vec<&ScenarioVerdict> = verdicts.iter().filter(|verdict| verdict.scenario == name).collect();
        if these.len() < 2 {
            continue;
        }
        let good = these.iter().filter(|verdict| verdict.ok).count();
        let mut times: Vec<f64> = these.iter().filter_map(|verdict| verdict.seconds_to_answer).collect();
        times.sort_by(f64::total_cmp);
        let times = match times.as_slice() {
            [] => "none answered".to_owned(),
            [least, ..] => {
                let median = times[times.len() / 2];
                let most = times.last().copied().unwrap_or(*least);
                format!("seconds to answer: min {least:.1}, median {median:.1}, max {most:.1}")
            }
        };
        out.push_str(&format!("{name}: {good} of {} starts good; {times}\n", these.len()));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(ok: bool, seconds: f64) -> ScenarioVerdict {
        let seen = Seen { name: "PID 1", ok: true, expected: "init".to_owned(), found: "init".to_owned() };
        ScenarioVerdict {
            scenario: "uefi-cd",
            name: "uefi-cd".to_owned(),
            ok,
            seconds_to_answer: ok.then_some(seconds),
            seconds: ok.then_some(20.0),
            facts: vec![seen],
            failure: (!ok).then(|| "waited 60 s for x".to_owned()),
            log: "/logs/uefi-cd.log".into(),
        }
    }

    #[test]
    fn says_how_it_went() {
        let text = verdict(true, 12.34).lines() + &verdict(false, 0.0).lines() + &tail("a\nb");
        assert_eq!(
            text,
            "uefi-cd: ok      PID 1                  init\n\
             uefi-cd: ok      all done               20.0 s after the start\n\
             uefi-cd: ok      PID 1                  init\n\
             uefi-cd: FAILED  conversation           waited 60 s for x\n\
             uefi-cd: log     /logs/uefi-cd.log\n  | a\n  | b\n"
        );
        let table = table(&[verdict(true, 12.34), verdict(false, 0.0)]);
        assert!(table.contains("uefi-cd                       12.3      20.0  ok\n"), "{table}");
        assert!(table.contains("uefi-cd                      never     never  FAILED\n"), "{table}");
    }

    #[test]
    fn many_starts_have_a_spread() {
        assert_eq!(spread(&[verdict(true, 1.0)]), "");
        let starts = [verdict(true, 30.0), verdict(false, 0.0), verdict(true, 10.0), verdict(true, 20.0)];
        assert_eq!(
            spread(&starts),
            "uefi-cd: 3 of 4 starts good; seconds to answer: min 10.0, median 20.0, max 30.0\n"
        );
        assert_eq!(spread(&[verdict(false, 0.0), verdict(false, 0.0)]), "uefi-cd: 0 of 2 starts good; none answered\n");
    }
}
