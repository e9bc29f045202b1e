//! Parts of one line: plain and quoted scalars, keys, lists in brackets.

use super::node::{Broken, MAX_DEPTH, Node, Value};

/// Reads the value at the beginning of `text` to its end; a comment may follow it.
pub fn value(text: &str, line: usize, depth: usize) -> Result<Node, Broken> {
    let (value, rest) = match text.chars().next() {
        Some('"') => quoted(text, line).map(|(text, rest)| (Value::Scalar(text), rest))?,
        Some('\'') => single(text, line).map(|(text, rest)| (Value::Scalar(text), rest))?,
        Some('[') => list(text, line, depth)?,
        _ => return Ok(Node { line, value: plain(text, line)? }),
    };
    let after = rest.trim_start();
    if !(after.is_empty() || after.starts_with('#') && after.len() < rest.len()) {
        return Err(Broken::at(line, format!("`{}` follows the value; put the whole value in quotes", short(after))));
    }
    Ok(Node { line, value })
}

/// Splits `key: value`; `None` if the line has another form.
pub fn entry(text: &str, line: usize) -> Result<Option<(String, &str)>, Broken> {
    let (key, rest) = match text.chars().next() {
        Some('"') => quoted(text, line)?,
        Some('\'') => single(text, line)?,
        Some('[' | '{' | '#' | '|' | '>') | None => return Ok(None),
        _ => match text.find(": ").or_else(|| text.len().checked_sub(1).filter(|_| text.ends_with(':'))) {
            Some(end) if !text[..end].contains(" #") => (text[..end].trim_end().to_owned(), &text[end..]),
            _ => return Ok(None),
        },
    };
    let Some(rest) = rest.trim_start().strip_prefix(':') else { return Ok(None) };
    if !(rest.is_empty() || rest.starts_with(' ')) {
        return Ok(None);
    }
    refuse_marks(&key, line)?;
    Ok(Some((key, rest.trim_start())))
}

/// Text without quotes.
fn plain(text: &str, line: usize) -> Result<Value, Broken> {
    let text = match text.find(" #") {
        _ if text.starts_with('#') => "",
        Some(end) => &text[..end],
        None => text,
    }
    .trim();
    refuse_marks(text, line)?;
    if text.contains(": ") || text.ends_with(':') {
        return Err(Broken::at(
            line,
            format!("`{}` looks like a key in a value; put the value in quotes", short(text)),
        ));
    }
    Ok(match text {
        "" | "~" | "null" => Value::Null,
        _ => Value::Scalar(text.to_owned()),
    })
}

/// Indicators that this parser does not support.
fn refuse_marks(text: &str, line: usize) -> Result<(), Broken> {
    let what = match text.chars().next() {
        Some('&' | '*') => "anchors and references (& and *) are not read; write the value where it is used",
        Some('!') => "tags (!) are not read",
        Some('{' | '}') => "mappings in braces are not read; write one `key: value` per line",
        Some('@' | '`' | '%' | ']' | ',') => "a value may not begin like this; put it in quotes",
        Some('?') if text == "?" || text.starts_with("? ") => "keys of several lines are not read",
        _ => return Ok(()),
    };
    Err(Broken::at(line, what))
}

/// A double-quoted text, and the rest.
fn quoted(text: &str, line: usize) -> Result<(String, &str), Broken> {
    let mut value = String::new();
    let mut chars = text.char_indices().skip(1);
    while let Some((at, char)) = chars.next() {
        match char {
            '"' => return Ok((value, &text[at + 1..])),
            '\\' => value.push(match chars.next().map(|(_, escape)| escape) {
                Some('n') => '\n',
                Some('t') => '\t',
                Some(same @ ('"' | '\\' | '/' | ' ')) => same,
                _ => {
                    return Err(Broken::at(
                        line,
                        "after a backslash in double quotes only n, t, \", /, space or another backslash is read",
                    ));
                }
            }),
            _ => value.push(char),
        }
    }
    Err(Broken::at(line, "the quote is not closed on this line"))
}

/// A single-quoted text, and the rest.
fn single(text: &str, line: usize) -> Result<(String, &str), Broken> {
    let mut value = String::new();
    let mut rest = text.get(1..).unwrap_or_default();
    while let Some(end) = rest.find('\'') {
        value.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.strip_prefix('\'') {
            Some(more) => {
                value.push('\'');
                rest = more;
            }
            None => return Ok((value, rest)),
        }
    }
    Err(Broken::at(line, "the quote is not closed on this line"))
}

/// A list in brackets, and the rest.
fn list(text: &str, line: usize, depth: usize) -> Result<(Value, &str), Broken> {
    if depth > MAX_DEPTH {
        return Err(Broken::at(line, format!("the document is nested more than {MAX_DEPTH} deep")));
    }
    let mut nodes = Vec::new();
    let mut rest = text.get(1..).unwrap_or_default().trim_start();
    loop {
        if let Some(after) = rest.strip_prefix(']') {
            return Ok((Value::List(nodes), after));
        }
        let (value, after) = match rest.chars().next() {
            Some('"') => quoted(rest, line).map(|(text, rest)| (Value::Scalar(text), rest))?,
            Some('\'') => single(rest, line).map(|(text, rest)| (Value::Scalar(text), rest))?,
            Some('[') => list(rest, line, depth + 1)?,
            Some(_) => {
                let end = rest.find([',', ']']).unwrap_or(rest.len());
                (plain(&rest[..end], line)?, &rest[end..])
            }
            None => (Value::Null, rest),
        };
        rest = after.trim_start();
        if rest.is_empty() || rest.starts_with('#') {
            return Err(Broken::at(
                line,
                "the list in brackets is not closed on this line; write one `- element` per line",
            ));
        }
        nodes.push(Node { line, value });
        match rest.strip_prefix(',') {
            Some(more) => rest = more.trim_start(),
            None if rest.starts_with(']') => {}
            None => return Err(Broken::at(line, format!("a comma is missing before `{}`", short(rest)))),
        }
    }
}

/// The beginning of a text, for a message.
fn short(text: &str) -> String {
    const MAX_SHOWN: usize = 24;
    if text.chars().count() <= MAX_SHOWN {
        return text.to_owned();
    }
    text.chars().take(MAX_SHOWN).chain(['…']).collect()
}
