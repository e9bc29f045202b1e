//! Looks packages up in the store. Builds nothing and fetches nothing.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};
use ashlar_core::base::name::PkgName;
use ashlar_core::plan::Keyed;

use super::session::{Built, Session, built, places};

/// Packages, and everything below them, sorted by what the store has.
#[derive(Debug, Default)]
pub struct Looked {
    /// Packages that are there.
    pub built: BTreeMap<PkgName, Built>,
    /// The plans of those that are there.
    pub plans: BTreeMap<PkgName, Keyed>,
    /// Plans whose outputs are not there.
    pub unbuilt: Vec<Keyed>,
    /// Recipes that wait for one of these: what they will read is not known yet.
    pub waiting: BTreeSet<PkgName>,
}

/// Looks for `targets` and everything below them.
pub fn look(session: &Session<'_>, targets: &[PkgName]) -> Result<Looked> {
    let mut looked = Looked { waiting: session.needed(targets)?, ..Looked::default() };
    loop {
        let ready = |name: &&PkgName| {
            let recipe = session.recipe(name);
            recipe.is_some_and(|recipe| recipe.inputs().all(|input| looked.built.contains_key(input)))
        };
        let Some(name) = looked.waiting.iter().find(ready).cloned() else { return Ok(looked) };
        looked.waiting.remove(&name);
        let recipe = session.recipe(&name).with_context(|| format!("{name} has no recipe"))?;
        let plan = session.plan(recipe, &looked.built)?;
        let keyed = plan.keyed();
        let Some(record) = session.lookup(&keyed, &places(&plan))? else {
            looked.unbuilt.push(keyed);
            continue;
        };
        looked.built.extend(built(&plan, &keyed, &record, false)?);
        looked.plans.insert(name, keyed);
    }
}
