//! `differences.toml` and `differences-scripts.toml`: what is known to differ from real OpenRC, and why. Short, or it is no oracle.

use serde::Deserialize;

use crate::compare::{Difference, What};

/// The file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    difference: Vec<Known>,
}

/// One entry: a reason, and the places where it shows.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Known {
    /// A name to print.
    pub id: String,
    /// Themes; any when empty.
    #[serde(default)]
    pub themes: Vec<String>,
    /// What differs for this reason.
    pub places: Vec<Place>,
    /// Why it is right that they differ.
    pub reason: String,
    /// From here on both sides are in different states: what else differs from this step on in the same case is a consequence,
    /// and says nothing of its own.
    #[serde(default)]
    pub parts: bool,
}

/// A kind of difference. In patterns `*` stands for anything; of a list one must fit; what is absent allows anything.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// What is compared.
    pub what: What,
    /// Patterns of the command.
    #[serde(default)]
    pub command: Patterns,
    /// Patterns of the subject.
    #[serde(default)]
    pub subject: Patterns,
    /// Patterns of a fact about the service that is meant; see [`Difference::about`].
    #[serde(default)]
    pub about: Patterns,
    /// Patterns of real OpenRC's answer.
    #[serde(default)]
    pub real: Patterns,
    /// Patterns of ours.
    #[serde(default)]
    pub ours: Patterns,
    /// Ours must have all words of real OpenRC's, and others.
    #[serde(default)]
    pub more: bool,
}

/// One pattern or several.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(untagged)]
pub enum Patterns {
    /// Anything fits.
    #[default]
    Anything,
    /// This one must fit.
    One(String),
    /// One of these must fit.
    Several(Vec<String>),
}

impl Patterns {
    fn fit(&self, text: &str) -> bool {
        match self {
            Self::Anything => true,
            Self::One(pattern) => fits(pattern, text),
            Self::Several(patterns) => patterns.iter().any(|pattern| fits(pattern, text)),
        }
    }

    fn is_given(&self) -> bool {
        !matches!(self, Self::Anything)
    }
}

/// The file is not what it should be.
#[derive(Debug, thiserror::Error)]
pub enum BadFile {
    /// No TOML, or not of this shape.
    #[error("{0}")]
    Toml(#[from] toml::de::Error),
    /// A reason that is none.
    #[error("the reason of `{0}` is too short to be one; say why ours is right")]
    Reason(String),
    /// An entry that would explain nearly anything.
    #[error("a place of `{0}` is too wide; it must say more than what is compared and one thing else")]
    Wide(String),
}

/// Reads the file.
pub fn parse(text: &str) -> Result<Vec<Known>, BadFile> {
    let file: File = toml::from_str(text)?;
    for known in &file.difference {
        if known.reason.trim().len() < 30 {
            return Err(BadFile::Reason(known.id.clone()));
        }
        if known.places.iter().any(Place::is_wide) {
            return Err(BadFile::Wide(known.id.clone()));
        }
    }
    Ok(file.difference)
}

/// The differences, told apart.
#[derive(Debug, Default)]
pub struct Sorted<'a> {
    /// How often each entry of the file was met, by its place there.
    pub known: Vec<usize>,
    /// What they explain, each with the place of its entry.
    pub explained: Vec<(usize, &'a Difference)>,
    /// How many of those are consequences of one that parts the sides.
    pub consequences: usize,
    /// Those that no entry explains.
    pub unexplained: Vec<&'a Difference>,
}

/// Finds the entry of each difference; the first that fits counts. The differences of a case are in the order of its steps.
pub fn sort<'a>(differences: &'a [Difference], known: &[Known]) -> Sorted<'a> {
    let mut sorted = Sorted { known: vec![0; known.len()], ..Sorted::default() };
    for case in differences.chunk_by(|a, b| a.case == b.case) {
        let entry = |difference: &Difference| known.iter().position(|known| known.explains(difference));
        // In the step that parts the sides its consequences may come before it.
        let parted = case
            .iter()
            .find_map(|difference| Some((entry(difference).filter(|at| known[*at].parts)?, difference.step)));
        for difference in case {
            let consequence = parted.filter(|(_, step)| difference.step >= *step).map(|(place, _)| place);
            match entry(difference).or(consequence) {
                Some(place) => {
                    sorted.known[place] += 1;
                    sorted.consequences += usize::from(entry(difference).is_none());
                    sorted.explained.push((place, difference));
                }
                None => sorted.unexplained.push(difference),
            }
        }
    }
    sorted
}

