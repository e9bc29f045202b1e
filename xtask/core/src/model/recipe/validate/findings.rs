//! Collects the findings about one recipe.

use std::ops::Range;

use camino::Utf8PathBuf;

use crate::base::diag::Diagnostic;

/// Collects findings of one file.
pub(super) struct Findings {
    pub(super) file: Utf8PathBuf,
    pub(super) list: Vec<Diagnostic>,
}

impl Findings {
    pub(super) fn add(&mut self, finding: Diagnostic) {
        self.list.push(finding.in_file(self.file.clone()));
    }

    /// A required key that is absent from the table at `table` (`None`: the root).
    pub(super) fn missing(&mut self, key: &str, table: Option<(&str, Range<usize>)>, example: &str) {
        let finding = match table {
            None => Diagnostic::error("recipe::missing-key", format!("the recipe has no `{key}`")),
            Some((name, span)) => Diagnostic::error("recipe::missing-key", format!("this `{name}` has no `{key}`"))
                .at(span)
                .label(format!("needs `{key}`")),
        };
        self.add(finding.help(format!("add a line such as `{example}`")));
    }

    pub(super) fn sorted(mut self) -> Vec<Diagnostic> {
        self.list.sort_by_key(|finding| finding.span.as_ref().map_or(0, |span| span.start));
        self.list
    }
}
