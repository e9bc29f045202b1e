//! Tables that the programs print for people, as rows that can be compared: spacing, colour and the order of rows do not count.

use std::collections::{BTreeMap, BTreeSet};

use crate::graph::Reads;

/// Rows by name; what is in them as words.
pub type Rows = BTreeMap<String, BTreeSet<String>>;

/// What counts of an output.
pub fn rows(reads: Reads, output: &[String]) -> Rows {
    match reads {
        Reads::Nothing => Rows::new(),
        Reads::Status => status(output),
        Reads::Update => update(output),
        Reads::Words => {
            let words = output.iter().filter(|line| !line.starts_with(" *"));
            let words = words.flat_map(|line| line.split_whitespace()).map(str::to_owned).collect();
            Rows::from([("words".to_owned(), words)])
        }
        Reads::Existence => {
            let word = if output.iter().any(|line| !line.trim().is_empty()) { "some" } else { "none" };
            Rows::from([("output".to_owned(), BTreeSet::from([word.to_owned()]))])
        }
    }
}

/// `rc-status`: sections, and below them lines with a state in brackets.
fn status(output: &[String]) -> Rows {
    let mut rows = Rows::new();
    let mut section = "";
    for line in output.iter().filter(|line| !line.starts_with(" *")) {
        if let Some((_, name)) = line.split_once("unlevel: ") {
            section = name.trim();
            rows.entry(section.to_owned()).or_default();
        } else if let Some((name, state)) = line.split_once('[') {
            // A supervised service shows its age and number of restarts after the state.
            let state = state.trim_end_matches(']').split_whitespace().next().unwrap_or_default();
            rows.entry(format!("{section}/{}", name.trim())).or_default().insert(state.to_owned());
        }
    }
    rows
}

/// `rc-update show`: a service, a bar, runlevels.
fn update(output: &[String]) -> Rows {
    let split = output.iter().filter_map(|line| line.split_once('|'));
    split
        .map(|(name, levels)| (name.trim().to_owned(), levels.split_whitespace().map(str::to_owned).collect()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    fn show(rows: &Rows) -> Vec<String> {
        rows.iter()
            .map(|(name, words)| format!("{name}={}", words.iter().cloned().collect::<Vec<_>>().join("+")))
            .collect()
    }

    #[test]
    fn rows_of_each_table() {
        let status =
            "Runlevel: default\n a          [  started  ]\n b [  started 00:00:01 (0)  ]\nDynamic Runlevel: manual\n";
        assert_eq!(
            show(&rows(Reads::Status, &lines(status))),
            ["default=", "default/a=started", "default/b=started", "manual="]
        );
        let update = "      a |  default boot  \n   b |     \n * noise\n";
        assert_eq!(show(&rows(Reads::Update, &lines(update))), ["a=boot+default", "b="]);
        assert_eq!(show(&rows(Reads::Words, &lines("b a\n * Caching\nc"))), ["words=a+b+c"]);
        assert_eq!(show(&rows(Reads::Existence, &lines("  \n"))), ["output=none"]);
        assert!(rows(Reads::Nothing, &lines(status)).is_empty());
    }
}
