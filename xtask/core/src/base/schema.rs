//! TOML text into plain structs, with the parser's complaints turned into findings a person can act on.
//!
//! Shape only: syntax, unknown keys, wrong types. Serves every TOML document of the tree (recipes, policies, profiles).
//! The lists of valid keys come from the structs themselves, so they cannot drift.

use std::ops::Range;

use camino::Utf8Path;
use serde::de::DeserializeOwned;
use toml::de::{DeTable, DeValue};

use crate::base::diag::{Diagnostic, line_of, suggest};
use crate::base::syntax;

/// What a kind of document is called, and how its findings are identified.
#[derive(Debug, Clone, Copy)]
pub struct Document {
    /// The noun of messages: "`licence` is not a *recipe* key".
    pub noun: &'static str,
    /// Code of text that is not TOML.
    pub syntax: &'static str,
    /// Code of a character in a text that nobody sees.
    pub invisible: &'static str,
    /// Code of a key that does not exist.
    pub unknown_key: &'static str,
    /// Code of a key written twice.
    pub duplicate_key: &'static str,
    /// Code of a value of the wrong type.
    pub wrong_type: &'static str,
    /// Words of other package systems and the key that means the same here.
    pub synonyms: &'static [(&'static str, &'static str)],
}

/// Reads `text` as a `T`.
///
/// # Errors
/// The first problem of shape: the parser cannot go on behind it.
#[expect(clippy::result_large_err, reason = "made at most once per file, and shown at once")]
pub fn read<T: DeserializeOwned>(text: &str, file: &Utf8Path, document: &Document) -> Result<T, Diagnostic> {
    let value = toml::from_str(text).map_err(|error| complaint::<T>(text, &error, document).in_file(file))?;
    match syntax::hidden(text, document.invisible) {
        Some(finding) => Err(finding.in_file(file)),
        None => Ok(value),
    }
}

/// What the parser found, for a person.
fn complaint<T: DeserializeOwned>(text: &str, error: &toml::de::Error, document: &Document) -> Diagnostic {
    let span = error.span().unwrap_or(0..0);
    let message = error.message().trim();
    let found = if message.starts_with("unknown field") {
        unknown_key::<T>(text, message, &span, document)
    } else if message == "duplicate key" {
        let key = text.get(span.clone()).unwrap_or_default();
        let first = first_mention(text, &span).map(|line| format!("; the first is in line {line}"));
        Diagnostic::error(document.duplicate_key, format!("`{key}` is written twice"))
            .label(format!("second mention{}", first.unwrap_or_default()))
            .help("keep one of the two lines")
    } else if let Some(rest) = message.strip_prefix("invalid type: ") {
        wrong_type(text, rest, &span, document)
    } else {
        return syntax::fault(text, message, &span, (document.syntax, document.noun));
    };
    found.at(span)
}

/// Like [`read`], and goes on behind a key that does not exist or has the wrong type.
///
/// # Errors
/// Every problem of shape, in the order of the text; behind text that is no TOML there are none.
pub fn read_all<T: DeserializeOwned>(text: &str, file: &Utf8Path, document: &Document) -> Result<T, Vec<Diagnostic>> {
    let mut findings = Vec::new();
    let mut left = text.to_owned();
    loop {
        let finding = match read(&left, file, document) {
            Ok(value) if findings.is_empty() => return Ok(value),
            Ok(_) => break,
            Err(finding) => finding,
        };
        let judged = [document.unknown_key, document.wrong_type, document.invisible].contains(&finding.code);
        // What is no TOML once a key is blanked was TOML before: that problem is ours.
        if !(judged || findings.is_empty()) {
            break;
        }
        let pair = finding.span.as_ref().filter(|_| judged).and_then(|span| pair(&left, span));
        findings.push(finding);
        match pair {
            // Line ends stay, so that places do.
            Some(range) => {
                let blank: String = left[range.clone()].bytes().map(|b| if b == b'\n' { '\n' } else { ' ' }).collect();
                left.replace_range(range, &blank);
            }
            None => break,
        }
    }
    findings.sort_by_key(|finding| finding.span.as_ref().map_or(0, |span| span.start));
    Err(findings)
}

