//! `why`: which inputs changed a package's key since its last build.

use anyhow::{Context as _, Result};
use ashlar_core::base::name::PkgName;
use ashlar_core::plan::{BuildPlan, explain};

use super::App;
use crate::exit::Exit;

/// Prints one line per changed input.
pub fn run(app: &App, package: &PkgName) -> Result<Exit> {
    let repository = app.repository()?;
    let store = app.store()?;
    let recipe = repository.recipe_of(package)?;
    let Some((key, text)) = store.last_plan(recipe.name.as_str())? else {
        println!("{} was never built in this store", recipe.name);
        return Ok(Exit::Good);
    };
    let old: BuildPlan = serde_json::from_str(&text).context("the stored plan is of another version of Ashlar")?;
    let new = app.session(&repository, &store)?.plan_of(&recipe.name)?;
    let lines = explain(&old, &new);
    if lines.is_empty() {
        println!("{}: nothing changed since its last build (key {})", recipe.name, key.short());
        return Ok(Exit::Good);
    }
    println!("{}: key {} -> {}", recipe.name, key.short(), new.key().short());
    lines.iter().for_each(|line| println!("  {line}"));
    Ok(Exit::Good)
}
