//! Verdicts of graders on a running system, read from the text of their reports; `cargo xtask grade` runs them.
//!
//! One module per grader: how it is run, what its report holds, and what must hold.

pub mod audit;
pub mod exposure;
pub mod lynis;
pub mod ssh_audit;

use std::collections::BTreeMap;

use serde::Serialize;

use ashlar_core::model::hardening::measured::Score;

/// Whether a system is as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum GradeVerdict {
    /// The target is met.
    Met,
    /// It is not.
    Missed,
    /// The grader could not run, which says nothing about the system.
    Skipped,
}

/// What one grader says. As JSON: one object a line; fields as here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Grade {
    /// The grader.
    pub grader: String,
    /// Its version, as it says itself.
    pub version: String,
    /// What it says, or why it was skipped.
    pub score: String,
    /// What must hold.
    pub target: String,
    /// Whether it does.
    pub verdict: GradeVerdict,
    /// What is in the way, one sentence each.
    pub findings: Vec<String>,
}

impl Grade {
    /// A grade whose target is met when there are no findings.
    pub fn new(grader: &str, version: &str, score: String, target: String, findings: Vec<String>) -> Self {
        let verdict = if findings.is_empty() { GradeVerdict::Met } else { GradeVerdict::Missed };
        Self { grader: grader.to_owned(), version: version.to_owned(), score, target, verdict, findings }
    }

    /// A grader that was not run.
    pub fn skipped(grader: &str, version: &str, why: impl Into<String>) -> Self {
        let verdict = GradeVerdict::Skipped;
        let (grader, version) = (grader.to_owned(), version.to_owned());
        Self { grader, version, score: why.into(), target: String::new(), verdict, findings: Vec::new() }
    }

    /// A line for people, and one more for each finding.
    pub fn lines(&self) -> String {
        let Self { grader, version, score, target, findings, .. } = self;
        let name = format!("{grader} {version}");
        let mut out = match self.verdict {
            GradeVerdict::Met => format!("met      {name:<32} {score}; target: {target}\n"),
            GradeVerdict::Missed => format!("MISSED   {name:<32} {score}; target: {target}\n"),
            GradeVerdict::Skipped => format!("skipped: {name}: {score}\n"),
        };
        for finding in findings {
            out += &format!("         | {finding}\n");
        }
        out
    }

    /// The entry for `hardening/measured.toml`; nothing of a grader that was skipped.
    pub fn measured(&self, day: &str) -> Option<Score> {
        let (grader, version) = (self.grader.clone(), self.version.clone());
        (self.verdict != GradeVerdict::Skipped).then(|| Score {
            grader,
            version,
            result: format!("{} ({day})", self.score),
        })
    }
}

/// Findings that are not accepted, each as a `sentence`.
fn unexplained<'a>(
    ids: impl IntoIterator<Item = &'a str>,
    accepted: &BTreeMap<String, String>,
    sentence: impl Fn(&str) -> String,
) -> Vec<String> {
    let news = ids.into_iter().filter(|id| !accepted.contains_key(*id));
    news.map(|id| format!("{}: not in hardening/findings.toml; mend it, or say there why it stays", sentence(id)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grades_are_lines_and_entries() {
        let met = Grade::new("Lynis", "3.1.6", "80 of 100".to_owned(), "80".to_owned(), Vec::new());
        let missed = Grade::new("ssh-audit", "3.9.0", "x".to_owned(), "y".to_owned(), vec!["one".to_owned()]);
        let skipped = Grade::skipped("kernel-hardening-checker", "0.6.17.1", "it is not to be had");
        insta::assert_snapshot!([&met, &missed, &skipped].map(Grade::lines).concat(), @r"
        met      Lynis 3.1.6                      80 of 100; target: 80
        MISSED   ssh-audit 3.9.0                  x; target: y
                 | one
        skipped: kernel-hardening-checker 0.6.17.1: it is not to be had
        ");
        assert_eq!(met.measured("2026-01-01").unwrap().result, "80 of 100 (2026-01-01)");
        assert_eq!(skipped.measured("2026-01-01"), None);
        let json = serde_json::to_string(&missed).unwrap();
        assert!(json.contains(r#""verdict":"missed","findings":["one"]"#), "{json}");
    }

    #[test]
    fn what_nobody_explained_is_news() {
        let accepted = BTreeMap::from([("A".to_owned(), "why".to_owned())]);
        let found = unexplained(["A", "B"], &accepted, |id| format!("{id} lost 3 points"));
        assert_eq!(found, ["B lost 3 points: not in hardening/findings.toml; mend it, or say there why it stays"]);
    }
}