/// The bytes of the key with its value that `span` is the key or the value of, or a part of the value.
fn pair(text: &str, span: &Range<usize>) -> Option<Range<usize>> {
    fn search(table: &DeTable<'_>, span: &Range<usize>) -> Option<Range<usize>> {
        table.iter().find_map(|(key, value)| {
            let inner = match value.get_ref() {
                DeValue::Table(table) => search(table, span),
                DeValue::Array(list) => list.iter().find_map(|item| match item.get_ref() {
                    DeValue::Table(table) => search(table, span),
                    _ => None,
                }),
                _ => None,
            };
            let (key, value) = (key.span(), value.span());
            // A table's header is no pair of its own; it comes before what is in it.
            let own = key == *span || (value.start <= span.start && span.end <= value.end);
            inner.or((own && key.end <= value.start).then_some(key.start..value.end))
        })
    }
    search(DeTable::parse(text).ok()?.get_ref(), span)
}

/// The line that has the key, or the header, at `second` before: a document ends there for the parser, which keeps no place but that.
fn first_mention(text: &str, second: &Range<usize>) -> Option<usize> {
    let begin = text.get(..second.start)?.rfind('\n').map_or(0, |at| at + 1);
    let (before, line) = (&text[..begin], text[begin..].lines().next()?.trim());
    if line.starts_with('[') {
        return before.lines().position(|other| other.trim() == line).map(|line| line + 1);
    }
    let document = DeTable::parse(before).ok().filter(|_| text[begin..second.start].trim().is_empty())?;
    let (_, table) = last_opened(text, 0, document.get_ref());
    let key = text.get(second.clone())?;
    let (first, _) = table.iter().find(|(name, _)| text.get(name.span()) == Some(key))?;
    Some(line_of(text, first.span().start))
}

/// The table with the last header in or below `table`, whose own is at `header`.
fn last_opened<'a, 'i>(text: &str, header: usize, table: &'a DeTable<'i>) -> (usize, &'a DeTable<'i>) {
    let values = table.values().flat_map(|value| match value.get_ref() {
        DeValue::Array(list) => list.iter().collect(),
        _ => vec![value],
    });
    let headed = values.filter(|value| text[value.span().start..].starts_with('['));
    let below = headed.filter_map(|value| Some(last_opened(text, value.span().start, value.get_ref().as_table()?)));
    below.max_by_key(|(header, _)| *header).unwrap_or((header, table))
}

fn unknown_key<T: DeserializeOwned>(text: &str, message: &str, span: &Range<usize>, document: &Document) -> Diagnostic {
    let mut words = quoted(message);
    let key = if words.is_empty() { String::new() } else { words.remove(0) };
    let table = home(text, span).map(|home| home.table).unwrap_or_default();
    let place = if table.is_empty() { format!("a {} key", document.noun) } else { format!("a key of `{table}`") };
    let finding = Diagnostic::error(document.unknown_key, format!("`{key}` is not {place}"));
    let known = || words.iter().map(String::as_str);
    let synonym = document.synonyms.iter().find(|(other, ours)| *other == key && known().any(|word| word == *ours));
    let finding = if let Some((_, ours)) = synonym {
        finding.label(format!("this is called `{ours}` here"))
    } else if !table.is_empty() && top_level_keys::<T>().contains(&key) {
        // TOML gives every line below a table header to that table; forgetting this is the commonest mistake.
        finding.label(format!("belongs above the first `[table]`, not into `{table}`"))
    } else if let Some(close) = suggest(&key, known()) {
        finding.label(format!("did you mean `{close}`?"))
    } else {
        finding.label("unknown key")
    };
    let list: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    let subject = if table.is_empty() { "valid keys".to_owned() } else { format!("valid keys of `{table}`") };
    finding.help(format!("{subject}: {}", list.join(", ")))
}

fn wrong_type(text: &str, rest: &str, span: &Range<usize>, document: &Document) -> Diagnostic {
    let key = home(text, span).map_or_else(|| "a value".to_owned(), |home| format!("`{}`", home.key));
    let (found, expected) = rest.split_once(", expected ").unwrap_or((rest, "something else"));
    let found = found.replace("map", "table").replace("sequence", "list").replace("string", "text");
    let expected = match expected {
        "a sequence" => "a list: [\"…\"]",
        "a string" => "a text in quotes",
        "i64" | "u32" | "u64" => "a whole number",
        "a map" => "a table",
        other if other.starts_with("struct") => "a table",
        other => other,
    };
    let finding = Diagnostic::error(document.wrong_type, format!("{key} has the wrong type"))
        .label(format!("found {found}, expected {expected}"));
    let header = text.get(span.clone()).unwrap_or_default();
    if header.starts_with('[') && expected.starts_with("a list") {
        finding.help(format!("this table may appear several times, so its header is written `[{header}]`"))
    } else {
        finding
    }
}

