//! The rules for every entry that sets a key to a value.

use std::collections::BTreeSet;

use camino::Utf8Path;

use crate::base::diag::Diagnostic;

/// What is wrong with an entry, under the finding's name `code`; `seen` has the keys of the entries before it.
pub fn faults<'a>(
    code: &'static str,
    (key, value, reason): (&'a str, &str, &str),
    seen: &mut BTreeSet<&'a str>,
    file: &Utf8Path,
) -> Vec<Diagnostic> {
    let mut messages = Vec::new();
    if key.is_empty() || value.is_empty() {
        messages.push(format!("an entry lacks key or value (`{key}`)"));
    }
    if reason.len() < 10 {
        messages.push(format!("`{key}` has no reason"));
    }
    if !seen.insert(key) {
        messages.push(format!("`{key}` stands here twice"));
    }
    let help = "one [[set]] per key, with key, value and reason";
    messages.into_iter().map(|message| Diagnostic::error(code, message).in_file(file).help(help)).collect()
}
