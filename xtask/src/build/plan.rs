//! The plan of a recipe whose inputs are known.

use anyhow::{Context as _, Result};
use ashlar_core::base::digest::Digest;
use ashlar_core::base::name::{Arch, PkgName};
use ashlar_core::model::recipe::Recipe;
use ashlar_core::plan::{BuildInputs, BuildPlan, Input};

use crate::host::repository::Repository;

/// The diff id of a package; `None` while it is not built.
pub type DiffIds<'a> = &'a dyn Fn(&PkgName) -> Option<Digest>;

/// The plan of `recipe` in the seed env with the digest `seed`.
///
/// # Errors
/// An input that is not built; a file of the recipe's folder that cannot be read.
pub fn of(repository: &Repository, recipe: &Recipe, seed: Digest, diff_ids: DiffIds<'_>) -> Result<BuildPlan> {
    let around = BuildInputs {
        seed,
        libs: inputs(repository.closure(&recipe.libs)?, diff_ids)?,
        tools: inputs(repository.closure(&recipe.tools)?, diff_ids)?,
        toolchain: repository.toolchain.files(&recipe.hardening),
    };
    Ok(BuildPlan::new(recipe, repository.package_files(recipe)?, around, Arch::X86_64))
}

/// Packages by what they are.
pub fn inputs<'a>(names: impl IntoIterator<Item = &'a PkgName>, diff_ids: DiffIds<'_>) -> Result<Vec<Input>> {
    let input = |name: &PkgName| {
        let diff_id = diff_ids(name).with_context(|| format!("{name} is not built"))?;
        Ok(Input { name: name.clone(), diff_id })
    };
    names.into_iter().map(input).collect()
}
