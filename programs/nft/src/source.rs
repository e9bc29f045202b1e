//! The text of a ruleset, places in it, and how findings are printed.

/// The text, and its name for messages.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    pub file: &'a str,
    pub text: &'a str,
}

/// A range of bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    pub from: usize,
    pub to: usize,
}

impl Span {
    /// From the start of this to the end of another.
    pub fn up_to(self, end: Span) -> Span {
        Span { from: self.from, to: end.to.max(self.to) }
    }
}

/// Something with its place.
#[derive(Clone, Debug)]
pub struct Placed<T> {
    pub it: T,
    pub at: Span,
}

/// A mistake with its place and remedy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub at: Span,
    pub what: String,
    pub remedy: String,
}

impl Finding {
    /// Both texts end without a full stop; the remedy may be empty.
    pub fn new(at: Span, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { at, what: what.into(), remedy: remedy.into() }
    }
}

/// The findings of a file. A file that is not a ruleset at all can have a million, so only the first are kept and the
/// rest are counted.
#[derive(Debug, Default)]
pub struct Findings {
    kept: Vec<Finding>,
    count: usize,
}

impl Findings {
    /// Number of findings kept.
    pub const MAX: usize = 20;

    pub fn push(&mut self, finding: Finding) {
        if self.kept.len() < Self::MAX {
            self.kept.push(finding);
        }
        self.count += 1;
    }

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
    /// The kept findings, with place, message, line, caret and remedy, and the number of others. Reads the text once,
    /// however many there are.
    pub fn show(&self, findings: &Findings) -> String {
        let ends = self.text.match_indices('\n').map(|(at, _)| at + 1);
        let starts: Vec<usize> = std::iter::once(0).chain(ends).collect();
        let mut out: String = findings.kept.iter().map(|finding| self.show_one(finding, &starts)).collect();
        match findings.count - findings.kept.len() {
            0 => {}
            1 => out.push_str(&format!("{}: one more finding like these\n", self.file)),
            more => out.push_str(&format!("{}: {more} more findings like these\n", self.file)),
        }
        out
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
        let mut out = format!("{}:{line}:{column}: {what}\n{shown}\n{indent}{carets}\n", self.file);
        if !finding.remedy.is_empty() {
            out.push_str(&format!("  {}\n", cut(&finding.remedy)));
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
mod tests;
