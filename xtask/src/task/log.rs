//! `log`: what a package's last build printed.

use anyhow::{Context as _, Result};
use ashlar_core::base::name::PkgName;

use crate::app::App;
use crate::exit::Exit;

/// Prints all logs in the order they were written, or one phase's.
pub fn run(app: &App, package: &PkgName, phase: Option<&str>) -> Result<Exit> {
    let repository = app.repository()?;
    let dir = app.store()?.logs(&repository.recipe_of(package)?.name);
    let mut logs = dir
        .read_dir_utf8()
        .with_context(|| format!("{package} was not built in this store yet; `cargo xtask build-pkg {package}`"))?
        .map(|entry| Ok(entry?.into_path()))
        .collect::<Result<Vec<_>>>()?;
    // Beside them lie the commands of those that failed.
    logs.retain(|path| path.extension() == Some("log"));
    logs.sort_by_key(|path| path.metadata().and_then(|meta| meta.modified()).ok());
    let chosen: Vec<_> = logs.iter().filter(|path| phase.is_none_or(|phase| path.file_stem() == Some(phase))).collect();
    if chosen.is_empty() {
        let names: Vec<_> = logs.iter().filter_map(|path| path.file_stem()).collect();
        anyhow::bail!("no log of `{}`; there are: {}", phase.unwrap_or("any phase"), names.join(", "));
    }
    for log in chosen {
        app.reporter.say(format!("==> {log}"));
        app.reporter.say(String::from_utf8_lossy(&fs_err::read(log)?));
    }
    Ok(Exit::Good)
}
