//! Compares the machine with the checks. Pure: all facts are arguments.

pub mod file;
pub mod kernel;
pub mod process;
pub mod sockets;

use checks::Text;

/// The result of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Whether the check passed.
    pub pass: bool,
    /// The expected state, in a few words.
    pub expected: String,
    /// The observed state, in a few words.
    pub found: String,
}

impl Outcome {
    /// A result.
    pub fn new(pass: bool, expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self { pass, expected: expected.into(), found: found.into() }
    }

    /// A state that could not be observed fails the check.
    pub fn unobserved(expected: impl Into<String>, why: impl std::fmt::Display) -> Self {
        Self::new(false, expected, why.to_string())
    }
}

/// Whether `text` has the wanted lines; shows the most telling part of it.
pub fn text(want: &[Text], text: &str) -> Outcome {
    let mut expected = Vec::new();
    let mut missed = Vec::new();
    for wanted in want {
        let (shown, kept) = match wanted {
            Text::Line(line) => (format!("line `{line}`"), text.lines().any(|found| found.trim() == line)),
            Text::Piece(piece) => (format!("`{piece}`"), text.contains(piece.as_str())),
            Text::Lacks(piece) => (format!("no `{piece}`"), !text.contains(piece.as_str())),
            Text::Equals(all) => (format!("`{all}`"), text.trim() == all),
        };
        if !kept {
            missed.push(near(wanted, text));
        }
        expected.push(shown);
    }
    let found = if missed.is_empty() { "so".to_owned() } else { missed.join(", ") };
    Outcome::new(missed.is_empty(), expected.join(", "), found)
}

/// The line nearest to a missing one.
fn near(wanted: &Text, text: &str) -> String {
    let (Text::Line(want) | Text::Piece(want) | Text::Lacks(want) | Text::Equals(want)) = wanted;
    let first = want.split_whitespace().next().unwrap_or_default();
    let line = text.lines().find(|line| line.contains(first) && !first.is_empty());
    let line = line.or_else(|| text.lines().next()).unwrap_or_default().trim();
    match line.char_indices().nth(100) {
        Some((end, _)) => format!("`{}…`", &line[..end]),
        None => format!("`{line}`"),
    }
}

/// Lists words; an empty list says so.
pub(crate) fn words(list: &[String]) -> String {
    if list.is_empty() { "nothing".to_owned() } else { list.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts() {
        let seen = "maxauthtries 3\nport 22\n";
        assert!(text(&[Text::Line("port 22".into()), Text::Lacks("root".into())], seen).pass);
        let bad = text(&[Text::Line("maxauthtries 6".into()), Text::Piece("port".into())], seen);
        assert_eq!(bad, Outcome::new(false, "line `maxauthtries 6`, `port`", "`maxauthtries 3`"));
        assert!(!text(&[Text::Equals("port 22".into())], seen).pass);
        assert!(text(&[Text::Equals("a".into())], " a \n").pass);
        assert!(!text(&[Text::Piece("x".into())], "").pass);
    }
}
