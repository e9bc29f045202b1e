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

impl Source<'_> {
    /// Line and column, counted from one; columns are characters.
    pub fn place(&self, at: Span) -> (usize, usize) {
        let before = self.text.get(..at.from).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        (line, column)
    }

    /// All findings: place, message, line, caret, remedy.
    pub fn show(&self, findings: &[Finding]) -> String {
        findings.iter().map(|finding| self.show_one(finding)).collect()
    }

    fn show_one(&self, finding: &Finding) -> String {
        let (line, column) = self.place(finding.at);
        let text = self.text.lines().nth(line - 1).unwrap_or_default();
        // A line can be as long as the file.
        let shown: String = text.chars().take(400).map(|c| if c.is_control() && c != '\t' { '?' } else { c }).collect();
        let indent: String = shown.chars().take(column - 1).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
        let marked = self.text.get(finding.at.from..finding.at.to).unwrap_or_default();
        let length = marked.lines().next().unwrap_or_default().chars().count().clamp(1, 400);
        let carets = "^".repeat(length);
        let mut out = format!("{}:{line}:{column}: {}\n{shown}\n{indent}{carets}\n", self.file, finding.what);
        if !finding.remedy.is_empty() {
            out.push_str(&format!("  {}\n", finding.remedy));
        }
        out
    }
}
