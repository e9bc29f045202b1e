//! Findings for the person who wrote the input: what, where, why, what to do now.
//!
//! A `Diagnostic` is a *result*. Broken machinery is an `anyhow::Error` on the shell's side and never one of these.

use std::ops::Range;

use camino::Utf8PathBuf;
use serde::Serialize;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Reported, does not fail the command.
    Warning,
    /// Fails the command, after all findings were collected.
    Error,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// Stable identifier such as `recipe::unknown-key`.
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, in one sentence.
    pub message: String,
    /// The file, relative to the repository.
    pub file: Option<Utf8PathBuf>,
    /// Byte range in the file's text.
    pub span: Option<Range<usize>>,
    /// What is wrong *here*, beside the caret.
    pub label: Option<String>,
    /// What to do now.
    pub help: Option<String>,
}

impl Diagnostic {
    /// An error without a place.
    pub fn error(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: Severity::Error,
            message: message.into(),
            file: None,
            span: None,
            label: None,
            help: None,
        }
    }

    /// A warning without a place.
    pub fn warning(code: &'static str, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, message) }
    }

    /// Adds the file.
    pub fn in_file(mut self, file: impl Into<Utf8PathBuf>) -> Self {
        self.file = Some(file.into());
        self
    }

    /// Adds the byte range.
    pub fn at(mut self, span: Range<usize>) -> Self {
        self.span = Some(span);
        self
    }

    /// Adds the text beside the caret.
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// Adds what to do now.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The finding with line and column when `source` (the file's whole text) is given.
    pub fn located(&self, source: Option<&str>) -> Located {
        let place = source.zip(self.span.as_ref()).map(|(text, span)| Place::of(text, span));
        Located {
            code: self.code,
            severity: self.severity,
            message: self.message.clone(),
            file: self.file.clone(),
            line: place.as_ref().map(|place| place.line),
            column: place.as_ref().map(|place| place.column),
            label: self.label.clone(),
            help: self.help.clone(),
        }
    }

    /// The finding as text, with the line and a caret when `source` (the file's whole text) is given.
    pub fn render(&self, source: Option<&str>) -> String {
        let severity = match self.severity {
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        let mut out = format!("{severity}[{}]: {}\n", self.code, self.message);
        let place = source.zip(self.span.as_ref()).map(|(text, span)| Place::of(text, span));
        if let Some(file) = &self.file {
            match &place {
                Some(place) => out.push_str(&format!("  --> {file}:{}:{}\n", place.line, place.column)),
                None => out.push_str(&format!("  --> {file}\n")),
            }
        }
        if let Some(place) = place {
            out.push_str(&place.excerpt(self.label.as_deref().unwrap_or("")));
        } else if let Some(label) = &self.label {
            out.push_str(&format!("   = {label}\n"));
        }
        if let Some(help) = &self.help {
            out.push_str(&format!("help: {help}\n"));
        }
        out
    }
}

/// A finding with its place as a person counts it, for programs that read what a command prints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Located {
    /// Stable identifier such as `recipe::unknown-key`.
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, in one sentence.
    pub message: String,
    /// The file, relative to the repository.
    pub file: Option<Utf8PathBuf>,
    /// Line of the file, from 1.
    pub line: Option<usize>,
    /// Character of the line, from 1.
    pub column: Option<usize>,
    /// What is wrong here.
    pub label: Option<String>,
    /// What to do now.
    pub help: Option<String>,
}

impl Located {
    /// File, line and column as far as they are known: `pkgs/zlib/pkg.toml:2:1`.
    pub fn place(&self) -> String {
        let file = self.file.as_ref().map(ToString::to_string).unwrap_or_default();
        [self.line, self.column].into_iter().flatten().fold(file, |place, number| format!("{place}:{number}"))
    }
}

/// The line of a text, from 1, in which the byte `at` is.
pub fn line_of(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
}

/// A byte range seen as line, column and caret.
struct Place<'a> {
    line: usize,
    column: usize,
    text: &'a str,
    width: usize,
}

impl<'a> Place<'a> {
    fn of(source: &'a str, span: &Range<usize>) -> Self {
        let floor = |mut at: usize| {
            at = at.min(source.len());
            while !source.is_char_boundary(at) {
                at -= 1;
            }
            at
        };
        let (start, end) = (floor(span.start), floor(span.end));
        let line_start = source[..start].rfind('\n').map_or(0, |at| at + 1);
        let line_end = source[start..].find('\n').map_or(source.len(), |at| start + at);
        Self {
            line: line_of(source, start),
            column: source[line_start..start].chars().count() + 1,
            text: &source[line_start..line_end],
            width: source[start..end.clamp(start, line_end)].chars().count().max(1),
        }
    }

    fn excerpt(&self, label: &str) -> String {
        let number = self.line.to_string();
        let gutter = " ".repeat(number.len());
        // Tabs are kept in the padding so that the caret stands under its text in any tab width.
        let padding: String =
            self.text.chars().take(self.column - 1).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
        let caret = format!("{padding}{} {label}", "^".repeat(self.width));
        format!("{gutter} |\n{number} | {}\n{gutter} | {}\n", self.text, caret.trim_end())
    }
}

/// The candidate closest to `word`, when close enough to be a typing mistake.
pub fn suggest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(word, candidate), candidate))
        .filter(|(score, _)| *score > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn renders_line_caret_and_help() {
        let text = "name = \"zlib\"\nlicence = \"Zlib\"\n";
        let finding = Diagnostic::error("recipe::unknown-key", "`licence` is not a recipe key")
            .in_file("pkgs/zlib/pkg.toml")
            .at(14..21)
            .label("did you mean `license`?")
            .help("recipe keys are listed in docs/recipe.md");
        insta::assert_snapshot!(finding.render(Some(text)), @r#"
        error[recipe::unknown-key]: `licence` is not a recipe key
          --> pkgs/zlib/pkg.toml:2:1
          |
        2 | licence = "Zlib"
          | ^^^^^^^ did you mean `license`?
        help: recipe keys are listed in docs/recipe.md
        "#);
    }

    #[test]
    fn survives_odd_spans() {
        let finding = Diagnostic::warning("x", "y").in_file("f").at(3..900);
        assert!(finding.render(Some("é\té")).starts_with("warning[x]: y\n  --> f:1:3"));
        assert!(finding.render(None).contains("--> f\n"));
        assert!(Diagnostic::error("x", "y").label("l").render(None).contains("= l"));
    }

    #[test]
    fn suggestions() {
        assert_eq!(suggest("licence", ["license", "name"]), Some("license"));
        assert_eq!(suggest("zzz", ["license", "name"]), None);
    }
}