impl Known {
    fn explains(&self, difference: &Difference) -> bool {
        let theme = self.themes.is_empty() || self.themes.iter().any(|theme| theme == difference.theme);
        theme && self.places.iter().any(|place| place.holds(difference))
    }
}

impl Place {
    fn holds(&self, difference: &Difference) -> bool {
        let about = !self.about.is_given() || difference.about.iter().any(|fact| self.about.fit(fact));
        self.what == difference.what
            && about
            && self.command.fit(&difference.command)
            && self.subject.fit(&difference.subject)
            && self.real.fit(&difference.real)
            && self.ours.fit(&difference.ours)
            && (!self.more || has_more(&difference.real, &difference.ours))
    }

    fn is_wide(&self) -> bool {
        let all = [&self.command, &self.subject, &self.about, &self.real, &self.ours];
        all.iter().filter(|patterns| patterns.is_given()).count() + usize::from(self.more) < 2
    }
}

fn has_more(real: &str, ours: &str) -> bool {
    let ours: Vec<&str> = ours.split(' ').collect();
    real.split(' ').all(|word| ours.contains(&word)) && real.split(' ').count() < ours.len()
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
            "[[difference]]\nid = \"x\"\nthemes = [\"plain\"]\nreason = \"{reason}\"\n\
             places = [{{ what = \"exit\", real = \"0\", about = [\"failed\", \"Slow*\"] }}]\n"
        )
    }

    /// A script says more than a graph.
    const MAX_OF_SCRIPTS: usize = 32;

    const REASON: &str = "thirty letters at least, or it is no reason";

    #[test]
    fn entries_explain_what_they_name_and_nothing_else() {
        let known = parse(&entry(REASON)).unwrap();
        let difference = |theme, real: &str, what, about: &str| Difference {
            case: 1,
            theme,
            step: 0,
            command: "openrc".into(),
            what,
            subject: "command".into(),
            about: vec!["Plain".into(), about.into()],
            real: real.into(),
            ours: "1".into(),
        };
        let all = [
            difference("plain", "0", What::Exit, "failed"),
            difference("plain", "0", What::Exit, "Slow(8)"),
            difference("other", "0", What::Exit, "failed"),
            difference("plain", "2", What::Exit, "failed"),
            difference("plain", "0", What::State, "failed"),
            difference("plain", "0", What::Exit, "Syntax"),
        ];
        let sorted = sort(&all, &known);
        assert_eq!(sorted.known, [2]);
        assert_eq!(sorted.unexplained, all[2..].iter().collect::<Vec<_>>());
    }

    #[test]
    fn what_follows_from_a_parting_is_explained_and_nothing_before_it() {
        let difference = |case, step, what, real: &str| Difference {
            case,
            theme: "plain",
            step,
            command: "x".into(),
            what,
            subject: "y".into(),
            about: vec!["failed".into()],
            real: real.into(),
            ours: "1".into(),
        };
        let all = [
            difference(1, 0, What::State, "a"),
            difference(1, 1, What::State, "b"),
            difference(1, 1, What::Exit, "0"),
            difference(1, 2, What::State, "c"),
            difference(2, 3, What::State, "d"),
        ];
        let entry = entry(REASON);
        let parting = parse(&format!("{entry}parts = true\n")).unwrap();
        let sorted = sort(&all, &parting);
        assert_eq!(sorted.unexplained, [&all[0], &all[4]]);
        assert_eq!((sorted.known[0], sorted.consequences), (3, 2));
        assert_eq!(sort(&all, &parse(&entry).unwrap()).unexplained.len(), 4);
    }

    #[test]
    fn a_bad_file_is_refused() {
        assert!(matches!(parse(&entry("because")), Err(BadFile::Reason(id)) if id == "x"));
        let wide = entry(REASON).replace(", about = [\"failed\", \"Slow*\"]", "");
        assert!(matches!(parse(&wide), Err(BadFile::Wide(id)) if id == "x"));
        for text in ["[[difference]]\nid = \"x\"", "[[other]]", &entry(REASON).replace("exit", "colour"), "="] {
            assert!(matches!(parse(text), Err(BadFile::Toml(_))), "{text}");
        }
    }

    #[test]
    fn the_files_of_this_project_are_read() {
        for (text, most) in
            [(include_str!("../differences.toml"), 14), (include_str!("../differences-scripts.toml"), MAX_OF_SCRIPTS)]
        {
            let known = parse(text).unwrap();
            assert!(known.len() <= most, "a long list is no oracle");
            let mut ids: Vec<&str> = known.iter().map(|known| known.id.as_str()).collect();
            ids.sort_unstable();
            ids.dedup();
            assert_eq!(ids.len(), known.len(), "an id occurs twice");
        }
    }
}
