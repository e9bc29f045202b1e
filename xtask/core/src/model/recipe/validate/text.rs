//! Faults of single texts, and where in its file a part of a text is.

use std::ops::Range;

use crate::model::recipe::raw::Text;

/// The byte range in the file of the range `part` of a text's value. Exact for texts without escapes, which is how scripts
/// and names are written; otherwise it may lie beside, but always inside the text.
pub(super) fn within(text: &Text, part: Range<usize>) -> Range<usize> {
    let (span, length) = (text.span(), text.get_ref().len());
    // What the text has around its value: quotes, or three of them with or without the line end behind the first.
    let closing = match span.len().checked_sub(length) {
        Some(2) => 1,
        Some(6..=8) => 3,
        _ => return span,
    };
    let start = span.end - closing - length;
    start + part.start.min(length)..start + part.end.min(length)
}

/// A text with the recipe's version where it says `{version}`.
pub(super) fn expand(text: &str, version: &str) -> String {
    text.replace("{version}", version)
}

/// Why `path` cannot be a relative path below some folder, if so.
pub(super) fn path_fault(path: &str) -> Option<&'static str> {
    if path.is_empty() {
        Some("is empty")
    } else if path.starts_with('/') {
        Some("is absolute; write it relative, without the leading `/`")
    } else if path.split('/').any(|part| part == "..") {
        Some("leaves its folder with `..`")
    } else if path.split('/').any(|part| part.is_empty() || (part == "." && path != ".")) {
        Some("has an empty or `.` component")
    } else if path.chars().any(char::is_control) {
        Some("has a control character")
    } else {
        None
    }
}

/// Why `summary` is not the one line it should be, as (code, what is wrong, what to do here).
pub(super) fn summary_fault(summary: &str) -> Option<(&'static str, &'static str, &'static str)> {
    let first = summary.split_whitespace().next().unwrap_or_default();
    if summary.trim().is_empty() {
        Some(("recipe::empty-summary", "the summary is empty", "say what the package is"))
    } else if summary.chars().any(char::is_control) {
        Some(("recipe::long-summary", "the summary has a line break or control character", "write one line"))
    } else if summary.chars().count() > 80 {
        Some(("recipe::long-summary", "the summary is longer than 80 characters", "shorten it"))
    } else if summary.ends_with('.') {
        Some(("recipe::summary-stop", "the summary ends with a full stop", "drop the full stop"))
    } else if ["A", "An"].contains(&first) {
        Some(("recipe::summary-article", "the summary begins with an article", "begin with the noun"))
    } else if summary != summary.trim() {
        Some(("recipe::summary-space", "the summary has space around it", "drop the space"))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::recipe::parse::parse;

    #[test]
    fn places_inside_texts() {
        for (text, expected) in [
            ("name = 'abcd'", "bc"),
            ("name = \"abcd\"", "bc"),
            ("name = '''\nabcd'''", "bc"),
            ("name = '''\r\nabcd'''", "bc"),
            ("name = \"\"\"abcd\"\"\"", "bc"),
            ("name = \"\\nabcd\"", "\"\\nabcd\""),
        ] {
            let raw = parse(text, "x".into()).unwrap();
            assert_eq!(&text[within(&raw.name.unwrap(), 1..3)], expected, "{text}");
        }
    }

    #[test]
    fn paths() {
        for good in [".", "a", "a/b", "usr/lib/*.a"] {
            assert_eq!(path_fault(good), None, "{good}");
        }
        for bad in ["", "/a", "a/../b", "..", "a//b", "./a", "a/", "a\nb"] {
            assert!(path_fault(bad).is_some(), "{bad}");
        }
    }
}
