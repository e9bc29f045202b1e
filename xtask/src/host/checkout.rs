//! Files of the checkout, which may come from an untrusted pull request: plain files and directories. Links are not followed.
//!
//! A link could show a build, or a diagnostic, any file of the host; reading a fifo would never end.

pub(super) mod file;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::FileType;
use std::os::unix::fs::FileTypeExt as _;

use anyhow::{Context as _, Result};
use ashlar_core::base::diag::Diagnostic;
use camino::{Utf8Path, Utf8PathBuf};

pub use file::{open, read, read_to_string, read_with_mode};

use super::invalid::invalid;

/// What is below a folder.
#[derive(Debug, Default)]
pub struct Listing {
    /// Every name that is no directory, relative to the folder.
    pub names: BTreeSet<String>,
    /// Those that are no plain files either.
    pub refused: BTreeMap<String, Diagnostic>,
}

impl Listing {
    /// Whether there is a plain file of that name.
    pub fn has_file(&self, name: &str) -> bool {
        self.names.contains(name) && !self.refused.contains_key(name)
    }
}

/// What is below `folder` of the checkout at `root`. Cargo's build directory and hidden files are left out.
pub fn list(root: &Utf8Path, folder: &Utf8Path) -> Result<Listing> {
    let mut listing = Listing::default();
    let mut pending = vec![Utf8PathBuf::new()];
    while let Some(inner) = pending.pop() {
        let at = root.join(folder).join(&inner);
        for entry in at.read_dir_utf8().with_context(|| format!("reading {at}"))? {
            let entry = entry?;
            let (path, kind) = (inner.join(entry.file_name()), entry.file_type()?);
            if entry.file_name().starts_with('.') {
                continue;
            }
            if kind.is_dir() {
                if entry.file_name() != "target" {
                    pending.push(path);
                }
                continue;
            }
            if !kind.is_file() {
                listing.refused.insert(path.to_string(), no_file(&folder.join(&path), kind));
            }
            listing.names.insert(path.into_string());
        }
    }
    Ok(listing)
}

/// Every file below `folder` of the checkout at `root`, relative to the folder.
///
/// # Errors
/// A finding for each name that is neither a plain file nor a directory.
pub fn files_below(root: &Utf8Path, folder: &Utf8Path) -> Result<BTreeSet<String>> {
    let Listing { names, refused } = list(root, folder)?;
    if refused.is_empty() { Ok(names) } else { Err(invalid(root, &refused.into_values().collect::<Vec<_>>())) }
}

/// The directories in `folder`, and a finding for each name that is neither a directory nor a plain file.
pub fn folders(root: &Utf8Path, folder: &Utf8Path) -> Result<(BTreeSet<String>, Vec<Diagnostic>)> {
    let (mut names, mut refused) = (BTreeSet::new(), BTreeMap::new());
    let at = root.join(folder);
    for entry in at.read_dir_utf8().with_context(|| format!("reading {at}"))? {
        let entry = entry?;
        let (name, kind) = (entry.file_name().to_owned(), entry.file_type()?);
        if kind.is_dir() {
            names.insert(name);
        } else if !kind.is_file() {
            refused.insert(name.clone(), no_file(&folder.join(&name), kind));
        }
    }
    Ok((names, refused.into_values().collect()))
}

/// The directories in all of `places`, sorted within each, as paths relative to the root, but for cargo's build directory. A place that is not there has none.
pub fn folders_of(root: &Utf8Path, places: &[&str]) -> Result<(Vec<Utf8PathBuf>, Vec<Diagnostic>)> {
    let (mut paths, mut refused) = (Vec::new(), Vec::new());
    for place in places.iter().map(Utf8Path::new).filter(|place| root.join(place).exists()) {
        let (names, others) = folders(root, place)?;
        paths.extend(names.iter().filter(|name| *name != "target").map(|name| place.join(name)));
        refused.extend(others);
    }
    Ok((paths, refused))
}

fn no_file(path: &Utf8Path, kind: FileType) -> Diagnostic {
    let what = match kind {
        _ if kind.is_symlink() => "a symbolic link",
        _ if kind.is_fifo() => "a fifo",
        _ if kind.is_socket() => "a socket",
        _ => "a device",
    };
    Diagnostic::error("tree::no-file", format!("{path} is {what}"))
        .in_file(path)
        .label(
            "only files and directories are read here: anything else could show a build what is elsewhere on its host",
        )
        .help("put the file itself there; what an image has as a link is made by a package's `install` phase")
}

#[cfg(test)]
mod tests;
