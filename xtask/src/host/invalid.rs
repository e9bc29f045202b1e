//! The error for a tree with findings: each is shown with the text of its file.

use ashlar_core::base::diag::{Diagnostic, Located};
use ashlar_core::base::event::counted;
use camino::Utf8Path;

use super::checkout::file;

/// Findings in the tree, each with its file's text.
#[derive(Debug, Clone, thiserror::Error)]
pub struct Invalid {
    /// The findings, as people read them and as programs do.
    pub findings: Vec<(String, Located)>,
}

impl std::fmt::Display for Invalid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.findings.iter().try_for_each(|(rendered, _)| writeln!(f, "{rendered}"))?;
        f.write_str(&counted(self.findings.len(), "finding"))
    }
}

impl Invalid {
    /// Findings that are all in one text.
    pub fn of(text: &str, findings: &[Diagnostic]) -> Self {
        Self { findings: findings.iter().map(|finding| with_text(finding, Some(text))).collect() }
    }
}

/// Renders findings with the text of their files.
pub fn invalid(root: &Utf8Path, findings: &[Diagnostic]) -> anyhow::Error {
    Invalid { findings: findings.iter().map(|finding| located(root, finding)).collect() }.into()
}

/// A finding as people read it and as programs do.
pub fn located(root: &Utf8Path, finding: &Diagnostic) -> (String, Located) {
    let text = finding.file.as_ref().and_then(|file| file::read_to_string(&root.join(file)).ok());
    with_text(finding, text.as_deref())
}

fn with_text(finding: &Diagnostic, text: Option<&str>) -> (String, Located) {
    (finding.render(text), finding.located(text))
}
