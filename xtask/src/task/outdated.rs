//! `outdated`: which recipes are behind what can be had, and which of their files no suite keeps.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, bail};
use ashlar_core::model::outdated::{self, Offer, SUITES};
use ashlar_core::model::recipe::{CrateName, Recipe, Source};
use camino::Utf8Path;

use crate::app::App;
use crate::exit::Exit;
use crate::host::fetch::Fetcher;
use crate::host::mirror::Mirrors;
use crate::host::{archive, crates};

/// An index of all sources unpacks to some 50 MB.
const INDEX_LIMIT: u64 = 256 << 20;

/// Prints, for each recipe that is behind or whose file no suite keeps, what there is. Reads the archive's indexes, whose
/// signatures are not looked at: what is taken from here is compared and pinned by a person.
pub fn run(app: &App) -> Result<Exit> {
    let repository = app.repository()?;
    let mirrors = Mirrors::detect(None)?;
    let store = app.store()?;
    let fetcher = Fetcher::new(store.root(), mirrors, app.global.offline, &app.reporter)?;
    let packages: BTreeSet<&str> =
        repository.recipes.values().filter_map(|recipe| outdated::source_package(pool_source(recipe)?.1)).collect();
    let offers = offers(app, &fetcher, &packages)?;
    let none = Vec::new();
    let (mut behind, mut judged) = (0, 0);
    for recipe in repository.recipes.values() {
        let lines = if let Some((source, path)) = pool_source(recipe) {
            let offers = outdated::source_package(path).and_then(|package| offers.get(package)).unwrap_or(&none);
            pool_lines(&fetcher, recipe, source, offers)?
        } else if let Some(krate) = recipe.sources.iter().find_map(|source| source.krate.as_ref()) {
            crate_lines(&fetcher, recipe, krate)?
        } else {
            continue;
        };
        judged += 1;
        if !lines.is_empty() {
            behind += 1;
            app.reporter.say(format!("{} {}", recipe.name, recipe.version));
            lines.iter().for_each(|line| app.reporter.say(format!("    {line}")));
        }
    }
    let summary =
        format!("{behind} of {judged} recipes with sources of others are behind, or no suite keeps their file");
    app.reporter.say(summary);
    Ok(Exit::Good)
}

/// The first source of a recipe that is in Debian's pool, and its path there.
fn pool_source(recipe: &Recipe) -> Option<(&Source, &str)> {
    recipe.sources.iter().find_map(|source| Some((source, source.debian.as_deref()?)))
}

/// What the suites have of these source packages.
fn offers(app: &App, fetcher: &Fetcher<'_>, packages: &BTreeSet<&str>) -> Result<BTreeMap<String, Vec<Offer>>> {
    let mut all: BTreeMap<String, Vec<Offer>> = BTreeMap::new();
    for suite in SUITES {
        let label = format!("the index of {}", suite.name);
        app.reporter.note(format!("reading {label}"));
        let path = format!("dists/{}/main/source/Sources.xz", suite.name);
        let (file, _, _) = fetcher.unpinned_file(&label, &fetcher.mirrors().unpinned(Some(&path), &[]))?;
        let path = Utf8Path::from_path(file.path()).context("the store's path is not UTF-8")?;
        let text = archive::text(path, INDEX_LIMIT).with_context(|| format!("reading {label}"))?;
        for (package, offers) in outdated::offers(&text, suite, packages) {
            all.entry(package).or_default().extend(offers);
        }
    }
    Ok(all)
}

/// What is to be said of a recipe whose source is a crate.
fn crate_lines(fetcher: &Fetcher<'_>, recipe: &Recipe, krate: &CrateName) -> Result<Vec<String>> {
    if fetcher.offline() {
        bail!("`--offline` forbids to ask for what a registry has");
    }
    let newest = crates::newest(&krate.name)?;
    if newest == krate.version {
        return Ok(Vec::new());
    }
    let offer = std::iter::once(format!("{newest:12} crate {}", krate.name));
    Ok(offer.chain(recipe.hold.iter().map(|hold| format!("stays: {hold}"))).collect())
}

/// What is to be said of a recipe whose source is in Debian's pool.
fn pool_lines(fetcher: &Fetcher<'_>, recipe: &Recipe, source: &Source, offers: &[Offer]) -> Result<Vec<String>> {
    let mut lines = Vec::new();
    let suites = outdated::suites_of(&source.sha256, offers);
    match suites.first() {
        None => lines.push("no suite has its file any more".to_owned()),
        Some(suite) if suites.iter().all(|suite| !suite.kept) => {
            lines.push(format!("its file is in {} alone, which does not keep it", suite.name));
        }
        Some(_) => {}
    }
    for offer in outdated::newer(&recipe.version, recipe.series.as_deref(), offers) {
        let alone = if offer.suite.kept { "" } else { " alone" };
        let absent = fetcher.absent(&fetcher.mirrors().unpinned(Some(&offer.path), &[]))?;
        let absent = absent.map(|why| format!(" (not to be had here: {why})")).unwrap_or_default();
        lines.push(format!("{:12} {}{alone}: {}{absent}", offer.version, offer.suite.name, offer.path));
    }
    if let (false, Some(hold)) = (lines.is_empty(), &recipe.hold) {
        lines.push(format!("stays: {hold}"));
    }
    Ok(lines)
}
