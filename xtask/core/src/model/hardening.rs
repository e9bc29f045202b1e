//! The six layers: the data below `hardening/` in, files of the root and checks of the running system out.
//!
//! One submodule per layer. The same data gives the configuration, the checks that `ashlar-audit` makes on the running
//! system, and the documentation, so none of them can drift. What runs tools over the data (AppArmor's parser) is in
//! `xtask/src/compose`.

pub mod about;
pub mod apparmor;
pub mod audit;
pub mod check;
pub mod docs;
pub mod integrity;
pub mod isolation;
pub mod kernel;
pub mod measured;
pub mod network;
pub mod ssh;

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};
use serde::Serialize;

use crate::base::diag::{Diagnostic, suggest};
use check::Check;

/// Where the checks are in the root.
pub const CHECKS: &str = "usr/lib/ashlar/checks";

/// The layers that are on, one folder name a line: a service whose layer is off has nothing to load, which is not a failure.
pub const LAYERS: &str = "usr/lib/ashlar/layers";

/// Data that goes into the root as it is: layer, file or suffix of files in its folder, place in the root, mode.
const COPIES: &[(Layer, &str, &str, u32)] = &[
    // What the profiles were compiled for: compared with the running kernel.
    (Layer::Access, "features", "usr/lib/apparmor/features", 0o644),
    // Shown before a login, on consoles and over SSH.
    (Layer::Ssh, "issue", "etc/issue", 0o644),
    (Layer::Ssh, "issue", "etc/issue.net", 0o644),
    // A service's profile of its own is /etc/confine/NAME.toml; these are what the image was made with.
    (Layer::Isolation, "*.toml", "usr/lib/confine/", 0o644),
    (Layer::Isolation, "containers/seccomp.toml", "usr/lib/container/seccomp.toml", 0o644),
];

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
    pub checks: Vec<Check>,
}

impl Hardening {
    /// Renders all layers but those in `off`.
    ///
    /// # Errors
    /// Every finding in the data.
    pub fn render(texts: &Texts, off: &BTreeSet<Layer>) -> Result<Self, Vec<Diagnostic>> {
        let mut made = Self::default();
        let mut findings = Vec::new();
        let on: Vec<Layer> = Layer::ALL.into_iter().filter(|layer| !off.contains(layer)).collect();
        for layer in &on {
            made.layer(*layer, off, texts, &mut findings);
        }
        if off.contains(&Layer::Ssh) {
            ssh::render_essential(&mut made, texts, &mut findings);
        }
        check::unique(&made.checks, &mut findings);
        made.put(LAYERS, 0o644, on.iter().map(|layer| format!("{}\n", layer.folder())).collect());
        made.put(CHECKS, 0o644, check::render(&made.checks));
        if findings.is_empty() { Ok(made) } else { Err(findings) }
    }

    fn layer(&mut self, layer: Layer, off: &BTreeSet<Layer>, texts: &Texts, findings: &mut Vec<Diagnostic>) {
        match layer {
            Layer::Kernel => kernel::render(self, texts, findings),
            Layer::Network => network::render(self, texts, findings),
            Layer::Ssh => ssh::render(self, texts, findings),
            Layer::Audit => {
                audit::render(self, texts, findings);
                integrity::render(self, texts, findings);
            }
            _ => {}
        }
        let folder = Utf8Path::new("hardening").join(layer.folder());
        for (path, text) in texts.iter().filter(|(path, _)| path.starts_with(&folder)) {
            let name = path.strip_prefix(&folder).unwrap_or(path).as_str();
            if path.file_name() == Some("checks.toml") {
                match check::parse(layer, text, path, off) {
                    Ok(checks) => self.checks.extend(checks),
                    Err(found) => findings.extend(found),
                }
                continue;
            }
            for (_, source, to, mode) in COPIES.iter().filter(|(of, ..)| *of == layer) {
                match source.strip_prefix('*') {
                    Some(suffix) if name.ends_with(suffix) && !name.contains('/') => {
                        self.put(&format!("{to}{name}"), *mode, text.clone());
                    }
                    None if name == *source => self.put(to, *mode, text.clone()),
                    _ => {}
                }
            }
        }
    }

    /// Adds a file of the root.
    fn put(&mut self, path: &str, mode: u32, text: String) {
        self.files.insert(path.to_owned(), RootFile { mode, text });
    }
}

/// The layers that a profile switches off, by the names of their folders.
///
/// # Errors
/// A finding for each name that is no layer.
pub fn switched_off(names: &[String], file: &Utf8Path) -> Result<BTreeSet<Layer>, Vec<Diagnostic>> {
    let mut off = BTreeSet::new();
    let mut findings = Vec::new();
    for name in names {
        match Layer::named(name) {
            Some(layer) => drop(off.insert(layer)),
            None => {
                let folders = Layer::ALL.map(Layer::folder);
                let help = match suggest(name, folders) {
                    Some(close) => format!("did you mean `{close}`?"),
                    None => format!("layers: {}", folders.join(", ")),
                };
                let message = format!("there is no layer `{name}` to switch off");
                findings.push(Diagnostic::error("profile::unknown-layer", message).in_file(file).help(help));
            }
        }
    }
    if findings.is_empty() { Ok(off) } else { Err(findings) }
}

/// The text of one file of a layer.
fn text_of<'a>(texts: &'a Texts, path: &str, findings: &mut Vec<Diagnostic>) -> Option<(&'a Utf8Path, &'a str)> {
    let found = texts.get_key_value(Utf8Path::new(path));
    if found.is_none() {
        let finding = Diagnostic::error("hardening::missing", format!("{path} is missing"))
            .help("restore it; to build without the layer, name it in `layers_off` of the profile");
        findings.push(finding);
    }
    found.map(|(path, text)| (path.as_path(), text.as_str()))
}

#[cfg(test)]
mod tests;
