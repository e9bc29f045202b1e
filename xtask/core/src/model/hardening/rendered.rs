//! The output of the layers: files of the root, and checks of the running system.

use std::collections::BTreeMap;

use serde::Serialize;

use super::check::HardeningCheck;

/// A file that a layer puts into the root, owned by root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RootFile {
    /// Permission bits.
    pub mode: u32,
    /// Content.
    pub text: String,
}

/// What the layers give.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Hardening {
    /// Files by path in the root, without a leading slash.
    pub files: BTreeMap<String, RootFile>,
    /// Checks in order of layer and file.
    pub checks: Vec<HardeningCheck>,
}

impl Hardening {
    /// Adds a file of the root.
    pub(super) fn put(&mut self, path: &str, mode: u32, text: String) {
        self.files.insert(path.to_owned(), RootFile { mode, text });
    }
}
