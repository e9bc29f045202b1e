//! Where in the text of an image or a profile its values are. The models hold values alone, so only a finding asks.

use std::ops::Range;

use toml::de::{DeTable, DeValue};

use crate::base::diag::{Diagnostic, line_of};

/// A value of the root by its key, or one element of it: a text of the list, a key of the table.
#[derive(Debug, Clone, Copy)]
pub(super) struct At<'a>(pub &'a str, pub Option<&'a str>);

impl At<'_> {
    /// The finding with its place, when the text has such a value.
    pub(super) fn point(self, text: &str, finding: Diagnostic) -> Diagnostic {
        match self.places(text).into_iter().next() {
            Some(place) => finding.at(place),
            None => finding,
        }
    }

    /// Every place, in their order: of an element, there may be several.
    fn places(self, text: &str) -> Vec<Range<usize>> {
        let Self(key, element) = self;
        let Ok(document) = DeTable::parse(text) else { return Vec::new() };
        let pairs = |table: &DeTable<'_>, key: &str| {
            let pairs = table.iter().filter(|(name, _)| name.get_ref() == key);
            pairs.map(|(name, value)| name.span().start..value.span().end).collect()
        };
        let value = document.get_ref().get(key).map(|value| value.get_ref());
        match (value, element) {
            (Some(DeValue::Array(list)), Some(element)) => {
                let same = list.iter().filter(|item| item.get_ref().as_str() == Some(element));
                same.map(|item| item.span()).collect()
            }
            (Some(DeValue::Table(table)), Some(element)) => pairs(table, element),
            _ => pairs(document.get_ref(), key),
        }
    }
}

/// A finding for each text that the list `key` has more than once.
pub(super) fn twice(text: &str, key: &str, list: &[String]) -> Vec<Diagnostic> {
    let again = list
        .iter()
        .enumerate()
        .filter(|(number, word)| list[..*number].iter().filter(|other| other == word).count() == 1);
    let finding = |(_, word): (usize, &String)| {
        let finding = Diagnostic::error("profile::twice", format!("`{word}` is in `{key}` twice"));
        match At(key, Some(word)).places(text).as_slice() {
            [first, second, ..] => {
                let line = line_of(text, first.start);
                finding.at(second.clone()).label(format!("second mention; the first is in line {line}"))
            }
            _ => finding,
        }
        .help("keep one of the two")
    };
    again.map(finding).collect()
}
