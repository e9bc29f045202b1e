//! pip, in an environment of its own: the client of the Python package index.

use anyhow::{Context as _, Result};
use ashlar_core::base::command::Command;
use camino::{Utf8Path, Utf8PathBuf};

use super::exec;

/// Makes environments of Python programs.
pub const PYTHON: &str = "python3";

/// Makes the environment `dir`, which must not be there; gives its pip.
///
/// # Errors
/// When Python or its module `venv` is missing.
pub fn install(dir: &Utf8Path) -> Result<Utf8PathBuf> {
    exec::read(&Command::new(PYTHON).args(["-m", "venv", dir.as_str()])).context("making an environment of Python")?;
    Ok(dir.join("bin/pip"))
}

/// Runs `pip` on a file of requirements; `arguments` are the subcommand and its options.
///
/// # Errors
/// What it printed.
pub fn run(pip: &Utf8Path, arguments: &[&str], requirements: &Utf8Path) -> Result<()> {
    let pip = Command::new(pip.as_str()).args(arguments.iter().copied()).args([
        "--quiet",
        "--disable-pip-version-check",
        "--requirement",
        requirements.as_str(),
    ]);
    exec::read(&pip).map(drop)
}
