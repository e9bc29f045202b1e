//! `differences.toml`: what is known to differ from real OpenRC, and why. Short, or it is no oracle.

use serde::Deserialize;

use crate::compare::{Difference, What};

/// The file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    difference: Vec<Known>,
}

/// One entry. In patterns `*` stands for anything; a pattern that is absent allows anything.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Known {
    /// A name to print.
    pub id: String,
    /// Kinds of what is compared.
    pub what: Vec<What>,
    /// Themes; any when empty.
    #[serde(default)]
    pub themes: Vec<String>,
    /// Pattern of the command.
    #[serde(default = "anything")]
    pub command: String,
    /// Pattern of the subject.
    #[serde(default = "anything")]
    pub subject: String,
    /// Pattern of real OpenRC's answer.
    #[serde(default = "anything")]
    pub real: String,
    /// Pattern of ours.
    #[serde(default = "anything")]
    pub ours: String,
    /// Why it is right that they differ.
    pub reason: String,
}

fn anything() -> String {
    "*".to_owned()
}

/// The file is not what it should be.
#[derive(Debug, thiserror::Error)]
pub enum BadFile {
    /// No TOML, or not of this shape.
    #[error("differences.toml: {0}")]
    Toml(#[from] toml::de::Error),
    /// A reason that is none.
    #[error("differences.toml: the reason of `{0}` is too short to be one; say why ours is right")]
    Reason(String),
}

/// Reads the file.
pub fn parse(text: &str) -> Result<Vec<Known>, BadFile> {
    let file: File = toml::from_str(text)?;
    match file.difference.iter().find(|known| known.reason.trim().len() < 30) {
        Some(known) => Err(BadFile::Reason(known.id.clone())),
        None => Ok(file.difference),
    }
}

/// The differences, told apart.
#[derive(Debug, Default)]
pub struct Sorted<'a> {
    /// How often each entry of the file was met, by its place there.
    pub known: Vec<usize>,
    /// Those that no entry explains.
    pub unexplained: Vec<&'a Difference>,
}

/// Finds the entry of each difference; the first that fits counts.
pub fn sort<'a>(differences: &'a [Difference], known: &[Known]) -> Sorted<'a> {
    let mut sorted = Sorted { known: vec![0; known.len()], unexplained: Vec::new() };
    for difference in differences {
        match known.iter().position(|known| known.explains(difference)) {
            Some(place) => sorted.known[place] += 1,
            None => sorted.unexplained.push(difference),
        }
    }
    sorted
}

impl Known {
    fn explains(&self, difference: &Difference) -> bool {
        self.what.contains(&difference.what)
            && (self.themes.is_empty() || self.themes.iter().any(|theme| theme == difference.theme))
            && fits(&self.command, &difference.command)
            && fits(&self.subject, &difference.subject)
            && fits(&self.real, &difference.real)
            && fits(&self.ours, &difference.ours)
    }
}

/// Whether `text` fits the pattern, in which `*` stands for any text.
fn fits(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((start, rest)) => text.strip_prefix(start).is_some_and(|tail| {
            tail.char_indices().map(|(place, _)| place).chain([tail.len()]).any(|place| fits(rest, &tail[place..]))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("rc-service * stop", "rc-service a stop", true),
            ("rc-service * stop", "rc-service a start", false),
            ("a*b*c", "a-b-b-c", true),
            ("a", "ab", false),
        ] {
            assert_eq!(fits(pattern, text), expected, "{pattern} {text}");
        }
    }

    fn entry(reason: &str) -> String {
        format!(
            "[[difference]]\nid = \"x\"\nwhat = [\"exit\"]\nthemes = [\"plain\"]\nreal = \"0\"\nreason = \"{reason}\"\n"
        )
    }

    #[test]
    fn entries_explain_what_they_name_and_nothing_else() {
        let known = parse(&entry("thirty letters at least, or it is no reason")).unwrap();
        let difference = |theme, real: &str, what| Difference {
            graph: 1,
            theme,
            step: 0,
            command: "openrc".into(),
            what,
            subject: "command".into(),
            real: real.into(),
            ours: "1".into(),
        };
        let all = [
            difference("plain", "0", What::Exit),
            difference("other", "0", What::Exit),
            difference("plain", "2", What::Exit),
            difference("plain", "0", What::State),
        ];
        let sorted = sort(&all, &known);
        assert_eq!(sorted.known, [1]);
        assert_eq!(sorted.unexplained, all[1..].iter().collect::<Vec<_>>());
    }

    #[test]
    fn a_bad_file_is_refused() {
        assert!(matches!(parse(&entry("because")), Err(BadFile::Reason(id)) if id == "x"));
        for text in ["[[difference]]\nid = \"x\"", "[[other]]", &entry("x").replace("exit", "colour"), "="] {
            assert!(matches!(parse(text), Err(BadFile::Toml(_))), "{text}");
        }
    }

    #[test]
    fn the_file_of_this_project_is_read() {
        let known = parse(include_str!("../differences.toml")).unwrap();
        assert!(known.len() <= 14, "a long list is no oracle");
        let mut ids: Vec<&str> = known.iter().map(|known| known.id.as_str()).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), known.len(), "an id occurs twice");
    }
}
