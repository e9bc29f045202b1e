//! The ledger: which bytes each package is expected to have, per architecture, committed in `digests/<arch>.txt`.
//!
//! One line per output: `<diff id> <input key> <name>`, sorted by name. The key tells two situations apart: other inputs
//! (the ledger waits for `cargo xtask ledger update`) and other bytes from the same inputs (a build that does not reproduce).

use std::collections::BTreeMap;

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

    /// How an output differs although its inputs are the ledger's, as a sentence.
    pub fn contradiction(&self, name: &str, key: &Digest, found: Digest) -> Option<String> {
        let expected = self.entries.get(name)?;
        (expected.key == *key && expected.digest != found)
            .then(|| format!("{name}: expected {}, built {found}", expected.digest))
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
        assert_eq!(ledger.contradiction("zlib", &key, a), None);
        assert_eq!(ledger.contradiction("zlib", &Digest::of("other inputs"), b), None);
        assert_eq!(ledger.contradiction("zlib", &key, b), Some(format!("zlib: expected {a}, built {b}")));
        assert_eq!(ledger.contradiction("new", &key, b), None);
        assert_eq!(ledger.get("zlib").unwrap().digest, a);
        assert_eq!(ledger.entries().count(), 2);
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
