//! `check`: validates everything that can be judged without building.

use anyhow::Result;

use super::App;
use crate::exit::Exit;

/// Validates the tree; fails with every finding at once.
pub fn run(app: &App) -> Result<Exit> {
    let repository = app.repository()?;
    repository.ledger(ashlar_core::name::Arch::X86_64)?;
    let images = crate::compose::images(&repository)?;
    let profiles = crate::compose::profiles(&repository)?;
    for (name, profile) in &profiles {
        crate::compose::hardening(&repository, name, profile)?;
    }
    for recipe in repository.recipes.values() {
        repository.package_files(recipe)?;
    }
    println!("{} recipes, {} images, {} profiles: no findings", repository.recipes.len(), images.len(), profiles.len());
    Ok(Exit::Good)
}
