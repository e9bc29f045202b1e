//! `fetch`: everything that builds will need from the network, now.

use anyhow::{Result, bail};
use ashlar_core::base::name::PkgName;
use ashlar_core::model::recipe::Recipe;

use crate::app::App;
use crate::exit::Exit;
use crate::host::fetch::Fetcher;
use crate::host::mirror::Mirrors;
use crate::host::{crates, seed};

/// Fetches the sources and crates of `packages`, or of all and the seed.
pub fn run(app: &App, packages: &[PkgName], all: bool) -> Result<Exit> {
    if packages.is_empty() && !all {
        bail!("name packages, or say `--all`");
    }
    let repository = if all { app.whole_repository()? } else { app.repository()? };
    let store = app.store()?;
    let (def, lock) = seed::load(&app.root)?;
    let mirrors = Mirrors::detect(Some(&def.snapshot))?;
    let fetcher = Fetcher::new(store.root(), mirrors, app.global.offline, &app.reporter)?;
    let recipes: Vec<&Recipe> = if all {
        repository.recipes.values().collect()
    } else {
        packages.iter().map(|name| repository.recipe_of(name)).collect::<Result<_>>()?
    };
    let mut wanted: Vec<_> = recipes.iter().flat_map(|recipe| fetcher.wanted_sources(&recipe.sources)).collect();
    if all {
        wanted.extend(seed::wanted(&lock, &fetcher));
    }
    fetcher.fetch(&wanted)?;
    let mut count = wanted.len();
    for recipe in recipes {
        let pinned = repository.package_files(recipe)?.crates;
        if !pinned.is_empty() {
            crates::ensure(store.root(), &pinned, app.global.offline)?;
            count += pinned.len();
        }
    }
    app.reporter.say(format!("{count} files are in the store"));
    Ok(Exit::Good)
}
