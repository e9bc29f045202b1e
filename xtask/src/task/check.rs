//! `check`: validates everything that can be judged without building.

use anyhow::Result;

use crate::app::App;
use crate::exit::Exit;

/// Validates the tree; fails with every finding at once.
pub fn run(app: &App) -> Result<Exit> {
    let repository = app.whole_repository()?;
    repository.ledger(ashlar_core::base::name::Arch::X86_64)?;
    let images = crate::compose::images(&repository)?;
    let profiles = crate::compose::profiles(&repository)?;
    for profile in profiles.values() {
        crate::compose::hardening(&repository, profile)?;
    }
    for recipe in repository.recipes.values() {
        repository.package_files(recipe)?;
    }
    let stale = super::docs::stale(&repository)?;
    if !stale.is_empty() {
        let pages: Vec<&str> = stale.keys().copied().collect();
        let list = pages.join(", ");
        return Err(Exit::OutOfDate.error(format!("out of date: {list}; `cargo xtask docs` writes them anew")));
    }
    app.reporter.say(format!(
        "{} recipes, {} images, {} profiles: no findings",
        repository.recipes.len(),
        images.len(),
        profiles.len()
    ));
    Ok(Exit::Good)
}