/// The words of a message between backticks.
fn quoted(message: &str) -> Vec<String> {
    message.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The keys of the document's root. Asked of the type: a key that cannot exist makes serde list those that do.
fn top_level_keys<T: DeserializeOwned>() -> Vec<String> {
    let answer = toml::from_str::<T>("\"\" = 0").err();
    answer.map(|error| quoted(error.message()).split_off(1)).unwrap_or_default()
}

/// Where a byte range belongs: the header of its table (`[build.env]`, `[[source]]`, empty for the root) and its key.
#[derive(Debug, Default, PartialEq, Eq)]
struct Home {
    table: String,
    key: String,
}

fn home(text: &str, span: &Range<usize>) -> Option<Home> {
    search(DeTable::parse(text).ok()?.get_ref(), span, "", "")
}

fn search(table: &DeTable<'_>, span: &Range<usize>, path: &str, header: &str) -> Option<Home> {
    table.iter().find_map(|(key, value)| {
        let name = key.get_ref().as_ref();
        if key.span() == *span || value.span() == *span {
            return Some(Home { table: header.to_owned(), key: name.to_owned() });
        }
        let inner = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        match value.get_ref() {
            DeValue::Table(table) => search(table, span, &inner, &format!("[{inner}]")),
            DeValue::Array(list) => list.iter().find_map(|item| match item.get_ref() {
                _ if item.span() == *span => Some(Home { table: header.to_owned(), key: name.to_owned() }),
                DeValue::Table(table) => search(table, span, &inner, &format!("[[{inner}]]")),
                _ => None,
            }),
            _ => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;

    const DOCUMENT: Document = Document {
        noun: "sample",
        syntax: "s",
        invisible: "i",
        unknown_key: "u",
        duplicate_key: "d",
        wrong_type: "w",
        synonyms: &[("colour", "paint")],
    };

    #[derive(Debug, Default, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Sample {
        paint: String,
        sizes: Vec<i64>,
        part: Vec<Part>,
        map: BTreeMap<String, String>,
    }

    #[derive(Debug, Default, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Part {
        name: String,
    }

    fn complaint(text: &str) -> String {
        read::<Sample>(text, "sample.toml".into(), &DOCUMENT).unwrap_err().render(Some(text))
    }

    #[test]
    fn complaints_name_table_key_and_remedy() {
        let texts = [
            "colour = 'red'",
            "[[part]]\nnam = 'x'",
            "[[part]]\nname = 'x'\nsizes = [1]",
            "zzz = 1",
            "sizes = 'x'",
            "sizes = ['x']",
            "paint = 1",
            "part = 1",
            "[part]\nname = 'x'",
            "part = ['x']",
            "map = 1",
            "[map]\nx = {}",
            "paint = 'a'\npaint = 'b'",
            "paint = 'a",
            "paint = ",
            "[part",
        ];
        insta::assert_snapshot!(texts.map(complaint).join("\n"));
    }

    #[test]
    fn all_keys_and_types_are_told_at_once() {
        let text = "paint = 1\nsizes = [1, 'x']\nzzz = [\n  1,\n]\n[[part]]\nnam = 1\n[map]\na = 2\nb = 'b'\n";
        let found = read_all::<Sample>(text, "sample.toml".into(), &DOCUMENT).unwrap_err();
        let told: Vec<String> =
            found.iter().map(|f| format!("{} {}", f.located(Some(text)).place(), f.message)).collect();
        insta::assert_snapshot!(told.join("\n"), @r"
        sample.toml:1:9 `paint` has the wrong type
        sample.toml:2:13 `sizes` has the wrong type
        sample.toml:3:1 `zzz` is not a sample key
        sample.toml:7:1 `nam` is not a key of `[[part]]`
        sample.toml:9:5 `a` has the wrong type
        ");
        assert_eq!(read_all::<Sample>("paint = 'a", "x".into(), &DOCUMENT).unwrap_err().len(), 1);
        assert_eq!(read_all::<Sample>("[part]\nname = 'x'", "x".into(), &DOCUMENT).unwrap_err().len(), 1);
        assert_eq!(read_all::<Sample>("paint = 'a'", "x".into(), &DOCUMENT).unwrap().paint, "a");
    }

    #[test]
    fn a_bracket_that_is_not_closed_is_shown_and_not_the_line_behind_it() {
        let texts = [
            "sizes = [1,\n  2\npaint = 'a'\n",
            "paint = '['\nmap = { a = \"{\", # [\nsizes = [1]\n",
            "paint = \"\"\"\n[ \\\"\"\"\"\nsizes = [[1]\n",
            "[map\na = 'b'\n",
            "paint = red\n",
        ];
        insta::assert_snapshot!(texts.map(complaint).join("\n"));
    }

    #[test]
    fn a_comma_that_is_missing_is_no_bracket_that_is() {
        let texts = [
            "sizes = [1 2]\n",
            "sizes = [\n  1\n  2,\n]\npaint = 'a'\n",
            "map = { a = '1' b = '2' }\n",
            "part = [{ name = '[' } { name = 'b' }]\n",
            "sizes = [1 x]\n",
            "paint = [red]\n",
        ];
        insta::assert_snapshot!(texts.map(complaint).join("\n"));
    }

    #[test]
    fn a_text_of_several_lines_that_is_not_closed_is_shown_where_it_begins() {
        let texts = [
            "paint = '''\nred\n",
            "paint = \"\"\"\nit's \\\"\"\"\n",
            "map = { a = '''\nred\n",
            "[map]\na = '''\nmake\nb = '''\nmake install\n'''\n",
            "[map]\na = '''one''''\nb = '''\nmake\nc = '''\nit's here\n'''\n",
        ];
        insta::assert_snapshot!(texts.map(complaint).join("\n"));
    }

    #[test]
    fn what_nobody_sees_is_told_in_each_text() {
        let text = "# \u{a0} is nothing here\npaint = 'a\u{a0}b'\n[map]\na = '''\nmake\nx\u{202e}y\n'''\nb = \"\\u00A0\"\n\"c\u{200b}\" = ''\nd = 1\n";
        let found = read_all::<Sample>(text, "sample.toml".into(), &DOCUMENT).unwrap_err();
        let told: Vec<String> = found.iter().map(|finding| finding.render(Some(text))).collect();
        insta::assert_snapshot!(told.join("\n").escape_debug().to_string().replace("\\n", "\n"));
        assert!(read::<Sample>("# \u{a0}\npaint = 'é'", "x".into(), &DOCUMENT).is_ok());
    }

    #[test]
    fn a_key_twice_is_told_with_both_lines() {
        for (text, line) in [
            ("a = 1\nb = { a = 2 }\na = 3\n", Some(1)),
            ("a = 1\n[b]\na = 2\nc = [\n  'a',\n]\na = 3\n", Some(3)),
            ("[[b]]\na = 1\n[[b]]\n'a' = 2\n'a' = 3\n", Some(4)),
            ("[b.c]\na = 1\n[b]\n[b.c]\n", Some(1)),
            ("b = { a = 1, a = 2 }\n", None),
        ] {
            let error = toml::from_str::<toml::Table>(text).unwrap_err();
            assert_eq!(error.message(), "duplicate key", "{text}");
            assert_eq!(first_mention(text, &error.span().unwrap()), line, "{text}");
        }
    }

    #[test]
    fn homes() {
        let text = "a = 1\n[b]\nc = 2\n[[d]]\ne = [3]\n[[d.f]]\ng = 4\n";
        let at = |needle: &str| {
            let start = text.find(needle).unwrap();
            home(text, &(start..start + needle.len())).map(|home| format!("{} {}", home.table, home.key))
        };
        assert_eq!(at("a"), Some(" a".to_owned()));
        assert_eq!(at("c"), Some("[b] c".to_owned()));
        assert_eq!(at("3"), Some("[[d]] e".to_owned()));
        assert_eq!(at("g"), Some("[[d.f]] g".to_owned()));
        assert_eq!(at("= 4"), None);
    }
}
