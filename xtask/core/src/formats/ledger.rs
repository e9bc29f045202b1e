//! The ledger: which bytes each package is expected to have, per architecture, committed in `digests/<arch>.txt`.
//!
//! One line per output: `<diff id> <input key> <name>`, sorted by name. The key tells two situations apart: other inputs
//! (the ledger waits for `cargo xtask ledger update`) and other bytes from the same inputs (a build that does not reproduce).

use std::collections::{BTreeMap, BTreeSet};

use camino::Utf8Path;

use crate::base::diag::Diagnostic;
use crate::base::digest::Digest;

/// What the ledger says of one output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expected {
    /// Digest of the output.
    pub digest: Digest,
    /// Input key that leads to it.
    pub key: Digest,
}

/// All expected outputs by name. Packages have their name; others are `image/<name>` and `iso/<profile>`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ledger {
    entries: BTreeMap<String, Expected>,
}

impl Ledger {
    /// Reads a ledger.
    pub fn parse(text: &str, file: &Utf8Path) -> Result<Self, Vec<Diagnostic>> {
        let mut ledger = Self::default();
        let mut findings = Vec::new();
        let mut start = 0;
        for line in text.split_inclusive('\n') {
            let span = start..start + line.trim_end().len();
            start += line.len();
            let line = line.trim_end();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let bad = |message: String| {
                Diagnostic::error("ledger::line", message)
                    .in_file(file)
                    .at(span.clone())
                    .label("expected `<diff id> <input key> <name>`")
                    .help("the ledger is written by `cargo xtask ledger update`, not by hand")
            };
            match line.split(' ').collect::<Vec<_>>()[..] {
                [digest, key, name] => match (digest.parse(), key.parse()) {
                    (Ok(digest), Ok(key)) => {
                        if ledger.entries.insert(name.to_owned(), Expected { digest, key }).is_some() {
                            findings.push(bad(format!("`{name}` stands here twice")));
                        }
                    }
                    (Err(error), _) | (_, Err(error)) => findings.push(bad(error.to_string())),
                },
                _ => findings.push(bad("this line has not three parts".to_owned())),
            }
        }
        if findings.is_empty() { Ok(ledger) } else { Err(findings) }
    }

    /// Records an output.
    pub fn insert(&mut self, name: impl Into<String>, expected: Expected) {
        self.entries.insert(name.into(), expected);
    }

    /// What is expected of an output.
    pub fn get(&self, name: &str) -> Option<&Expected> {
        self.entries.get(name)
    }

    /// All entries by name.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &Expected)> {
        self.entries.iter().map(|(name, expected)| (name.as_str(), expected))
    }

    /// The digest that the ledger has of an output, when that differs although its inputs are the ledger's.
    pub fn contradiction(&self, name: &str, key: &Digest, found: Digest) -> Option<Digest> {
        let expected = self.entries.get(name)?;
        (expected.key == *key && expected.digest != found).then_some(expected.digest)
    }

    /// Whether the inputs of an output are the ledger's: whoever wrote it ran the checks of what came of them.
    pub fn vouches_for(&self, name: &str, key: &Digest) -> bool {
        self.entries.get(name).is_some_and(|expected| expected.key == *key)
    }

    /// What `current` has otherwise, a line for each output: what it was here and what it is there.
    pub fn changes(&self, current: &Self) -> Vec<String> {
        let names: BTreeSet<&String> = self.entries.keys().chain(current.entries.keys()).collect();
        let change = |name: &&String| match (self.entries.get(*name), current.entries.get(*name)) {
            (Some(was), Some(now)) if was == now => None,
            // The same inputs lead to one result, so one of the two is wrong.
            (Some(was), Some(now)) if was.key == now.key => Some(format!(
                "{name}: was {}, now {}, from the same inputs: the line was edited, or the build does not reproduce",
                was.digest.short(),
                now.digest.short()
            )),
            (Some(was), Some(now)) if was.digest == now.digest => {
                Some(format!("{name}: same bytes, inputs were {}, now {}", was.key.short(), now.key.short()))
            }
            (Some(was), Some(now)) => Some(format!("{name}: was {}, now {}", was.digest.short(), now.digest.short())),
            (Some(_), None) => Some(format!("{name}: nothing makes it any more")),
            (None, Some(now)) => Some(format!("{name}: is new, {}", now.digest.short())),
            (None, None) => None,
        };
        names.iter().filter_map(change).collect()
    }

    /// The ledger as text.
    pub fn render(&self) -> String {
        let mut text =
            "# What Ashlar's outputs are: <diff id> <input key> <name>. Written by `cargo xtask ledger update`.\n"
                .to_owned();
        for (name, Expected { digest, key }) in &self.entries {
            text.push_str(&format!("{digest} {key} {name}\n"));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trip_and_contradictions() {
        let mut ledger = Ledger::default();
        let (a, b, key) = (Digest::of("a"), Digest::of("b"), Digest::of("key"));
        ledger.insert("zlib", Expected { digest: a, key });
        ledger.insert("image/hello", Expected { digest: b, key });
        assert_eq!(Ledger::parse(&ledger.render(), Utf8Path::new("l")), Ok(ledger.clone()));
        assert!(ledger.vouches_for("zlib", &key));
        assert!(!ledger.vouches_for("zlib", &a) && !ledger.vouches_for("none", &key));
        assert_eq!(ledger.contradiction("zlib", &key, a), None);
        assert_eq!(ledger.contradiction("zlib", &Digest::of("other inputs"), b), None);
        assert_eq!(ledger.contradiction("zlib", &key, b), Some(a));
        assert_eq!(ledger.contradiction("new", &key, b), None);
        assert_eq!(ledger.get("zlib").unwrap().digest, a);
        assert_eq!(ledger.entries().count(), 2);
    }

    #[test]
    fn changes_are_told_with_what_was() {
        let entry = |digest: &str, key: &str| Expected { digest: Digest::of(digest), key: Digest::of(key) };
        let ledger = |entries: &[(&str, Expected)]| {
            entries.iter().fold(Ledger::default(), |mut ledger, (name, expected)| {
                ledger.insert(*name, *expected);
                ledger
            })
        };
        let old = [
            ("edited", entry("a", "k")),
            ("gone", entry("a", "k")),
            ("other", entry("a", "k")),
            ("same", entry("a", "k")),
        ];
        let new = [
            ("edited", entry("b", "k")),
            ("new", entry("a", "k")),
            ("other", entry("b", "l")),
            ("same", entry("a", "k")),
        ];
        insta::assert_snapshot!(ledger(&old).changes(&ledger(&new)).join("\n"), @r"
        edited: was ca978112ca1b, now 3e23e8160039, from the same inputs: the line was edited, or the build does not reproduce
        gone: nothing makes it any more
        new: is new, ca978112ca1b
        other: was ca978112ca1b, now 3e23e8160039
        ");
    }

    #[test]
    fn every_bad_line_is_named() {
        let good = Digest::of("");
        let text = format!("# c\n\nx\n{good} {good} a\n{good} {good} a\nzz {good} b\n{good} zz c\n");
        let found = Ledger::parse(&text, Utf8Path::new("digests/x86_64.txt")).unwrap_err();
        let rendered: String = found.iter().map(|finding| finding.render(Some(&text))).collect();
        assert_eq!(found.len(), 4);
        for part in
            ["x86_64.txt:3:1", "x86_64.txt:5:1", "`a` stands here twice", "`zz` is not a sha256", "x86_64.txt:7:1"]
        {
            assert!(rendered.contains(part), "{part} in {rendered}");
        }
    }
}
