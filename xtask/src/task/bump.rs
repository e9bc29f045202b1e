//! `bump`: writes another version into a recipe, with its locations and the hashes of the new files.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, bail};
use ashlar_core::base::digest::Digest;
use ashlar_core::model::recipe::bump::{self, Moved};
use ashlar_core::model::recipe::raw::RawRecipe;
use ashlar_core::model::recipe::{Recipe, parse};

use crate::app::App;
use crate::cli::BumpArgs;
use crate::exit::Exit;
use crate::host::checkout;
use crate::host::crates;
use crate::host::fetch::Fetcher;
use crate::host::invalid::invalid;
use crate::host::mirror::Mirrors;

/// Rewrites the recipe, and every other one that is built from the same file; prints the paths of both kinds.
pub fn run(app: &App, args: &BumpArgs) -> Result<Exit> {
    let repository = app.repository()?;
    let recipe = repository.recipe_of(&args.package)?;
    let sources: BTreeSet<Digest> = recipe.sources.iter().map(|source| source.sha256).collect();
    let shares = |other: &&Recipe| other.sources.iter().any(|source| sources.contains(&source.sha256));
    // The recipe that was named comes first: what is wrong is wrong with it.
    let others = repository.recipes.values().filter(|other| other.name != recipe.name).filter(shares);
    let mut pinned = BTreeMap::new();
    let mut written = Vec::new();
    for recipe in std::iter::once(recipe).chain(others) {
        let (file, path) = (recipe.file(), app.root.join(recipe.file()));
        let text = checkout::read_to_string(&path)?;
        let raw = parse::parse(&text, &file).map_err(|findings| invalid(&app.root, &findings))?;
        if recipe.version == args.version {
            bail!("{file}: its version is {} already", args.version);
        }
        let hashes = hashes(app, args, recipe, &raw, &mut pinned)?;
        let text = bump::bumped(&text, &raw, &args.version, &hashes, args.debian.as_deref());
        for line in bump::left(&text, &recipe.version) {
            app.reporter.note(format!("{file}:{line} still names {}; is that right?", recipe.version));
        }
        if !recipe.patches.is_empty() || !recipe.patch_files.is_empty() {
            let message = format!(
                "{file} has patches: take out those that {} contains, which the build would refuse",
                args.version
            );
            app.reporter.note(message);
        }
        written.push((path, file, text));
    }
    // All or none: nothing is written before every file was found.
    for (path, file, text) in written {
        fs_err::write(path, text)?;
        app.reporter.say(&file);
    }
    app.reporter.note("then: `cargo xtask build-pkg`, `git diff`, and `cargo xtask ledger update`");
    Ok(Exit::Good)
}

/// The hash of each source's new file. `pinned` has those of files that another recipe shares, by the hash of the old one.
fn hashes(
    app: &App,
    args: &BumpArgs,
    recipe: &Recipe,
    raw: &RawRecipe,
    pinned: &mut BTreeMap<String, Digest>,
) -> Result<BTreeMap<usize, Digest>> {
    let mut moved = bump::moved(raw, &args.version);
    if moved.is_empty() {
        let file = recipe.file();
        bail!("{file}: no address and no path of its sources has the version in it; write the new one into the recipe");
    }
    if let (Some(path), Some(first)) = (&args.debian, moved.first_mut()) {
        first.debian = Some(path.clone());
    }
    let mut hashes = BTreeMap::new();
    for source in moved {
        let digest = match pinned.get(&source.old) {
            Some(digest) => *digest,
            None => pin(app, recipe, &source)?,
        };
        pinned.insert(source.old, digest);
        hashes.insert(source.index, digest);
    }
    Ok(hashes)
}

/// Fetches the file and tells what was found where.
fn pin(app: &App, recipe: &Recipe, source: &Moved) -> Result<Digest> {
    let store = app.store()?;
    let label = format!("source {} of {}", source.index + 1, recipe.name);
    let (digest, place) = match source.krate.as_deref().and_then(|krate| krate.split_once('@')) {
        Some((name, version)) => (crates::pin(store.root(), name, version)?, "the crate registry".to_owned()),
        None => {
            let mirrors = Mirrors::detect(None)?;
            let locations = mirrors.unpinned(source.debian.as_deref(), &source.urls);
            let fetcher = Fetcher::new(store.root(), mirrors, app.global.offline, &app.reporter)?;
            let (digest, location) = fetcher.pin(&label, &locations)?;
            (digest, location.shown())
        }
    };
    app.reporter.note(format!("sha256 of what {place} has: {digest}; compare it with upstream's"));
    Ok(digest)
}
