//! `hardening/measured.toml`: the graders' results for the booted system, with the day. `cargo xtask grade --write` writes them;
//! figures that a boot test counts are written by hand.

use serde::Deserialize;

use crate::formats::oci::civil;

const HEAD: &str =
    "# What graders said of the booted system, with the day; for docs/hardening.md. `cargo xtask grade --write`.\n";

/// All that was measured.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Measured {
    /// One entry for each grader.
    pub score: Vec<Score>,
}

/// The result of one grader.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Score {
    /// Its name.
    pub grader: String,
    /// Its version.
    pub version: String,
    /// The result, with the day.
    pub result: String,
}

impl Measured {
    /// Takes over a new result: in the place of the old one, or at the end.
    pub fn record(&mut self, score: Score) {
        match self.score.iter_mut().find(|old| old.grader == score.grader) {
            Some(old) => *old = score,
            None => self.score.push(score),
        }
    }

    /// The file's text.
    pub fn render(&self) -> String {
        let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
        let entry = |Score { grader, version, result }: &Score| {
            let (grader, version, result) = (quoted(grader), quoted(version), quoted(result));
            format!("\n[[score]]\ngrader = {grader}\nversion = {version}\nresult = {result}\n")
        };
        HEAD.to_owned() + &self.score.iter().map(entry).collect::<String>()
    }
}

/// The day of a moment in seconds since 1970.
pub fn day(now: u64) -> String {
    let (year, month, day) = civil(now / 86_400);
    format!("{year}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::schema;
    use crate::model::hardening::options::DOCUMENT;

    fn score(grader: &str, result: &str) -> Score {
        Score { grader: grader.to_owned(), version: "1".to_owned(), result: result.to_owned() }
    }

    #[test]
    fn a_result_replaces_the_one_before() {
        let mut measured = Measured { score: vec![score("a", "1"), score("b", "\"2\"")] };
        measured.record(score("a", "3"));
        measured.record(score("c", "4"));
        let text = measured.render();
        let parsed = |text: &str| schema::read::<Measured>(text, "m".into(), &DOCUMENT).ok();
        assert_eq!(parsed(&text).as_ref(), Some(&measured));
        let results: Vec<&str> = measured.score.iter().map(|score| score.result.as_str()).collect();
        assert_eq!(results, ["3", "\"2\"", "4"]);
        assert!(parsed("[[score]]\nwhen = 1\n").is_none());
    }

    #[test]
    fn days() {
        assert_eq!(day(0), "1970-01-01");
        assert_eq!(day(1_764_115_200), "2025-11-26");
    }
}
