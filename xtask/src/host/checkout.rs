//! Files of the checkout, which may be that of a stranger's pull request: plain files and directories, and nothing that a link in
//! it leads to.
//!
//! A link could show a build, or a diagnostic, any file of the host; a fifo would never be read to its end.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, FileType};
use std::io::Read as _;
use std::os::unix::fs::FileTypeExt as _;

use anyhow::{Context as _, Result, bail};
use ashlar_core::base::diag::Diagnostic;
use camino::{Utf8Path, Utf8PathBuf};
use rustix::fs::{Mode, OFlags};

use super::repository::invalid;

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

/// Opens a plain file for reading. `file` itself is not followed when it is a link.
///
/// # Errors
/// When it cannot be opened, or is no plain file.
pub fn open(file: &Utf8Path) -> Result<File> {
    // Without NONBLOCK the opening of a fifo would wait for a writer.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let opened = match rustix::fs::open(file.as_std_path(), flags, Mode::empty()) {
        Err(rustix::io::Errno::LOOP) => bail!("{file} is a symbolic link; put the file itself there"),
        other => File::from(other.map_err(std::io::Error::from).with_context(|| format!("opening {file}"))?),
    };
    if !opened.metadata()?.is_file() {
        bail!("{file} is no plain file; only files and directories are read here");
    }
    Ok(opened)
}

/// The bytes of a plain file; see [`open`].
pub fn read(file: &Utf8Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(file)?.read_to_end(&mut bytes).with_context(|| format!("reading {file}"))?;
    Ok(bytes)
}

/// The text of a plain file; see [`open`].
pub fn read_to_string(file: &Utf8Path) -> Result<String> {
    String::from_utf8(read(file)?).with_context(|| format!("{file} is not UTF-8"))
}

#[cfg(test)]
mod tests;
