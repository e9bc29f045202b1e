//! The text of a ruleset, places in it, and how a finding about it is shown.

/// What is read, and the name by which people know it.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    pub file: &'a str,
    pub text: &'a str,
}

/// From one byte of the text to another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    pub from: usize,
    pub to: usize,
}

impl Span {
    /// From the beginning of this to the end of another.
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

/// What is wrong somewhere, and what is right there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub at: Span,
    pub what: String,
    pub remedy: String,
}

impl Finding {
    /// Both are sentences without a full stop; the second can be empty.
    pub fn new(at: Span, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { at, what: what.into(), remedy: remedy.into() }
    }
}

/// What is wrong with a file. A file that is no ruleset at all can have a million findings, so the first of them are kept, and the
/// others are counted.
#[derive(Debug, Default)]
pub struct Findings {
    kept: Vec<Finding>,
    count: usize,
}

impl Findings {
    /// So many are kept.
    pub const MOST: usize = 20;

    pub fn push(&mut self, finding: Finding) {
        if self.kept.len() < Self::MOST {
            self.kept.push(finding);
        }
        self.count += 1;
    }

    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// How many there were, those that are not kept among them.
    pub fn len(&self) -> usize {
        self.count
    }
}

impl From<Finding> for Findings {
    fn from(finding: Finding) -> Self {
        Self { kept: vec![finding], count: 1 }
    }
}

/// Some names for a message; of many, the first and how many more there are.
pub fn some_of<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> String {
    const MOST: usize = 20;
    let more = names.len().saturating_sub(MOST);
    let shown: Vec<&str> = names.take(MOST).collect();
    match more {
        0 => shown.join(", "),
        more => format!("{}, and {more} more", shown.join(", ")),
    }
}

/// The longest part of a line, or of a message, that is shown: either can be as long as the file.
const WIDEST: usize = 400;
/// So many characters of a long line are shown before the place.
const BEFORE: usize = 200;

impl Source<'_> {
    /// The findings that are kept, with place, message, line, caret and remedy, and how many more there are. The text is gone
    /// through once, however many they are.
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
        let skipped = if column > WIDEST { column - 1 - BEFORE } else { 0 };
        let shown: String = text
            .chars()
            .skip(skipped)
            .take(WIDEST)
            .map(|c| if c.is_control() && c != '\t' { '?' } else { c })
            .collect();
        let indent: String =
            shown.chars().take(column - 1 - skipped).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
        let marked = self.text.get(finding.at.from..finding.at.to).unwrap_or_default();
        let marked = marked.lines().next().unwrap_or_default().chars().take(WIDEST - indent.chars().count()).count();
        let carets = "^".repeat(marked.max(1));
        let what = cut(&finding.what);
        let mut out = format!("{}:{line}:{column}: {what}\n{shown}\n{indent}{carets}\n", self.file);
        if !finding.remedy.is_empty() {
            out.push_str(&format!("  {}\n", cut(&finding.remedy)));
        }
        out
    }
}

/// A message without what is too much of it.
fn cut(text: &str) -> String {
    const MOST: usize = 2 * WIDEST;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests;
