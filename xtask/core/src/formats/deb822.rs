//! Debian's control format: stanzas of `Field: value`, as found in package indexes, `InRelease` and a .deb's control file.
//!
//! Only the grammar belongs here; [`crate::model::seed`] knows what the fields mean.

/// One stanza, borrowed from the text it was read from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stanza<'a> {
    fields: Vec<(&'a str, &'a str)>,
}

impl<'a> Stanza<'a> {
    /// The value of `name` (ASCII case ignored) without surrounding white space; continuation lines are kept, each with its
    /// line end and leading space.
    pub fn get(&self, name: &str) -> Option<&'a str> {
        self.fields.iter().find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
    }

    /// The lines of a many-line field, trimmed, empty ones dropped.
    pub fn lines(&self, name: &str) -> impl Iterator<Item = &'a str> {
        self.get(name).unwrap_or("").lines().map(str::trim).filter(|line| !line.is_empty())
    }
}

/// Iterates over the stanzas of `text`. Lines starting with `#` are comments; a line that is neither field nor continuation
/// is ignored, because a package index is machine-made and its hash is known before it is parsed.
pub fn stanzas(text: &str) -> impl Iterator<Item = Stanza<'_>> {
    Stanzas { text, at: 0 }
}

struct Stanzas<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Stanzas<'a> {
    /// The next line as a byte range without its line end, moving past it.
    fn line(&mut self) -> Option<(usize, usize)> {
        if self.at >= self.text.len() {
            return None;
        }
        let start = self.at;
        let end = self.text[start..].find('\n').map_or(self.text.len(), |offset| start + offset);
        self.at = end + 1;
        Some((start, end))
    }
}

impl<'a> Iterator for Stanzas<'a> {
    type Item = Stanza<'a>;

    fn next(&mut self) -> Option<Stanza<'a>> {
        // (name, start, end) of each value; continuation lines only move the end.
        let mut fields: Vec<(&'a str, usize, usize)> = Vec::new();
        while let Some((start, end)) = self.line() {
            let line = &self.text[start..end];
            if line.trim().is_empty() {
                if fields.is_empty() {
                    continue;
                }
                break;
            }
            if line.starts_with('#') {
                continue;
            }
            if line.starts_with([' ', '\t']) {
                if let Some(last) = fields.last_mut() {
                    last.2 = end;
                }
            } else if let Some(colon) = line.find(':') {
                fields.push((line[..colon].trim(), start + colon + 1, end));
            }
        }
        if fields.is_empty() {
            return None;
        }
        let fields = fields.into_iter().map(|(name, start, end)| (name, self.text[start..end].trim())).collect();
        Some(Stanza { fields })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str =
        "\n\n# note\nPackage: zlib1g\nVersion: 1:1.2\nDescription: a\n b\n .\n c\n\n\nPackage: x\nDepends:\n y,\n z\n";

    #[test]
    fn reads_stanzas_and_continuations() {
        let all: Vec<_> = stanzas(TEXT).collect();
        assert_eq!(all.len(), 2);
        assert_eq!(all[0].get("package"), Some("zlib1g"));
        assert_eq!(all[0].get("Version"), Some("1:1.2"));
        assert_eq!(all[0].lines("Description").collect::<Vec<_>>(), ["a", "b", ".", "c"]);
        assert_eq!(all[1].get("Depends"), Some("y,\n z"));
        assert_eq!(all[1].get("Size"), None);
        assert_eq!(all[1].lines("Size").count(), 0);
    }

    #[test]
    fn odd_input_is_not_fatal() {
        assert_eq!(stanzas("").count(), 0);
        assert_eq!(stanzas(" lonely continuation\nnot a field\n").count(), 0);
        assert_eq!(stanzas("A: 1").next().and_then(|stanza| stanza.get("A")), Some("1"));
        assert_eq!(stanzas("A: 1\r\n\r\nB: é\n").count(), 2);
    }
}
