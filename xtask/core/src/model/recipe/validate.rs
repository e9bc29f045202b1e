//! Meaning of a recipe: [`RawRecipe`] and its surroundings into [`Recipe`], or every finding at once.
//!
//! One submodule per part of the file. Each takes the collector and gives the part as far as it is usable; the result
//! counts only when nothing was found. What needs other recipes (unknown packages, cycles) is `graph`'s business.

mod build;
mod depends;
mod identity;
mod location;
mod parts;
mod phases;
mod source;

pub use build::CONTRACT;
pub use source::MAX_STRIP;

use std::collections::BTreeSet;
use std::ops::Range;

use camino::{Utf8Path, Utf8PathBuf};

use super::Recipe;
use super::raw::{RawRecipe, Text};
use crate::base::diag::Diagnostic;

/// Checks a recipe and resolves it.
///
/// - `file`: path of the recipe relative to the repository, for messages.
/// - `folder`: name of the package's folder.
/// - `files`: every file in that folder, relative to it.
/// - `flags`: names of the flags in `toolchain/hardening.toml`.
///
/// # Errors
/// Every finding, in the order of the file.
pub fn validate(
    raw: &RawRecipe,
    file: &Utf8Path,
    folder: &str,
    files: &BTreeSet<String>,
    flags: &BTreeSet<String>,
) -> Result<Recipe, Vec<Diagnostic>> {
    let mut found = Findings { file: file.to_owned(), list: Vec::new() };
    let identity = identity::check(raw, folder, &mut found);
    let libs = depends::packages(raw, &raw.libs, "libs", &mut found);
    let tools = depends::packages(raw, &raw.tools, "tools", &mut found);
    let patches = depends::patches(raw, files, &mut found);
    let sources = source::check(&raw.source, &mut found);
    let build = build::check(raw, files, &mut found);
    let phases = phases::check(raw, &identity, &build, &mut found);
    let hardening = parts::hardening(&raw.hardening, flags, &mut found);
    let modes = parts::modes(&raw.modes, &mut found);
    let outputs = parts::outputs(raw, &mut found);
    let tests = parts::tests(&raw.test, &mut found);
    match (identity.name, build.style) {
        (Some(name), Some(style)) if found.list.is_empty() => Ok(Recipe {
            name,
            version: identity.version,
            summary: identity.summary,
            license: identity.license,
            upstream: identity.upstream,
            cpe: identity.cpe,
            libs,
            tools,
            patches,
            sources,
            style,
            args: build.args,
            env: build.env,
            cargo_lock: build.cargo_lock,
            phases,
            hardening,
            modes,
            outputs,
            tests,
            watch: identity.watch,
        }),
        _ => Err(found.sorted()),
    }
}

/// Collects findings of one file.
struct Findings {
    file: Utf8PathBuf,
    list: Vec<Diagnostic>,
}

impl Findings {
    fn add(&mut self, finding: Diagnostic) {
        self.list.push(finding.in_file(self.file.clone()));
    }

    /// A required key that is absent from the table at `table` (`None`: the root).
    fn missing(&mut self, key: &str, table: Option<(&str, Range<usize>)>, example: &str) {
        let finding = match table {
            None => Diagnostic::error("recipe::missing-key", format!("the recipe has no `{key}`")),
            Some((name, span)) => Diagnostic::error("recipe::missing-key", format!("this `{name}` has no `{key}`"))
                .at(span)
                .label(format!("needs `{key}`")),
        };
        self.add(finding.help(format!("add a line such as `{example}`")));
    }

    fn sorted(mut self) -> Vec<Diagnostic> {
        self.list.sort_by_key(|finding| finding.span.as_ref().map_or(0, |span| span.start));
        self.list
    }
}

/// The byte range in the file of the range `part` of a text's value. Exact for texts without escapes, which is how scripts
/// and names are written; otherwise it may lie beside, but always inside the text.
fn within(text: &Text, part: Range<usize>) -> Range<usize> {
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

/// Why `path` cannot be a relative path below some folder, if so.
fn path_fault(path: &str) -> Option<&'static str> {
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
fn summary_fault(summary: &str) -> Option<(&'static str, &'static str, &'static str)> {
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
