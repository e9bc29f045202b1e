//! The six layers: the data below `hardening/` in, files of the root and checks of the running system out.
//!
//! One submodule per layer. The same data gives the configuration, the checks that `ashlar-audit` makes on the running
//! system, and the documentation, so none of them can drift. What runs tools over the data (AppArmor's parser) is in
//! `xtask/src/compose`.

pub mod apparmor;
pub mod audit;
pub mod check;
pub mod docs;
pub mod integrity;
pub mod isolation;
pub mod kernel;
mod layer;
pub mod measured;
pub mod network;
pub mod options;
mod rendered;
mod setting;
pub mod ssh;

use std::collections::BTreeSet;

use camino::Utf8Path;

pub use layer::{Layer, Texts};
pub use rendered::{Hardening, RootFile};

use crate::base::diag::{Diagnostic, suggest};

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
        let checks = check::render(&made.checks);
        check::understood(&checks, &mut findings);
        made.put(CHECKS, 0o644, checks);
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
                    Ok(mut checks) => {
                        network::name_admitted(&mut checks, texts, findings);
                        self.checks.extend(checks);
                    }
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
}

/// The layers that a profile switches off, by the names of their folders.
///
/// # Errors
/// A finding for each name that is not a layer.
pub fn switched_off(names: &[String], file: &Utf8Path) -> Result<BTreeSet<Layer>, Vec<Diagnostic>> {
    let mut off = BTreeSet::new();
    let mut findings = Vec::new();
    for name in names {
        match Layer::named(name) {
            Some(layer) => drop(off.insert(layer)),
            None => findings.push(unknown_layer(name).in_file(file)),
        }
    }
    if findings.is_empty() { Ok(off) } else { Err(findings) }
}

/// That a profile switches off what is no layer.
pub fn unknown_layer(name: &str) -> Diagnostic {
    let folders = Layer::ALL.map(Layer::folder);
    let help = match suggest(name, folders) {
        Some(close) => format!("did you mean `{close}`?"),
        None => format!("layers: {}", folders.join(", ")),
    };
    Diagnostic::error("profile::unknown-layer", format!("there is no layer `{name}` to switch off")).help(help)
}

#[cfg(test)]
mod tests;
