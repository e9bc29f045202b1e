//! Verdicts: what was found, compared with what was promised. Pure: everything found is in the arguments.

pub mod file;
pub mod kernel;
pub mod process;
pub mod sockets;

use checks::Text;

/// What came of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Whether the promise is kept.
    pub pass: bool,
    /// What was promised, in a few words.
    pub expected: String,
    /// What was found, in a few words.
    pub found: String,
}

impl Outcome {
    /// A verdict.
    pub fn new(pass: bool, expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self { pass, expected: expected.into(), found: found.into() }
    }

    /// What could not be looked at is not kept.
    pub fn unseen(expected: impl Into<String>, why: impl std::fmt::Display) -> Self {
        Self::new(false, expected, why.to_string())
    }
}

/// Whether `text` is as wanted; shows of it what tells most.
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

/// The line that comes closest to what was missed.
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

/// Lists words; nothing is said as such.
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
