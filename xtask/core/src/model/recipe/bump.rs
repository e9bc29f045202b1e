//! A recipe's text with another version: `cargo xtask bump`. Only the values that change are replaced, so that comments and
//! everything else stay as they were written.

use std::collections::BTreeMap;
use std::ops::Range;

use super::raw::{RawRecipe, RawSource, Text};
use crate::base::digest::Digest;

/// A source that has another file with the new version, as its locations are then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// Which `[[source]]`, from 0.
    pub index: usize,
    /// sha256 of the file of the old version.
    pub old: String,
    /// Upstream's addresses.
    pub urls: Vec<String>,
    /// Path in Debian's pool.
    pub debian: Option<String>,
    /// `name@version` of a crate.
    pub krate: Option<String>,
}

/// The sources of `raw` that change with its version, which becomes `new`: those whose locations have `{version}` or the old
/// version itself in them. Others, such as a second source with a version of its own, stay.
pub fn moved(raw: &RawRecipe, new: &str) -> Vec<Moved> {
    let Some(old) = &raw.version else { return Vec::new() };
    let source = |(index, source): (usize, &super::spanned::Spanned<RawSource>)| {
        let source = source.get_ref();
        let moves = |text: &Text| replaced(text.get_ref(), old.get_ref(), new) != text.get_ref().as_str();
        let located = || source.url.iter().chain(&source.debian).chain(&source.krate);
        let fill = |text: &Text| replaced(text.get_ref(), old.get_ref(), new);
        located().any(moves).then(|| Moved {
            index,
            old: source.sha256.as_ref().map(|text| text.get_ref().clone()).unwrap_or_default(),
            urls: source.url.iter().map(fill).collect(),
            debian: source.debian.as_ref().map(fill),
            krate: source.krate.as_ref().map(fill),
        })
    };
    raw.source.iter().enumerate().filter_map(source).collect()
}

/// `text` for the new version: `{version}` filled in, and the old version where it stands as a word of its own.
fn replaced(text: &str, old: &str, new: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(old).filter(|_| !old.is_empty()) {
        let (before, after) = (&rest[..at], &rest[at + old.len()..]);
        // 1.2 is not in 11.2, in 1.21 or in 1.2.3.
        let joined = before.ends_with(|c: char| c.is_ascii_digit() || c == '.')
            || after.starts_with(|c: char| c.is_ascii_digit())
            || (after.starts_with('.') && after[1..].starts_with(|c: char| c.is_ascii_digit()));
        out.push_str(before);
        out.push_str(if joined { old } else { new });
        rest = after;
    }
    (out + rest).replace("{version}", new)
}

/// The text of a recipe with the version `new`, and for each source (by its number) the hash of its new file.
///
/// `debian` is the path in the pool of the first source that moves, where it does not follow from the old one.
pub fn bumped(
    text: &str,
    raw: &RawRecipe,
    new: &str,
    hashes: &BTreeMap<usize, Digest>,
    debian: Option<&str>,
) -> String {
    let mut edits: Vec<(Range<usize>, String)> = Vec::new();
    let Some(old) = &raw.version else { return text.to_owned() };
    let quoted = |value: &str| toml::Value::from(value).to_string();
    edits.push((old.span(), quoted(new)));
    for (number, (index, digest)) in hashes.iter().enumerate() {
        let Some(source) = raw.source.get(*index).map(|source| source.get_ref()) else { continue };
        edits.extend(source.sha256.iter().map(|sha256| (sha256.span(), quoted(&digest.to_string()))));
        // Where `{version}` stands, nothing is to be done.
        for location in source.url.iter().chain(&source.krate) {
            let value = location.get_ref();
            if !value.contains("{version}") {
                edits.push((location.span(), quoted(&replaced(value, old.get_ref(), new))));
            }
        }
        if let Some(location) = &source.debian {
            let value = location.get_ref();
            match debian.filter(|_| number == 0) {
                Some(path) => edits.push((location.span(), quoted(&path.replace(new, "{version}")))),
                None if !value.contains("{version}") => {
                    edits.push((location.span(), quoted(&replaced(value, old.get_ref(), new))));
                }
                None => {}
            }
        }
    }
    edits.sort_by_key(|(range, _)| std::cmp::Reverse(range.start));
    let mut out = text.to_owned();
    for (range, value) in edits {
        out.replace_range(range, &value);
    }
    out
}

/// The lines of a recipe, from 1, that still name the old version.
pub fn left(text: &str, old: &str) -> Vec<usize> {
    let names = |line: &str| replaced(line, old, "\0") != line.replace("{version}", "\0");
    text.lines().enumerate().filter(|(_, line)| names(line)).map(|(number, _)| number + 1).collect()
}

#[cfg(test)]
mod tests {
    use super::super::parse::parse;
    use super::*;

    const RECIPE: &str = r#"name = "demo"
version = "1.2"                       # upstream's
[[source]]
# Its tag has a `v`.
url = ["https://example.org/v{version}/demo-{version}.tar.gz", "https://example.org/old/demo-1.2.tgz"]
debian = "pool/main/d/demo/demo_1.2+dfsg.orig.tar.gz"
sha256 = "0000000000000000000000000000000000000000000000000000000000000001" # compared
[[source]]
url = ["https://example.org/data-11.2.tar.gz"]
sha256 = "0000000000000000000000000000000000000000000000000000000000000002"
[[source]]
crate = "demo-sys@1.2"
sha256 = "0000000000000000000000000000000000000000000000000000000000000003"
[phases]
check = 'test "$(demo --version)" = 1.2'
"#;

    #[test]
    fn a_bump_changes_values_and_nothing_else() {
        let raw = parse(RECIPE, "pkgs/demo/pkg.toml".into()).unwrap();
        let moved = moved(&raw, "1.10");
        assert_eq!(moved.iter().map(|source| source.index).collect::<Vec<_>>(), [0, 2]);
        assert_eq!(moved[0].urls[0], "https://example.org/v1.10/demo-1.10.tar.gz");
        assert_eq!(moved[1].krate.as_deref(), Some("demo-sys@1.10"));
        let hashes = moved.iter().map(|source| (source.index, Digest::of("new"))).collect();
        let text = bumped(RECIPE, &raw, "1.10", &hashes, None);
        insta::assert_snapshot!(text);
        assert_eq!(left(&text, "1.2"), [15]);
        let elsewhere = bumped(RECIPE, &raw, "1.10", &hashes, Some("pool/main/d/demo/demo_1.10.orig.tar.xz"));
        assert!(elsewhere.contains("debian = \"pool/main/d/demo/demo_{version}.orig.tar.xz\""), "{elsewhere}");
    }

    #[test]
    fn a_version_is_found_as_a_word_only() {
        for (text, expected) in [
            ("a-1.2.tar", "a-9.tar"),
            ("a-11.2.tar", "a-11.2.tar"),
            ("a-1.2.3.tar", "a-1.2.3.tar"),
            ("a-1.21", "a-1.21"),
            ("1.2/1.2", "9/9"),
            ("a_1.2+really1.2.orig", "a_9+really9.orig"),
        ] {
            assert_eq!(replaced(text, "1.2", "9"), expected);
        }
    }
}
