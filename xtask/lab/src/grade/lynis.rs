//! Lynis: a shell script that looks at the system it runs on. Its points are in its log, its findings in its report.

use std::collections::{BTreeMap, BTreeSet};

use super::Grade;

/// The version that is run, as its archive's name has it.
pub const VERSION: &str = "3.1.6";
/// Its path in Debian's pool; the file at upstream's own address does not stay.
pub const POOL: &str = "pool/main/l/lynis/lynis_3.1.6.orig.tar.gz";
/// What it must hash to.
pub const SHA256: &str = "0513f62ba5ab615c4333827b804237d58cf7bd623d09e1b4918d3fc85f08fc70";
/// Points of 100 below which a change made the system worse.
const LEAST: u64 = 85;

/// Takes the archive from standard input. What is unpacked must be root's, and anybody may write to /tmp.
pub const RECEIVE: &str = "cat >/tmp/lynis.tar.gz";

/// Unpacks and runs it, as root, and removes what would count as findings of the next run. /run and /tmp start no programs; a
/// shell reads its text.
pub const RUN: &str = "set -e; rm -rf /run/lynis; mkdir -m 700 /run/lynis; cd /run/lynis; \
    tar -xzof /tmp/lynis.tar.gz; rm /tmp/lynis.tar.gz; cd */; \
    sh ./lynis audit system --quick --no-colors --log-file /run/lynis/log --report-file /run/lynis/report \
    >/run/lynis/out 2>&1 || test -s /run/lynis/report";
/// Prints what it left.
pub const LOG: &str = "cat /run/lynis/log";
/// Prints its report.
pub const REPORT: &str = "cat /run/lynis/report";
/// Takes all of it away.
pub const REMOVE: &str = "rm -rf /run/lynis";

/// What one run says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Lynis's own version.
    pub version: String,
    /// Points of 100.
    pub index: u64,
    /// Tests that were done.
    pub tests: u64,
    /// Points that the system got, and could get.
    pub points: (u64, u64),
    /// Tests that gave less than they could: points lost.
    pub lost: BTreeMap<String, u64>,
    /// Tests that warned or suggested, and what.
    pub remarks: BTreeMap<String, BTreeSet<String>>,
}

impl Report {
    /// Reads log and report of one run.
    ///
    /// # Errors
    /// What is missing, or where the two disagree: a run that was cut off must not count.
    pub fn read(log: &str, report: &str) -> Result<Self, String> {
        let value = |key: &str| {
            let found = report.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
            found.ok_or_else(|| format!("the report has no {key}: Lynis did not come to its end"))
        };
        let number = |key: &str| {
            value(key)?.parse::<u32>().map(u64::from).map_err(|error| format!("{key} of the report: {error}"))
        };
        let (points, lost) = points(log)?;
        let mut remarks: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for line in report.lines() {
            let said = line.strip_prefix("warning[]=").or_else(|| line.strip_prefix("suggestion[]="));
            if let Some((test, text)) = said.and_then(|said| said.split_once('|')) {
                let text = text.split('|').next().unwrap_or_default();
                remarks.entry(test.to_owned()).or_default().insert(text.to_owned());
            }
        }
        let version = value("lynis_version")?.to_owned();
        let read = Self {
            version,
            index: number("hardening_index")?,
            tests: number("lynis_tests_done")?,
            points,
            lost,
            remarks,
        };
        let (got, of) = points;
        match (got * 100).checked_div(of) {
            Some(index) if index == read.index => Ok(read),
            _ => Err(format!("the log has {got} of {of} points, and the report an index of {}", read.index)),
        }
    }

    /// The grade: every point that was lost, and every remark, is explained.
    pub fn grade(&self, accepted: &BTreeMap<String, String>) -> Grade {
        let ids: BTreeSet<&str> = self.lost.keys().chain(self.remarks.keys()).map(String::as_str).collect();
        let sentence = |id: &str| {
            let said = self.remarks.get(id).map(|texts| texts.iter().cloned().collect::<Vec<_>>().join("; "));
            let lost = self.lost.get(id).map_or_else(String::new, |points| format!(" ({points} points)"));
            format!("{id}{lost}: {}", said.as_deref().unwrap_or("no remark"))
        };
        let mut findings = super::unexplained(ids.iter().copied(), accepted, sentence);
        if self.index < LEAST {
            findings.push(format!("the index is {}, and {LEAST} were reached before", self.index));
        }
        let idle: Vec<&str> = accepted.keys().map(String::as_str).filter(|id| !ids.contains(id)).collect();
        let (got, of) = self.points;
        let mut score = format!("{} of 100: {got} of {of} points in {} tests", self.index, self.tests);
        if !idle.is_empty() {
            score += &format!("; explained, but not found: {}", idle.join(", "));
        }
        Grade::new("Lynis", &self.version, score, format!("{LEAST}, every lost point explained"), findings)
    }
}

