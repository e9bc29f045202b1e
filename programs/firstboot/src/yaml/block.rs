//! Mappings, lists and text blocks, which indentation delimits.

use super::lines::Line;
use super::node::{Broken, Entry, MAX_DEPTH, Node, Value};
use super::scalar;

/// A position in the lines of a document.
pub struct Reader {
    lines: Vec<Line>,
    at: usize,
}

impl Reader {
    /// At the first line.
    pub fn new(lines: Vec<Line>) -> Self {
        Self { lines, at: 0 }
    }

    /// The whole document.
    pub fn document(mut self) -> Result<Node, Broken> {
        let node = self.block(0, 0, 1)?;
        match self.next() {
            Some(line) => Err(wrong_indent(line)),
            None => Ok(node),
        }
    }

    /// The next line with content.
    fn next(&mut self) -> Option<&Line> {
        while self.lines.get(self.at)?.is_blank() {
            self.at += 1;
        }
        self.lines.get(self.at)
    }

    /// The node indented by at least `least`; without one [`Value::Null`] on line `above`.
    fn block(&mut self, least: usize, depth: usize, above: usize) -> Result<Node, Broken> {
        let Some(line) = self.next().filter(|line| line.indent >= least).cloned() else {
            return Ok(Node { line: above, value: Value::Null });
        };
        if depth > MAX_DEPTH {
            return Err(Broken::at(line.number, format!("the document is nested more than {MAX_DEPTH} deep")));
        }
        if line.is_element() {
            return self.list(line.indent, depth, line.number);
        }
        if scalar::entry(&line.content, line.number)?.is_some() {
            return self.map(line.indent, depth, line.number);
        }
        self.at += 1;
        self.value(&line.content, &line, least.saturating_sub(1), depth)
    }

    fn list(&mut self, indent: usize, depth: usize, number: usize) -> Result<Node, Broken> {
        let mut nodes = Vec::new();
        while let Some(line) = self.next().filter(|line| line.indent >= indent).cloned() {
            if line.indent > indent {
                return Err(wrong_indent(&line));
            }
            if !line.is_element() {
                break;
            }
            let rest = line.content.get(1..).unwrap_or_default();
            let content = rest.trim_start();
            let inner = indent + 1 + (rest.len() - content.len());
            let nested = content == "-" || content.starts_with("- ") || scalar::entry(content, line.number)?.is_some();
            nodes.push(if content.is_empty() || content.starts_with('#') {
                self.at += 1;
                self.block(indent + 1, depth + 1, line.number)?
            } else if nested {
                // The element's first key is on the line of its dash: treat it as a separate line.
                if let Some(here) = self.lines.get_mut(self.at) {
                    *here = Line { number: line.number, indent: inner, content: content.to_owned() };
                }
                self.block(inner, depth + 1, line.number)?
            } else {
                self.at += 1;
                self.value(content, &line, indent, depth + 1)?
            });
        }
        Ok(Node { line: number, value: Value::List(nodes) })
    }

    fn map(&mut self, indent: usize, depth: usize, number: usize) -> Result<Node, Broken> {
        let mut entries: Vec<Entry> = Vec::new();
        while let Some(line) = self.next().filter(|line| line.indent >= indent).cloned() {
            if line.indent > indent {
                return Err(wrong_indent(&line));
            }
            if line.is_element() {
                break;
            }
            let Some((key, rest)) = scalar::entry(&line.content, line.number)? else {
                return Err(Broken::at(line.number, "`key: value` is expected here"));
            };
            if let Some(first) = entries.iter().find(|entry| entry.key == key) {
                return Err(Broken::at(
                    line.number,
                    format!("`{key}` stands here for the second time; first on line {}", first.line),
                ));
            }
            self.at += 1;
            let node = if rest.is_empty() || rest.starts_with('#') {
                // The dashes of a list may be as far left as its key.
                let below = self.next().is_some_and(|next| next.indent == indent && next.is_element());
                self.block(if below { indent } else { indent + 1 }, depth + 1, line.number)?
            } else {
                self.value(rest, &line, indent, depth + 1)?
            };
            entries.push(Entry { line: line.number, key, node });
        }
        Ok(Node { line: number, value: Value::Map(entries) })
    }

    /// The value `text` of a line whose parent is indented by `indent`.
    fn value(&mut self, text: &str, line: &Line, indent: usize, depth: usize) -> Result<Node, Broken> {
        if text.starts_with(['|', '>']) {
            return self.text(text, line.number, indent);
        }
        let node = scalar::value(text, line.number, depth)?;
        match self.next() {
            Some(next) if next.indent > indent => Err(Broken::at(
                next.number,
                "the value above cannot continue in this line; write it with `|`, or in one line",
            )),
            _ => Ok(node),
        }
    }

    /// A block of text, begun by `|` or `>`.
    fn text(&mut self, header: &str, number: usize, indent: usize) -> Result<Node, Broken> {
        let mark = header.split(" #").next().unwrap_or_default().trim_end();
        let (folded, keep) = match mark {
            "|" => (false, true),
            "|-" => (false, false),
            ">" => (true, true),
            ">-" => (true, false),
            _ => return Err(Broken::at(number, "a text block begins with |, |-, > or >-")),
        };
        let mut texts: Vec<String> = Vec::new();
        let mut own = None;
        while let Some(line) = self.lines.get(self.at) {
            if line.content.is_empty() {
                texts.push(String::new());
            } else if line.indent <= indent {
                break;
            } else {
                let own = *own.get_or_insert(line.indent);
                let Some(more) = line.indent.checked_sub(own) else { return Err(wrong_indent(line)) };
                texts.push(format!("{:more$}{}", "", line.content));
            }
            self.at += 1;
        }
        while texts.last().is_some_and(String::is_empty) {
            texts.pop();
        }
        let mut text = texts.join(if folded { " " } else { "\n" });
        if keep && !text.is_empty() {
            text.push('\n');
        }
        Ok(Node { line: number, value: Value::Scalar(text) })
    }
}

fn wrong_indent(line: &Line) -> Broken {
    Broken::at(line.number, "the indentation matches neither the line above nor an enclosing block")
}
