//! `check`: validates everything that needs no build.

use std::collections::BTreeMap;

use anyhow::Result;
use ashlar_core::model::recipe::Recipe;

use super::docs::DESCRIBED;
use crate::app::App;
use crate::exit::Exit;
use crate::host::repository::Repository;
use crate::host::{parallel, seed};

/// A tree without findings.
#[derive(Debug)]
pub struct Valid {
    /// The tree.
    pub repository: Repository,
    /// How many images it has.
    pub images: usize,
    /// How many ISO profiles it has.
    pub profiles: usize,
}

/// Validates the tree; fails with every finding at once.
pub fn run(app: &App) -> Result<Exit> {
    let Valid { repository, images, profiles } = valid(app)?;
    let recipes = repository.recipes.len();
    app.reporter.say(format!("{recipes} recipes, {images} images, {profiles} profiles: no findings"));
    Ok(Exit::Good)
}

/// Reads and validates the tree.
///
/// # Errors
/// Every finding at once; pages under `docs/` that are out of date.
pub fn valid(app: &App) -> Result<Valid> {
    let repository = app.whole_repository()?;
    repository.ledger(ashlar_core::base::name::Arch::X86_64)?;
    for name in seed::names(&app.root)? {
        seed::load(&app.root, &name)?;
    }
    let images = crate::compose::images(&repository)?;
    let profiles = crate::compose::profiles(&repository)?;
    let mut rendered = BTreeMap::new();
    for (name, profile) in &profiles {
        rendered.insert(name.as_str(), crate::compose::hardening(&repository, profile)?);
    }
    let recipes: Vec<&Recipe> = repository.recipes.values().collect();
    let readable = parallel::map(&recipes, |recipe| repository.package_files(recipe).map(drop));
    readable.into_iter().collect::<Result<()>>()?;
    let stale = super::docs::stale(&repository, rendered.get(DESCRIBED))?;
    if !stale.is_empty() {
        let pages: Vec<&str> = stale.keys().copied().collect();
        let list = pages.join(", ");
        return Err(Exit::OutOfDate.error(format!("out of date: {list}; `cargo xtask docs` writes them anew")));
    }
    Ok(Valid { images: images.len(), profiles: profiles.len(), repository })
}