/// Points reached and possible at the end, and the points that each test lost.
type Points = ((u64, u64), BTreeMap<String, u64>);

fn points(log: &str) -> Result<Points, String> {
    let mut test = "";
    let mut total = (0, 0);
    let mut lost: BTreeMap<String, u64> = BTreeMap::new();
    for line in log.lines() {
        if let Some((_, rest)) = line.split_once(" Performing test ID ") {
            test = rest.split_whitespace().next().unwrap_or_default();
        }
        let Some((_, rest)) = line.split_once(" Hardening: assigned ") else { continue };
        let odd = || format!("a line of the log cannot be read: `{line}`");
        let (item, sum) = rest.split_once(". Currently having ").ok_or_else(odd)?;
        let sum = sum.split_once(" points (out of ").ok_or_else(odd)?;
        let number = |text: &str| text.trim_end_matches(')').parse::<u32>().map(u64::from).map_err(|_| odd());
        total = (number(sum.0)?, number(sum.1)?);
        if let Some((_, points)) = item.split_once("partial number of hardening points (") {
            let (got, of) = points.split_once(" of ").ok_or_else(odd)?;
            let missing = number(of)?.checked_sub(number(got)?).ok_or_else(odd)?;
            *lost.entry(test.to_owned()).or_default() += missing;
        }
    }
    let missing: u64 = lost.values().sum();
    match total.1.checked_sub(total.0) {
        Some(difference) if difference == missing => Ok((total, lost)),
        _ => Err(format!("by its tests {missing} points are lost, by its sum {} of {}", total.0, total.1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Of a run in a directory with BusyBox and nothing else; the log's lines about points and tests only.
    const LOG: &str = include_str!("samples/lynis.log");
    const DAT: &str = include_str!("samples/lynis-report.dat");

    #[test]
    fn a_real_run() {
        let report = Report::read(LOG, DAT).unwrap();
        assert_eq!((report.index, report.tests, report.version.as_str()), (49, 205, VERSION));
        assert_eq!(report.lost["USB-3000"], 8);
        // Two remarks of one test, each of which lost a point.
        assert_eq!((report.lost["FILE-6310"], report.remarks["FILE-6310"].len()), (2, 2));
        let accepted = |ids: &[&str]| ids.iter().map(|id| ((*id).to_owned(), "because".to_owned())).collect();
        insta::assert_snapshot!(report.grade(&accepted(&["USB-3000", "NONE-1"])).lines());
        let all: Vec<&str> = report.lost.keys().chain(report.remarks.keys()).map(String::as_str).collect();
        let grade = report.grade(&accepted(&all));
        assert_eq!(grade.findings, ["the index is 49, and 85 were reached before"]);
    }

    #[test]
    fn a_run_that_was_cut_off_does_not_count() {
        let half: String = LOG.lines().take(LOG.lines().count() / 2).map(|line| format!("{line}\n")).collect();
        assert!(Report::read(&half, DAT).unwrap_err().contains("the report an index of 49"));
        let early: String = DAT.lines().filter(|line| !line.starts_with("hardening_index")).collect();
        assert!(Report::read(LOG, &early).unwrap_err().contains("has no"));
        let partial = " Hardening: assigned partial number of hardening points";
        for (line, error) in [
            (format!("{partial} (3 of 2). Currently having 3 points (out of 2)"), "cannot be read"),
            (
                format!("{partial} (1 of 2). Currently having 2 points (out of 2)"),
                "1 points are lost, by its sum 2 of 2",
            ),
            (format!("{partial} (1)"), "cannot be read"),
        ] {
            assert!(points(&line).unwrap_err().contains(error), "{line}");
        }
    }

    proptest! {
        #[test]
        fn noise_never_panics(noise in "( Hardening: assigned |partial number of hardening points \\(|[0-9]{1,11}| of |\\. Currently having | points \\(out of |\\)|\n| Performing test ID |warning\\[\\]=|\\||.){0,30}") {
            let _result = Report::read(&noise, &noise);
            let _result = Report::read(LOG, &(DAT.to_owned() + &noise));
        }
    }
}
