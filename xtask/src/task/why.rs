//! `why`: which inputs changed the key of a package, an image or an ISO since it was made last. Builds nothing.

use anyhow::Result;
use ashlar_core::base::name::PkgName;
use ashlar_core::plan::{Keyed, key};

use super::target::Target;
use crate::app::App;
use crate::build::look::{Looked, look};
use crate::build::session::Session;
use crate::compose::{self, Variant, image, iso};
use crate::exit::Exit;
use crate::host::repository::Repository;
use crate::host::store::Store;

/// Prints, for each thing named, one line per changed input of what is below it and of itself.
pub fn run(app: &App, what: &[String]) -> Result<Exit> {
    let targets = Target::parse(what)?;
    let repository = app.repository()?;
    let store = app.store()?;
    let session = app.session(&repository, &store)?;
    for target in &targets {
        let lines = match target {
            Target::Package(name) => package(&repository, &store, &session, name)?,
            Target::Image(name) => of_image(&repository, &store, &session, name)?,
            Target::Iso(profile) => of_iso(&repository, &store, &session, profile)?,
        };
        lines.iter().for_each(|line| app.reporter.say(line));
    }
    Ok(Exit::Good)
}

fn package(repository: &Repository, store: &Store, session: &Session<'_>, name: &PkgName) -> Result<Vec<String>> {
    let recipe = repository.recipe_of(name)?;
    let looked = look(session, std::slice::from_ref(name))?;
    let mut lines = below(store, &looked)?;
    if let Some(plan) = looked.plans.get(&recipe.name) {
        lines.extend(explained(store, plan)?);
    }
    Ok(lines)
}

fn of_image(repository: &Repository, store: &Store, session: &Session<'_>, name: &str) -> Result<Vec<String>> {
    let packages = compose::image_named(repository, name)?.package_names();
    let looked = look(session, &packages)?;
    let mut lines = below(store, &looked)?;
    if lines.is_empty() {
        lines = explained(store, &image::plan(session, repository, name, &looked.built)?.keyed())?;
    } else {
        lines.push(format!("image.{name} waits for these"));
    }
    Ok(lines)
}

fn of_iso(repository: &Repository, store: &Store, session: &Session<'_>, profile: &str) -> Result<Vec<String>> {
    let variant = Variant::plain(profile);
    let looked = look(session, &iso::packages(&compose::variant(repository, &variant)?))?;
    let mut lines = below(store, &looked)?;
    if !lines.is_empty() {
        lines.push(format!("the stages of iso.{profile} wait for these"));
        return Ok(lines);
    }
    let packages = looked.built.into_iter().map(|(name, built)| (name, built.diff_id)).collect();
    for (_, plan) in iso::plans_of_stored(session, repository, &variant, packages)? {
        lines.extend(explained(store, &plan)?);
    }
    Ok(lines)
}

/// What changed in packages that are not in the store, and which others wait for them.
fn below(store: &Store, looked: &Looked) -> Result<Vec<String>> {
    let mut lines = Vec::new();
    for plan in &looked.unbuilt {
        lines.extend(explained(store, plan)?);
    }
    if !looked.waiting.is_empty() {
        let names: Vec<&str> = looked.waiting.iter().map(PkgName::as_str).collect();
        lines.push(format!("these wait for them: {}", names.join(" ")));
    }
    Ok(lines)
}

/// What changed between the plan that was used last and this one.
fn explained(store: &Store, plan: &Keyed) -> Result<Vec<String>> {
    let Keyed { label, key, text } = plan;
    let Some((last, before)) = store.last_plan(label)? else {
        return Ok(vec![format!("{label} was never built in this store")]);
    };
    if last == *key {
        return Ok(vec![format!("{label}: nothing changed since its last build (key {})", key.short())]);
    }
    let Ok(changes) = key::explain(&before, text) else {
        return Ok(vec![format!("{label}: the plan of its last build is of another version of Ashlar")]);
    };
    let mut lines = vec![format!("{label}: key {} -> {}", last.short(), key.short())];
    lines.extend(changes.into_iter().map(|change| format!("  {change}")));
    Ok(lines)
}
