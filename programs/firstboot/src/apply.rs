//! Applies a plan. Every file is first written beside its place; then all of them are renamed into place. So a full
//! disk or a missing directory fails before anything has changed.

use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::plan::Step;

/// A failed plan.
#[derive(Debug)]
pub struct Failed {
    /// The step that failed.
    pub step: String,
    /// The reason.
    pub error: io::Error,
    /// Whether something had changed before.
    pub changed: bool,
}

impl std::fmt::Display for Failed {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let state = if self.changed {
            "A part of the configuration is in place; restart the machine, which forgets it"
        } else {
            "Nothing was changed"
        };
        write!(to, "failed to {}: {}. {state}.", self.step, self.error)
    }
}

/// Applies `steps` below `root`, which is `/` except in tests; reports commands that failed to `say`.
///
/// # Errors
/// The first step that failed. A failed command is reported, and the plan goes on.
pub fn apply(steps: &[Step], root: &Path, say: &mut dyn FnMut(String)) -> Result<(), Failed> {
    let mut staged = Vec::new();
    for (number, step) in steps.iter().enumerate() {
        match stage(step, number, root) {
            Ok(path) => staged.push(path),
            Err(error) => {
                discard(&staged);
                return Err(Failed { step: step.to_string(), error, changed: false });
            }
        }
    }
    let mut changed = false;
    for (step, temporary) in steps.iter().zip(&staged) {
        if let Err(error) = finish(step, temporary.as_deref(), root, say) {
            discard(&staged);
            return Err(Failed { step: step.to_string(), error, changed });
        }
        changed = true;
    }
    Ok(())
}

/// The place of an absolute path below `root`.
fn below(root: &Path, path: &str) -> PathBuf {
    root.join(path.trim_start_matches('/'))
}

/// Prepares a step without any visible effect; returns the rename that is left to do.
fn stage(step: &Step, number: usize, root: &Path) -> io::Result<Option<PathBuf>> {
    match step {
        Step::Directory { path, mode, owner } => directory(&below(root, path), *mode, *owner).map(|()| None),
        Step::File { path, mode, owner, content, .. } => {
            let temporary = beside(&below(root, path), number)?;
            // Not O_TRUNC on an existing file: a new file, closed to others until it has its mode and owner.
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
            file.write_all(content.as_bytes())?;
            file.set_permissions(Permissions::from_mode(*mode))?;
            own(&temporary, *owner)?;
            file.sync_all()?;
            Ok(Some(temporary))
        }
        Step::Link { path, target } => {
            let temporary = beside(&below(root, path), number)?;
            symlink(target, &temporary)?;
            Ok(Some(temporary))
        }
        Step::Name(_) | Step::Command(_) => Ok(None),
    }
}

/// An unused name in the same directory, which is created if it is missing.
fn beside(path: &Path, number: usize) -> io::Result<PathBuf> {
    if path.symlink_metadata().is_ok_and(|found| found.is_dir()) {
        return Err(io::Error::new(io::ErrorKind::IsADirectory, "a directory has this name"));
    }
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".new-{number}"));
    let temporary = PathBuf::from(name);
    match fs::remove_file(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(temporary), // remains of an interrupted attempt
    }
}

fn directory(path: &Path, mode: u32, owner: u32) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => {}
        Ok(_) => return Err(io::Error::new(io::ErrorKind::AlreadyExists, "something else has this name")),
        Err(_) => {
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent)?;
            }
            DirBuilder::new().mode(0o700).create(path)?;
        }
    }
    fs::set_permissions(path, Permissions::from_mode(mode))?;
    own(path, owner)
}

/// Changes the owner of a path. Files of root are root's already.
fn own(path: &Path, owner: u32) -> io::Result<()> {
    if owner == 0 {
        return Ok(());
    }
    chown(path, Some(owner), Some(owner))
}

fn finish(step: &Step, temporary: Option<&Path>, root: &Path, say: &mut dyn FnMut(String)) -> io::Result<()> {
    match (step, temporary) {
        (Step::File { path, .. } | Step::Link { path, .. }, Some(temporary)) => {
            fs::rename(temporary, below(root, path))
        }
        (Step::Name(name), _) => fs::write(below(root, "/proc/sys/kernel/hostname"), name),
        (Step::Command(words), _) => {
            run(words, say);
            Ok(())
        }
        _ => Ok(()), // `stage` made the directories
    }
}

fn run(words: &[String], say: &mut dyn FnMut(String)) {
    let Some((program, arguments)) = words.split_first() else { return };
    match Command::new(program).args(arguments).stdin(Stdio::null()).status() {
        Ok(status) if status.success() => {}
        Ok(status) => say(format!("command {words:?} ended with {status}; continuing")),
        Err(error) => say(format!("command {words:?} was not started: {error}; continuing")),
    }
}

/// Removes files that were not renamed.
fn discard(staged: &[Option<PathBuf>]) {
    for path in staged.iter().flatten() {
        // A missing file was renamed; one that cannot be removed does no harm, because nothing reads its name.
        let _removed = fs::remove_file(path);
    }
}

#[cfg(test)]
#[path = "apply_tests.rs"]
mod tests;
