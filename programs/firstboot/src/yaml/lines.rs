//! The text of a document as lines.

use super::node::Broken;

/// One line.
#[derive(Debug, Clone)]
pub struct Line {
    /// From 1.
    pub number: usize,
    /// Spaces before the content.
    pub indent: usize,
    /// The content, without trailing spaces.
    pub content: String,
}

impl Line {
    /// Whether the line has only a comment.
    pub fn is_blank(&self) -> bool {
        self.content.is_empty() || self.content.starts_with('#')
    }

    /// Whether an element of a list begins here.
    pub fn is_element(&self) -> bool {
        self.content == "-" || self.content.starts_with("- ")
    }
}

/// Splits a text; removes the document start and end markers.
pub fn split(text: &str) -> Result<Vec<Line>, Broken> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut lines = Vec::new();
    let (mut begun, mut ended) = (false, false);
    for (index, raw) in text.lines().enumerate() {
        let number = index + 1;
        if let Some(odd) = raw.chars().find(|char| char.is_control() && *char != '\t') {
            return Err(Broken::at(number, format!("the line holds the control character U+{:04X}", odd as u32)));
        }
        let content = raw.trim_end_matches([' ', '\t']);
        let spaces = content.trim_start_matches(' ');
        if spaces.starts_with('\t') {
            return Err(Broken::at(number, "the line is indented with a tab; use spaces"));
        }
        let line = Line { number, indent: content.len() - spaces.len(), content: spaces.to_owned() };
        if line.indent == 0 && (content == "---" || content == "...") {
            if content == "---" && !begun && !ended {
                begun = true;
                continue;
            }
            if content == "---" {
                return Err(Broken::at(number, "a second document begins here; there may be one"));
            }
            ended = true;
            continue;
        }
        if ended && !line.is_blank() {
            return Err(Broken::at(number, "the document ended above; there may be one"));
        }
        begun |= !line.is_blank();
        lines.push(line);
    }
    Ok(lines)
}
