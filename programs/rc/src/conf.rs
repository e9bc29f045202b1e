//! Reading `rc.conf` and `conf.d` files without a shell.
//!
//! It reads only assignments of constants: `name=value`, single and double quotes, backslashes, comments, values over
//! several lines. It skips any other line (a command, `$…`, `` `…` ``): the shell that runs the service sees the whole
//! file. The values read here only control our own programs (timeouts, parallel start, and the like).

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::paths::Paths;

/// The constants of one or more files; later ones win.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conf(BTreeMap<String, String>);

impl Conf {
    /// Reads a file; a missing one, or one that is not UTF-8, has no constants.
    pub fn read(path: &Path) -> Conf {
        let mut conf = Conf::default();
        conf.add_file(path);
        conf
    }

    /// Settings of all services: rc.conf and then the files `rc.conf.d/*.conf`, by name.
    pub fn general(paths: &Paths) -> Conf {
        let mut conf = Conf::read(&paths.rc_conf);
        let mut directory = paths.rc_conf.clone().into_os_string();
        directory.push(".d");
        // No such directory: nothing to add.
        let entries = fs::read_dir(PathBuf::from(directory)).into_iter().flatten().flatten();
        let mut files: Vec<PathBuf> =
            entries.map(|entry| entry.path()).filter(|p| p.extension().is_some_and(|e| e == "conf")).collect();
        files.sort();
        files.iter().for_each(|file| conf.add_file(file));
        conf
    }

    /// Settings of one service, as the shell reads them: for `net.eth0`, conf.d/net and then conf.d/net.eth0.
    pub fn of_service(paths: &Paths, service: &str) -> Conf {
        let mut conf = Conf::default();
        match service.split_once('.') {
            Some((base, _)) if !base.is_empty() => conf.add_file(&paths.conf_d.join(base)),
            _ => {}
        }
        conf.add_file(&paths.conf_d.join(service));
        conf
    }

    /// Adds the constants of another file.
    pub fn add_file(&mut self, path: &Path) {
        if let Ok(bytes) = fs::read(path) {
            self.add(&String::from_utf8_lossy(&bytes));
        }
    }

    /// Adds the constants of a text.
    pub fn add(&mut self, text: &str) {
        let mut rest = text;
        while !rest.is_empty() {
            let (assignment, after) = next_statement(rest);
            if let Some((name, value)) = assignment {
                self.0.insert(name, value);
            }
            rest = after;
        }
    }

    /// The value of a name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Whether the value is one of yes, true, on, 1; `otherwise` if it is not set.
    pub fn yes(&self, name: &str, otherwise: bool) -> bool {
        self.get(name).map_or(otherwise, is_yes)
    }
}

/// The words that `yesno` takes as yes.
pub fn is_yes(value: &str) -> bool {
    ["yes", "true", "on", "1"].iter().any(|word| value.trim().eq_ignore_ascii_case(word))
}

/// The assignment at the start of a text, if there is one, and the rest after the statement.
fn next_statement(text: &str) -> (Option<(String, String)>, &str) {
    let text = text.trim_start_matches([' ', '\t', '\r', '\n', ';']);
    let line_end = text.find('\n').map_or(text.len(), |at| at + 1);
    let after_line = &text[line_end..];
    let text = text.strip_prefix("export ").map_or(text, str::trim_start);
    let name_length = text.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count();
    let name = &text[..name_length];
    let is_name = !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit());
    let Some(value_text) = text[name_length..].strip_prefix('=').filter(|_| is_name) else {
        return (None, after_line);
    };
    match value(value_text) {
        Some((value, rest)) => (Some((name.to_owned(), value)), rest),
        None => (None, value_text.find('\n').map_or("", |at| &value_text[at + 1..])),
    }
}

/// A constant word. `None`: it needs a shell, or a quote is not closed.
fn value(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices().peekable();
    let mut quote = None;
    while let Some((at, c)) = chars.next() {
        match (quote, c) {
            (Some('\''), '\'') | (Some('"'), '"') => quote = None,
            (Some('\''), c) => value.push(c),
            (_, '$' | '`') => return None,
            (Some(_), '\\') => match chars.next()?.1 {
                '\n' => {}
                c @ ('"' | '\\' | '$' | '`') => value.push(c),
                c => value.extend(['\\', c]),
            },
            (Some(_), c) => value.push(c),
            (None, '\'' | '"') => quote = Some(c),
            (None, '\\') => match chars.next()?.1 {
                '\n' => {}
                c => value.push(c),
            },
            (None, ' ' | '\t' | '\r') => return end_of_statement(&text[at..]).map(|rest| (value, rest)),
            (None, '\n' | ';') => return Some((value, &text[at + 1..])),
            (None, '&' | '|' | '<' | '>' | '(' | ')') => return None,
            (None, c) => value.push(c),
        }
    }
    quote.is_none().then_some((value, ""))
}

/// After a value and a blank, only a comment, the end of the line or another assignment may follow; a word would make
/// the line a command with a variable.
fn end_of_statement(text: &str) -> Option<&str> {
    let text = text.trim_start_matches([' ', '\t', '\r']);
    if text.is_empty() {
        return Some("");
    }
    if text.starts_with('#') {
        return Some(text.find('\n').map_or("", |at| &text[at + 1..]));
    }
    text.strip_prefix(['\n', ';'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Vec<(String, String)> {
        let mut conf = Conf::default();
        conf.add(text);
        conf.0.into_iter().collect()
    }

    #[test]
    fn constants_are_read() {
        let table: [(&str, &[(&str, &str)]); 12] = [
            ("a=b", &[("a", "b")]),
            ("# a=b\nc=d # e", &[("c", "d")]),
            ("a='b c' \n b=\"c d\"", &[("a", "b c"), ("b", "c d")]),
            ("a=\"b\nc\"\nd=e\n", &[("a", "b\nc"), ("d", "e")]),
            ("a=b\\ c", &[("a", "b c")]),
            ("a=\"\\\"\\x\"", &[("a", "\"\\x")]),
            ("a=$(date)\nb=1", &[("b", "1")]),
            ("FOO=bar command arg\nb=1", &[("b", "1")]),
            ("a=\"unclosed\nb=1", &[("b", "1")]),
            ("export a=1; b=2", &[("a", "1"), ("b", "2")]),
            ("if true; then\n a=1\nfi", &[("a", "1")]),
            ("a=1\na=2", &[("a", "2")]),
        ];
        for (text, expected) in table {
            let expected: Vec<_> = expected.iter().map(|(a, b)| (String::from(*a), String::from(*b))).collect();
            assert_eq!(of(text), expected, "{text:?}");
        }
    }

    #[test]
    fn quoted_text_survives_whatever_it_holds() {
        crate::testing::for_texts(|text| {
            let quoted = format!("x='{}'\n", text.replace('\'', "'\\''"));
            assert_eq!(of(&quoted), [(String::from("x"), text.to_owned())], "{quoted:?}");
        });
    }

    #[test]
    fn no_text_makes_it_panic_or_loop() {
        crate::testing::for_texts(|text| drop(of(text)));
    }
}
