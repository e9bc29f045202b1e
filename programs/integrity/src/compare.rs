//! Two states, and what differs. No effects.

use crate::entry::{Attributes, Content, Entry, State, hex};
use crate::spec::spell;

/// One path that is not as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The path.
    pub path: Vec<u8>,
    /// How it was, if it was.
    pub before: Option<Entry>,
    /// How it is, if it is.
    pub after: Option<Entry>,
}

impl Change {
    /// `added`, `removed` or `changed`.
    pub fn what(&self) -> &'static str {
        match (&self.before, &self.after) {
            (None, _) => "added",
            (_, None) => "removed",
            _ => "changed",
        }
    }

    /// Name of each part that differs, its old value and its new one.
    pub fn parts(&self) -> Vec<(&'static str, String, String)> {
        let (Some(before), Some(after)) = (&self.before, &self.after) else { return Vec::new() };
        let word = |attributes: Attributes| attributes.word().unwrap_or_else(|| "-".to_owned());
        let [old, new] = [spelled(&before.content), spelled(&after.content)];
        let ([old_digest, old_target, old_device], [new_digest, new_target, new_device]) = (old, new);
        let parts = [
            ("kind", before.kind.name().to_owned(), after.kind.name().to_owned()),
            ("mode", format!("{:04o}", before.mode), format!("{:04o}", after.mode)),
            ("uid", before.uid.to_string(), after.uid.to_string()),
            ("gid", before.gid.to_string(), after.gid.to_string()),
            ("size", before.size.to_string(), after.size.to_string()),
            ("sha256", old_digest, new_digest),
            ("target", old_target, new_target),
            ("device", old_device, new_device),
            ("attributes", word(before.attributes), word(after.attributes)),
        ];
        parts.into_iter().filter(|(_, before, after)| before != after).collect()
    }
}

/// A content as digest, target and device, with `-` for those that it is not. What is not known of it stands in the digest's place.
fn spelled(content: &Content) -> [String; 3] {
    let none = || "-".to_owned();
    match content {
        Content::Digest(digest) => [hex(digest), none(), none()],
        Content::Target(target) => [none(), spell(target), none()],
        Content::Device { major, minor } => [none(), none(), format!("{major},{minor}")],
        other => [other.gap().unwrap_or("-").to_owned(), none(), none()],
    }
}

/// Every difference, sorted by path.
pub fn compare(before: &State, after: &State) -> Vec<Change> {
    let gone = before.keys().filter(|path| !after.contains_key(*path));
    let mut paths: Vec<&Vec<u8>> = after.keys().chain(gone).collect();
    paths.sort();
    paths
        .into_iter()
        .map(|path| Change { path: path.clone(), before: before.get(path).cloned(), after: after.get(path).cloned() })
        .filter(|change| change.before != change.after)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::tests::any;

    #[test]
    fn a_state_does_not_differ_from_itself() {
        testkit::fuzz::repeat(3, crate::FUZZ_ALPHABET, |random| {
            let state = any(random);
            assert_eq!(compare(&state, &state.clone()), []);
        });
    }

    #[test]
    fn the_differences_lead_from_one_state_to_the_other() {
        testkit::fuzz::repeat(4, crate::FUZZ_ALPHABET, |random| {
            let (before, after) = (any(random), any(random));
            let mut state = before.clone();
            for change in compare(&before, &after) {
                assert_eq!(state.get(&change.path), change.before.as_ref());
                assert_eq!(change.what() == "changed", !change.parts().is_empty());
                match change.after {
                    Some(entry) => drop(state.insert(change.path, entry)),
                    None => drop(state.remove(&change.path)),
                }
            }
            assert_eq!(state, after);
        });
    }

    #[test]
    fn the_other_way_round_is_the_opposite() {
        testkit::fuzz::repeat(5, crate::FUZZ_ALPHABET, |random| {
            let (one, other) = (any(random), any(random));
            let turned: Vec<Change> = compare(&other, &one)
                .into_iter()
                .map(|change| Change { path: change.path, before: change.after, after: change.before })
                .collect();
            assert_eq!(compare(&one, &other), turned);
        });
    }
}
