//! Two builds side by side, as a table for documents.

use std::collections::BTreeMap;

use super::compare::ReproVerdict;
use crate::base::digest::Digest;

/// An output of two builds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// What the first build made.
    pub first: Side,
    /// What the second build made; absent when it failed.
    pub second: Option<Side>,
    /// What the comparison says.
    pub verdict: ReproVerdict,
}

/// What one of the builds made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Side {
    /// Digest of the output.
    pub digest: Digest,
    /// How long it took, where that was measured.
    pub seconds: Option<u64>,
}

impl Side {
    /// An output whose making was not measured.
    pub fn unmeasured(digest: Digest) -> Self {
        Self { digest, seconds: None }
    }
}

/// Markdown: a row for each output, with the first 16 hex digits of each digest and the seconds of each build.
pub fn table(outputs: &BTreeMap<String, Comparison>, (first, second): (&str, &str)) -> String {
    let mut text = format!("| output | {first} | {second} | equal | s | s |\n|---|---|---|---|--:|--:|\n");
    let digest = |side: &Side| format!("`{}`", side.digest.to_string().get(..16).unwrap_or_default());
    let seconds = |side: &Side| side.seconds.map(|seconds| seconds.to_string()).unwrap_or_default();
    for (name, Comparison { first: a, second, verdict }) in outputs {
        let equal = if verdict.is_good() { "yes" } else { "**no**" };
        let (b, time) = second.as_ref().map_or_else(Default::default, |b| (digest(b), seconds(b)));
        text.push_str(&format!("| {name} | {} | {b} | {equal} | {} | {time} |\n", digest(a), seconds(a)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_for_each_output() {
        let side = |text: &str, seconds| Side { digest: Digest::of(text), seconds };
        let good = Comparison {
            first: side("a", Some(3)),
            second: Some(side("a", Some(4))),
            verdict: ReproVerdict::Reproduced,
        };
        let failed = ReproVerdict::BuildFailed("no".into());
        let bad = Comparison { first: side("b", None), second: None, verdict: failed };
        let outputs = [("zlib".to_owned(), good), ("iso/minimal".to_owned(), bad)].into();
        insta::assert_snapshot!(table(&outputs, ("debian", "zig")), @r"
        | output | debian | zig | equal | s | s |
        |---|---|---|---|--:|--:|
        | iso/minimal | `3e23e8160039594a` |  | **no** |  |  |
        | zlib | `ca978112ca1bbdca` | `ca978112ca1bbdca` | yes | 3 | 4 |
        ");
    }
}
