//! The six layers by name, and the texts that each is read from.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use serde::Serialize;

use crate::base::diag::Diagnostic;

/// One layer of defence. Each stands without the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Layer {
    /// Configuration, command line and settings of the kernel.
    Kernel,
    /// Mandatory access control and file systems.
    Access,
    /// The packet filter.
    Network,
    /// Logins from outside.
    Ssh,
    /// What is recorded, and what changed.
    Audit,
    /// Services and containers, confined.
    Isolation,
}

impl Layer {
    /// All layers in order.
    pub const ALL: [Self; 6] = [Self::Kernel, Self::Access, Self::Network, Self::Ssh, Self::Audit, Self::Isolation];

    /// 1 to 6.
    pub fn number(self) -> u8 {
        self as u8 + 1
    }

    /// Its folder below `hardening/`, and its name in a profile.
    pub fn folder(self) -> &'static str {
        match self {
            Self::Kernel => "1-kernel",
            Self::Access => "2-access",
            Self::Network => "3-network",
            Self::Ssh => "4-ssh",
            Self::Audit => "5-audit",
            Self::Isolation => "6-isolation",
        }
    }

    /// The layer of a folder's name.
    pub fn named(folder: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|layer| layer.folder() == folder)
    }
}

/// Texts by path relative to the repository: everything below `hardening/`, and the kernel's configuration fragments.
pub type Texts = BTreeMap<Utf8PathBuf, String>;

/// The text of one file of a layer.
pub(super) fn text_of<'a>(
    texts: &'a Texts,
    path: &str,
    findings: &mut Vec<Diagnostic>,
) -> Option<(&'a Utf8Path, &'a str)> {
    let found = texts.get_key_value(Utf8Path::new(path));
    if found.is_none() {
        let finding = Diagnostic::error("hardening::missing", format!("{path} is missing"))
            .help("restore it; to build without the layer, name it in `layers_off` of the profile");
        findings.push(finding);
    }
    found.map(|(path, text)| (path.as_path(), text.as_str()))
}
