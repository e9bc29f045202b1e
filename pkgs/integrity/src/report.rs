//! Differences as lines and as JSON. No effects.
//!
//! Paths are spelled as in the baseline, so neither form can be broken by a file's name, and JSON needs no escapes.

use crate::compare::Change;
use crate::entry::spell;

/// One difference as a line.
pub fn line(change: &Change) -> String {
    let parts: Vec<String> = change
        .parts()
        .into_iter()
        .map(|(name, before, after)| match name {
            "sha256" if before.len() == 64 && after.len() == 64 => "content".to_owned(),
            "attributes" => "extended attributes".to_owned(),
            _ => format!("{name} {before} -> {after}"),
        })
        .collect();
    let details = if parts.is_empty() { String::new() } else { format!(": {}", parts.join(", ")) };
    format!("{} {}{details}", change.what(), spell(&change.path))
}

/// How many of which sort, as audit writes fields.
pub fn counts(changes: &[Change]) -> String {
    let count = |what| changes.iter().filter(|change| change.what() == what).count();
    format!("added={} removed={} changed={}", count("added"), count("removed"), count("changed"))
}

/// All differences as JSON.
pub fn json(changes: &[Change]) -> String {
    let change = |change: &Change| {
        let parts: Vec<String> = change
            .parts()
            .into_iter()
            .map(|(name, before, after)| format!(r#""{name}":["{before}","{after}"]"#))
            .collect();
        format!(
            r#"{{"path":"{}","what":"{}","parts":{{{}}}}}"#,
            spell_json(&change.path),
            change.what(),
            parts.join(",")
        )
    };
    format!(r#"{{"changes":[{}]}}"#, changes.iter().map(change).collect::<Vec<_>>().join(","))
}

/// A spelled path inside a JSON string.
fn spell_json(path: &[u8]) -> String {
    spell(path).replace('\\', r"\\").replace('"', r#"\""#)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::{digest, Entry, Kind};

    fn entry(mode: u32, content: &[u8]) -> Entry {
        Entry {
            kind: Kind::File,
            mode,
            uid: 0,
            gid: 0,
            size: content.len() as u64,
            digest: digest(content),
            attributes: "-".to_owned(),
        }
    }

    fn changes() -> Vec<Change> {
        let change = |path: &[u8], before, after| Change { path: path.to_vec(), before, after };
        vec![
            change(b"/etc/a\"\\b", None, Some(entry(0o644, b""))),
            change(b"/etc/gone", Some(entry(0o644, b"")), None),
            change(b"/etc/shadow", Some(entry(0o600, b"x")), Some(entry(0o4644, b"xy"))),
        ]
    }

    #[test]
    fn lines() {
        let lines: Vec<String> = changes().iter().map(line).collect();
        assert_eq!(
            lines,
            ["added /etc/a\"\\b", "removed /etc/gone", "changed /etc/shadow: mode 0600 -> 4644, size 1 -> 2, content",]
        );
        assert_eq!(counts(&changes()), "added=1 removed=1 changed=1");
    }

    #[test]
    fn json_of_odd_names() {
        assert_eq!(json(&[]), r#"{"changes":[]}"#);
        let text = json(&changes()[..2]);
        assert_eq!(
            text,
            r#"{"changes":[{"path":"/etc/a\"\\b","what":"added","parts":{}},{"path":"/etc/gone","what":"removed","parts":{}}]}"#
        );
        let text = json(&changes()[2..]);
        assert!(
            text.starts_with(r#"{"changes":[{"path":"/etc/shadow","what":"changed","parts":{"mode":["0600","4644"],"#),
            "{text}"
        );
    }
}
