//! `fetch`: everything that builds will need from the network, now; or which locations have it.

use std::collections::BTreeSet;

use anyhow::{Result, bail};
use ashlar_core::base::name::PkgName;
use ashlar_core::model::recipe::Recipe;
use ashlar_core::model::seed::SeedName;
use ashlar_core::plan::PlannedCrate;

use crate::app::App;
use crate::exit::Exit;
use crate::host::fetch::Fetcher;
use crate::host::mirror::Mirrors;
use crate::host::{crates, seed};

/// Fetches the sources and crates of `packages`, or of all and the seed.
pub fn run(app: &App, packages: &[PkgName], all: bool, check_locations: bool) -> Result<Exit> {
    if packages.is_empty() && !all {
        bail!("name packages, or say `--all`");
    }
    let repository = if all { app.whole_repository()? } else { app.repository()? };
    let store = app.store()?;
    let resolved = seed::load(&app.root, &SeedName::default())?;
    let mirrors = Mirrors::detect(Some(&resolved.snapshot))?;
    let fetcher = Fetcher::new(store.root(), mirrors, app.global.offline, &app.reporter)?;
    let recipes: Vec<&Recipe> = if all {
        repository.recipes.values().collect()
    } else {
        packages.iter().map(|name| repository.recipe_of(name)).collect::<Result<_>>()?
    };
    if check_locations {
        return locations(app, &fetcher, &recipes);
    }
    let mut wanted: Vec<_> = recipes.iter().flat_map(|recipe| fetcher.wanted_by(recipe)).collect();
    if all {
        wanted.extend(seed::wanted(&resolved, &fetcher));
    }
    fetcher.fetch(&wanted)?;
    let mut count = wanted.len();
    for recipe in recipes {
        let pinned: Vec<_> =
            repository.package_files(recipe)?.crates.into_iter().chain(PlannedCrate::sources_of(recipe)).collect();
        if !pinned.is_empty() {
            crates::ensure(store.root(), &pinned, app.global.offline)?;
            count += pinned.len();
        }
    }
    app.reporter.say(format!("{count} files are in the store"));
    Ok(Exit::Good)
}

/// Prints, for each file with an address, which of its locations have the right bytes. Crates have one place, which keeps them.
fn locations(app: &App, fetcher: &Fetcher<'_>, recipes: &[&Recipe]) -> Result<Exit> {
    let mut seen = BTreeSet::new();
    let mut lost = Vec::new();
    let wanted = recipes.iter().flat_map(|recipe| fetcher.wanted_by(recipe));
    for wanted in wanted.filter(|wanted| seen.insert(wanted.sha256)) {
        app.reporter.say(&wanted.label);
        let answers = fetcher.probe(&wanted)?;
        for (place, fault) in &answers {
            let has = if fault.is_none() { "has it" } else { "no    " };
            app.reporter.say(format!("    {has} {place}{}", because(fault.as_deref())));
        }
        if !answers.iter().any(|(_, fault)| fault.is_none()) {
            lost.push(wanted.label);
        }
    }
    if lost.is_empty() {
        app.reporter.say(format!("{} files: each is to be had somewhere", seen.len()));
        return Ok(Exit::Good);
    }
    Err(Exit::Source.error(format!("no location has the right bytes of {}", lost.join(", "))))
}

fn because(fault: Option<&str>) -> String {
    fault.map(|why| format!(": {why}")).unwrap_or_default()
}
