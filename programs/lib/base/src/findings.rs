//! Findings about a text that a person wrote: each with its place, the line, and what to do.

use std::ops::Range;

/// The text, and its name for messages.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// As the caller named it.
    pub file: &'a str,
    /// The whole text.
    pub text: &'a str,
}

/// A range of bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// The first byte.
    pub from: usize,
    /// Behind the last.
    pub to: usize,
}

impl Span {
    /// From the start of this to the end of another.
    pub fn up_to(self, end: Span) -> Span {
        Span { from: self.from, to: end.to.max(self.to) }
    }
}

impl From<Range<usize>> for Span {
    fn from(range: Range<usize>) -> Self {
        Self { from: range.start, to: range.end }
    }
}

/// A mistake with its place and remedy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Where.
    pub at: Span,
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub remedy: String,
}

impl Finding {
    /// Both texts end without a full stop; the remedy may be empty.
    pub fn new(at: impl Into<Span>, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { at: at.into(), what: what.into(), remedy: remedy.into() }
    }
}

/// The findings of a file. A file of another kind can have a million, so only the first are kept and the rest are
/// counted.
#[derive(Debug, Default)]
pub struct Findings {
    kept: Vec<Finding>,
    count: usize,
}

impl Findings {
    /// Number of findings kept.
    pub const MAX: usize = 20;

    /// Adds one.
    pub fn push(&mut self, finding: Finding) {
        if self.kept.len() < Self::MAX {
            self.kept.push(finding);
        }
        self.count += 1;
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Number of findings, including those not kept.
    pub fn len(&self) -> usize {
        self.count
    }
}

impl From<Finding> for Findings {
    fn from(finding: Finding) -> Self {
        Self { kept: vec![finding], count: 1 }
    }
}

impl FromIterator<Finding> for Findings {
    fn from_iter<T: IntoIterator<Item = Finding>>(findings: T) -> Self {
        let mut all = Self::default();
        findings.into_iter().for_each(|finding| all.push(finding));
        all
    }
}

/// Names for a message: the first ones, and how many more there are.
pub fn some_of<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> String {
    const MAX: usize = 20;
    let more = names.len().saturating_sub(MAX);
    let shown: Vec<&str> = names.take(MAX).collect();
    match more {
        0 => shown.join(", "),
        more => format!("{}, and {more} more", shown.join(", ")),
    }
}

/// The longest part of a line or message that is printed: either can be as long as the file.
const MAX_SHOWN: usize = 400;
/// Characters of a long line printed before the place.
const BEFORE: usize = 200;

impl Source<'_> {
    /// The kept findings, with place, message, line, caret and remedy, and the number of others. The last line has no
    /// end. Reads the text once, however many there are.
    pub fn show(&self, findings: &Findings) -> String {
        let ends = self.text.match_indices('\n').map(|(at, _)| at + 1);
        let starts: Vec<usize> = std::iter::once(0).chain(ends).collect();
        let mut shown: Vec<String> = findings.kept.iter().map(|finding| self.show_one(finding, &starts)).collect();
        match findings.count - findings.kept.len() {
            0 => {}
            1 => shown.push(format!("{}: one more finding like these", self.file)),
            more => shown.push(format!("{}: {more} more findings like these", self.file)),
        }
        shown.join("\n")
    }

    fn show_one(&self, finding: &Finding, starts: &[usize]) -> String {
        let line = starts.partition_point(|start| *start <= finding.at.from);
        let start = starts.get(line.saturating_sub(1)).copied().unwrap_or_default();
        let text = self.text.get(start..).unwrap_or_default().lines().next().unwrap_or_default();
        let column = self.text.get(start..finding.at.from).unwrap_or(text).chars().count() + 1;
        let skipped = if column > MAX_SHOWN { column - 1 - BEFORE } else { 0 };
        let shown: String = text
            .chars()
            .skip(skipped)
            .take(MAX_SHOWN)
            .map(|c| if c.is_control() && c != '\t' { '?' } else { c })
            .collect();
        let indent: String =
            shown.chars().take(column - 1 - skipped).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
        let marked = self.text.get(finding.at.from..finding.at.to).unwrap_or_default();
        let marked = marked.lines().next().unwrap_or_default().chars().take(MAX_SHOWN - indent.chars().count()).count();
        let carets = "^".repeat(marked.max(1));
        let what = cut(&finding.what);
        let mut out = format!("{}:{line}:{column}: {what}\n{shown}\n{indent}{carets}", self.file);
        if !finding.remedy.is_empty() {
            out.push_str(&format!("\n  {}", cut(&finding.remedy)));
        }
        out
    }
}

/// A message, cut to a readable length.
fn cut(text: &str) -> String {
    const MAX: usize = 2 * MAX_SHOWN;
    match text.char_indices().nth(MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, findings: impl IntoIterator<Item = Finding>) -> String {
        Source { file: "f", text }.show(&findings.into_iter().collect())
    }

    #[test]
    fn a_finding_has_its_line_and_its_remedy() {
        let text = "one\n\ttwo = \"ä\" three\u{1b}\n";
        let at = |part: &str| text.find(part).map(|from| from..from + part.len()).unwrap();
        assert_eq!(
            shown(text, [Finding::new(at("\"ä\""), "this", "that"), Finding::new(at("one\n"), "all", "")]),
            "f:2:8: this\n\ttwo = \"ä\" three?\n\t      ^^^\n  that\nf:1:1: all\none\n^^^"
        );
        // A place behind the text, as parsers give it for what is missing.
        assert_eq!(shown("one", [Finding::new(3..3, "end", "")]), "f:1:4: end\none\n   ^");
    }

    #[test]
    fn many_are_counted() {
        let some = |count| shown("x", std::iter::repeat_n(Finding::new(0..1, "this", ""), count));
        assert_eq!(some(Findings::MAX).matches("this").count(), Findings::MAX);
        assert_eq!(some(Findings::MAX + 1), format!("{}\nf: one more finding like these", some(Findings::MAX)));
        assert_eq!(some(Findings::MAX + 9), format!("{}\nf: 9 more findings like these", some(Findings::MAX)));
    }

    #[test]
    fn in_a_long_line_the_place_is_shown() {
        let text = format!("{}!wrong", " ".repeat(1000));
        let shown = shown(&text, [Finding::new(1001..1006, "this", "that")]);
        let lines: Vec<&str> = shown.lines().collect();
        assert_eq!(lines[0], "f:1:1002: this");
        assert_eq!(lines[1].find("wrong"), lines[2].find("^^^^^"));
        assert!(lines[1].len() <= MAX_SHOWN);
    }
}
