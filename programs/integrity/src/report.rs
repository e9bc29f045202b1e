//! Differences as lines and as JSON. No effects.
//!
//! Paths and targets are escaped as in the baseline, so no file name can break a format.

use crate::compare::Change;
use crate::spec::{spell, spell_path};

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

/// One difference in the words of NetBSD's `mtree`: in brackets the specified and the found value.
pub fn mtree(change: &Change) -> String {
    let path = spell_path(&change.path);
    let parts: Vec<String> = change
        .parts()
        .into_iter()
        .map(|(name, before, after)| {
            let name = match name {
                "kind" => "type",
                "sha256" => "sha256digest",
                "target" => "link",
                "attributes" => "xattrs",
                other => other,
            };
            format!("{name} ({before}, {after})")
        })
        .collect();
    match change.what() {
        "added" => format!("extra: {path}"),
        "removed" => format!("missing: {path}"),
        _ => format!("{path}: {}", parts.join(", ")),
    }
}

/// Numbers of changes by kind, as audit fields.
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
            .map(|(name, before, after)| format!(r#""{name}":[{},{}]"#, quoted(&before), quoted(&after)))
            .collect();
        let path = quoted(&spell(&change.path));
        format!(r#"{{"path":{path},"what":"{}","parts":{{{}}}}}"#, change.what(), parts.join(","))
    };
    format!(r#"{{"changes":[{}]}}"#, changes.iter().map(change).collect::<Vec<_>>().join(","))
}

/// Printable ASCII as a JSON string.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', r"\\").replace('"', r#"\""#))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::{Attributes, Content, Entry, Kind, digest, hex};

    fn entry(mode: u32, content: &[u8]) -> Entry {
        Entry {
            kind: Kind::File,
            mode,
            uid: 0,
            gid: 0,
            size: content.len() as u64,
            content: Content::Digest(digest(content)),
            attributes: Attributes::None,
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
            [
                "added /etc/a\"\\134b",
                "removed /etc/gone",
                "changed /etc/shadow: mode 0600 -> 4644, size 1 -> 2, content",
            ]
        );
        let [short, long] = [hex(&digest(b"x")), hex(&digest(b"xy"))];
        let lines: Vec<String> = changes().iter().map(mtree).collect();
        assert_eq!(
            lines,
            [
                r#"extra: ./etc/a"\134b"#.to_owned(),
                "missing: ./etc/gone".to_owned(),
                format!("./etc/shadow: mode (0600, 4644), size (1, 2), sha256digest ({short}, {long})"),
            ]
        );
        assert_eq!(counts(&changes()), "added=1 removed=1 changed=1");
    }

    #[test]
    fn what_a_link_or_a_device_was() {
        let entry = |kind, content| Entry { kind, content, ..entry(0o777, b"") };
        let link = |target: &[u8]| Some(entry(Kind::Link, Content::Target(target.to_vec())));
        let turned = Change { path: b"/etc/l".to_vec(), before: link(b"a\"b"), after: link(b"c d") };
        assert_eq!(line(&turned), r#"changed /etc/l: target a"b -> c\040d"#);
        assert_eq!(mtree(&turned), r#"./etc/l: link (a"b, c\040d)"#);
        let text = json(&[turned]);
        assert!(text.ends_with(r#""parts":{"target":["a\"b","c\\040d"]}}]}"#), "{text}");
        let device = |minor| Some(entry(Kind::Char, Content::Device { major: 1, minor }));
        let other = Change { path: b"/dev/null".to_vec(), before: device(3), after: device(5) };
        assert_eq!(line(&other), "changed /dev/null: device 1,3 -> 1,5");
    }

    #[test]
    fn json_of_odd_names() {
        assert_eq!(json(&[]), r#"{"changes":[]}"#);
        let text = json(&changes()[..2]);
        assert_eq!(
            text,
            r#"{"changes":[{"path":"/etc/a\"\\134b","what":"added","parts":{}},{"path":"/etc/gone","what":"removed","parts":{}}]}"#
        );
        let text = json(&changes()[2..]);
        assert!(
            text.starts_with(r#"{"changes":[{"path":"/etc/shadow","what":"changed","parts":{"mode":["0600","4644"],"#),
            "{text}"
        );
    }
}
