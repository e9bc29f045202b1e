//! What a lint reports.

/// What a rule says, before name, severity and remedy are added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// Path in the tree.
    pub path: String,
    /// What is wrong, in one sentence that names the path's part (archive member) where there is one.
    pub message: String,
    /// Byte offset and the text around it.
    pub place: Option<(u64, String)>,
}

impl Hit {
    /// About a whole path.
    pub fn new(path: &str, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), message: message.into(), place: None }
    }
}
