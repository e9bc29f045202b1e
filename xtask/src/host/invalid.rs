//! The error for a tree with findings: each is shown with the text of its file.

use ashlar_core::base::diag::Diagnostic;
use camino::Utf8Path;

use super::checkout::file;

/// Findings in the tree, each with its file's text.
#[derive(Debug, thiserror::Error)]
pub struct Invalid {
    /// Rendered findings.
    pub rendered: Vec<String>,
}

impl std::fmt::Display for Invalid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}\n{} finding(s)", self.rendered.join("\n"), self.rendered.len())
    }
}

/// Renders findings with the text of their files.
pub fn invalid(root: &Utf8Path, findings: &[Diagnostic]) -> anyhow::Error {
    let render = |finding: &Diagnostic| {
        let text = finding.file.as_ref().and_then(|file| file::read_to_string(&root.join(file)).ok());
        finding.render(text.as_deref())
    };
    Invalid { rendered: findings.iter().map(render).collect() }.into()
}
