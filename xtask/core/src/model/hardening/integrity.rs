//! Layer 5: `integrity.toml` rendered as the list that the program `integrity` reads, which knows what its lines mean
//! (`programs/integrity/src/list.rs`).

use std::collections::BTreeSet;

use camino::Utf8Path;
use serde::Deserialize;

use super::layer::{Texts, text_of};
use super::rendered::Hardening;
use crate::base::diag::Diagnostic;
use crate::base::schema::{self, Document};

const DATA: &str = "hardening/5-audit/integrity.toml";
const FILE: &str = "usr/lib/ashlar/integrity";

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Watched {
    /// Absolute paths, with all that is in them.
    tree: Vec<Place>,
    /// The same, left out.
    skip: Vec<Place>,
    /// Relative to each person's home.
    home: Vec<Place>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Place {
    path: String,
    reason: String,
}

const DOCUMENT: Document = Document {
    noun: "watched path",
    syntax: "integrity::syntax",
    invisible: "integrity::invisible",
    unknown_key: "integrity::unknown-key",
    duplicate_key: "integrity::duplicate-key",
    wrong_type: "integrity::wrong-type",
    synonyms: &[("why", "reason"), ("watch", "tree"), ("ignore", "skip")],
};

pub(super) fn render(into: &mut Hardening, texts: &Texts, findings: &mut Vec<Diagnostic>) {
    let Some((file, text)) = text_of(texts, DATA, findings) else { return };
    let watched = match schema::read::<Watched>(text, file, &DOCUMENT) {
        Ok(watched) => watched,
        Err(finding) => return findings.push(finding),
    };
    validate(&watched, file, findings);
    let mut written = format!("# Written from {DATA}.\n");
    for (word, places) in [("tree", &watched.tree), ("skip", &watched.skip), ("home", &watched.home)] {
        written.extend(places.iter().map(|place| format!("# {}\n{word} {}\n", place.reason, place.path)));
    }
    into.put(FILE, 0o644, written);
}

fn validate(watched: &Watched, file: &Utf8Path, findings: &mut Vec<Diagnostic>) {
    let mut seen = BTreeSet::new();
    let mut add = |code, message: String, help: &str| {
        findings.push(Diagnostic::error(code, message).in_file(file).help(help));
    };
    let absolute = watched.tree.iter().chain(&watched.skip).map(|place| (place, true));
    for (Place { path, reason }, absolute) in absolute.chain(watched.home.iter().map(|place| (place, false))) {
        let plain = path.strip_prefix('/').unwrap_or(path).split('/').all(|part| !matches!(part, "" | "." | ".."));
        if !plain || path.starts_with('/') != absolute || path.contains(char::is_whitespace) {
            let help =
                "a tree and a skip begin with `/`, a home does not; none has `.`, `..`, spaces or a `/` at its end";
            add("integrity::path", format!("`{path}` is not a valid path here"), help);
        }
        if reason.len() < 10 || reason.contains('\n') {
            let help = "say in one line what its change would mean, or why it is left out";
            add("integrity::reason", format!("`{path}` has no reason of one line"), help);
        }
        if !seen.insert(path) {
            add("integrity::twice", format!("`{path}` is here twice"), "keep one");
        }
    }
    for Place { path, .. } in &watched.skip {
        let below = |tree: &Place| path.strip_prefix(tree.path.as_str()).is_some_and(|rest| rest.starts_with('/'));
        if !watched.tree.iter().any(below) {
            add("integrity::skip", format!("`{path}` is left out of nothing"), "remove it, or watch what it is in");
        }
    }
    if watched.tree.is_empty() {
        add("integrity::nothing", "nothing is watched".to_owned(), "add a [[tree]] with path and reason");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use camino::Utf8PathBuf;

    fn rendered(text: &str) -> (Hardening, String) {
        let texts = Texts::from([(Utf8PathBuf::from(DATA), text.to_owned())]);
        let (mut made, mut findings) = (Hardening::default(), Vec::new());
        render(&mut made, &texts, &mut findings);
        (made, findings.iter().map(|finding| finding.render(None) + "\n").collect())
    }

    #[test]
    fn the_list() {
        let (made, findings) = rendered(
            "[[home]]\npath = '.ssh'\nreason = 'Who gets in.'\n[[tree]]\npath = '/etc'\nreason = 'Configuration.'\n\
             [[skip]]\npath = '/etc/adjtime'\nreason = 'The clock.'\n",
        );
        assert_eq!(findings, "");
        assert_eq!(
            made.files[FILE].text,
            "# Written from hardening/5-audit/integrity.toml.\n# Configuration.\ntree /etc\n# The clock.\nskip /etc/adjtime\n\
             # Who gets in.\nhome .ssh\n"
        );
    }

    #[test]
    fn every_mistake_is_told() {
        let (_, findings) = rendered(
            "[[tree]]\npath = 'etc'\nreason = 'Configuration.'\n[[tree]]\npath = '/var/'\nreason = 'short'\n\
             [[skip]]\npath = '/opt/x'\nreason = 'Left out of nothing.'\n[[home]]\npath = '/.ssh'\nreason = 'Who gets in.'\n\
             [[home]]\npath = '/.ssh'\nreason = 'Who gets in.'\n",
        );
        insta::assert_snapshot!(findings);
        assert!(rendered("").1.contains("nothing is watched"));
    }

    #[test]
    fn the_committed_data_renders() {
        let (made, findings) = rendered(include_str!("../../../../../hardening/5-audit/integrity.toml"));
        assert_eq!(findings, "");
        assert!(made.files[FILE].text.contains("\ntree /etc\n"));
    }
}
