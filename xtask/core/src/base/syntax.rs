//! What is wrong with text that is no TOML, read from the text: the parser says only where it gave up. And what nobody sees in it.

use std::ops::Range;

use toml::de::{DeTable, DeValue};

use crate::base::diag::Diagnostic;

const COPIED: &str = "delete it and type a space: it came with a text that was copied";

/// What is wrong with text that is no TOML, as a finding of that code about a document that is called that.
pub fn fault(text: &str, message: &str, span: &Range<usize>, (code, noun): (&'static str, &str)) -> Diagnostic {
    if let Some(character) = invisible(text, span) {
        let message = format!("there is an invisible character, U+{:04X}, in the {noun}", u32::from(character));
        return Diagnostic::error(code, message).label("here").help(COPIED).at(span.clone());
    }
    let finding = Diagnostic::error(code, format!("the {noun} is not valid TOML"));
    let open = Open::at(text, span.start);
    if let Some((at, marks)) = open.text {
        let finding = finding.label(format!("this `{marks}` is not closed")).at(at..at + marks.len());
        return finding.help(format!("end the text with a line `{marks}`"));
    }
    match open.brackets.last() {
        // A bracket that is closed further down lacks nothing but what is told where the parser gave up.
        Some(bracket) if Open::at(text, text.len()).brackets.contains(bracket) => {
            let (at, close) = (bracket.0, if bracket.1 == '[' { ']' } else { '}' });
            let finding = finding.label(format!("this `{}` is not closed", bracket.1)).at(at..at + 1);
            finding.help(format!("add `{close}` where what it opens ends"))
        }
        Some(_) if message.starts_with("missing comma") => finding
            .label("expected a comma before this")
            .help("elements of a list or table have commas between them")
            .at(span.clone()),
        _ => finding
            .label(message.replace('\n', ", "))
            .help("a line is `key = value`, `[table]` or `[[table]]`; a text stands in quotation marks, over several lines in three")
            .at(span.clone()),
    }
}

/// What is open at a place of a text.
#[derive(Debug, Default)]
struct Open {
    /// Brackets, the innermost last.
    brackets: Vec<(usize, char)>,
    /// A text of several lines that nothing ends, by its marks.
    text: Option<(usize, String)>,
}

impl Open {
    fn at(text: &str, until: usize) -> Self {
        let mut open = Self::default();
        let mut at = 0;
        while let Some(char) = text.get(at..).and_then(|rest| rest.chars().next()).filter(|_| at < until) {
            let rest = &text[at..];
            at += match char {
                '#' => rest.find('\n').unwrap_or(rest.len()),
                '"' | '\'' => {
                    let several = char.to_string().repeat(3);
                    let is_several = rest.starts_with(&several);
                    let marks = if is_several { several } else { char.to_string() };
                    match quoted(rest, &marks) {
                        Some(length) => length,
                        // The parser tells best of a text of one line that does not end.
                        None if !is_several => return Self::default(),
                        None => return Self { text: Some((at, marks)), ..Self::default() },
                    }
                }
                '[' | '{' => {
                    open.brackets.push((at, char));
                    1
                }
                ']' | '}' => {
                    open.brackets.pop();
                    1
                }
                _ => char.len_utf8(),
            };
        }
        open
    }
}

/// Bytes of the text between `marks` with which `rest` begins; none when it does not end.
fn quoted(rest: &str, marks: &str) -> Option<usize> {
    let several = marks.len() == 3;
    let within = if several { rest } else { rest.lines().next()? };
    let mut close = marks.len();
    loop {
        close += within.get(close..)?.find(marks)?;
        // Behind an escaped quotation mark the text goes on.
        let escapes = within[marks.len()..close].bytes().rev().take_while(|byte| *byte == b'\\').count();
        if marks.starts_with('\'') || escapes % 2 == 0 {
            break;
        }
        close += 1;
    }
    if !several {
        return Some(close + 1);
    }
    // `install = '''` begins the next text: the one before it never ended.
    let (_, line) = within[marks.len()..close].rsplit_once('\n').unwrap_or_default();
    let key = line.trim().strip_suffix('=').map(str::trim_end);
    let is_key = |key: &str| !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.\"".contains(&b));
    if key.is_some_and(is_key) {
        return None;
    }
    // Up to two marks more belong to the text.
    let behind = &within[close + 3..];
    Some(close + 3 + behind.chars().take(2).take_while(|char| marks.starts_with(*char)).count())
}

/// A character in the line of `span` that looks like a space, or like nothing, and is neither for TOML.
fn invisible(text: &str, span: &Range<usize>) -> Option<char> {
    let start = text.get(..span.start)?.rfind('\n').map_or(0, |at| at + 1);
    let line = text.get(start..)?.lines().next()?;
    let code = line.split('"').step_by(2);
    code.flat_map(str::chars).find(|char| is_invisible(*char))
}

/// The first invisible character in a text or a key of a document that is TOML. One that is wanted is written as `\u00A0`.
pub fn hidden(text: &str, code: &'static str) -> Option<Diagnostic> {
    if !text.contains(is_invisible) {
        return None;
    }
    let mut spans = Vec::new();
    spans_of_texts(DeTable::parse(text).ok()?.get_ref(), &mut spans);
    spans.sort_by_key(|(span, _)| span.start);
    spans.into_iter().find_map(|(span, is_key)| {
        let (at, char) = text.get(span.clone())?.char_indices().find(|(_, char)| is_invisible(*char))?;
        let message = format!("there is an invisible character, U+{:04X}, in this text", u32::from(char));
        let start = span.start + at;
        let place = if is_key { span } else { start..start + char.len_utf8() };
        Some(Diagnostic::error(code, message).label("here").help(COPIED).at(place))
    })
}

/// Where the keys and texts are, and which are keys.
fn spans_of_texts(table: &DeTable<'_>, spans: &mut Vec<(Range<usize>, bool)>) {
    fn of_value(value: &toml::Spanned<DeValue<'_>>, spans: &mut Vec<(Range<usize>, bool)>) {
        match value.get_ref() {
            DeValue::String(_) => spans.push((value.span(), false)),
            DeValue::Array(list) => list.iter().for_each(|item| of_value(item, spans)),
            DeValue::Table(table) => spans_of_texts(table, spans),
            _ => {}
        }
    }
    for (key, value) in table {
        spans.push((key.span(), true));
        of_value(value, spans);
    }
}

fn is_invisible(char: char) -> bool {
    let space = char.is_whitespace() && !char.is_ascii();
    space || matches!(char, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}
