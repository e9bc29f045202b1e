//! Meaning of a recipe: [`RawRecipe`] and its surroundings into [`Recipe`], or every finding at once.
//!
//! One submodule per part of the file. Each takes the collector and gives the part as far as it is usable; the result
//! counts only when nothing was found. `graph` finds what needs other recipes: unknown packages, cycles.

mod build;
mod depends;
mod findings;
mod identity;
mod install;
mod location;
mod parts;
mod phases;
mod source;
mod text;

pub use build::CONTRACT;

use std::collections::BTreeSet;

use camino::Utf8Path;

use findings::Findings;

use super::Recipe;
use super::raw::RawRecipe;
use crate::base::diag::Diagnostic;

/// Checks a recipe and resolves it.
///
/// - `file`: path of the recipe relative to the repository; the name of the folder it lies in is the package's.
/// - `files`: every file in that folder, relative to it.
/// - `flags`: names of the flags in `toolchain/hardening.toml`.
///
/// # Errors
/// Every finding, in the order of the file.
pub fn validate(
    raw: &RawRecipe,
    file: &Utf8Path,
    files: &BTreeSet<String>,
    flags: &BTreeSet<String>,
) -> Result<Recipe, Vec<Diagnostic>> {
    let mut found = Findings { file: file.to_owned(), list: Vec::new() };
    let folder = file.parent().unwrap_or(Utf8Path::new(""));
    let identity = identity::check(raw, folder.file_name().unwrap_or_default(), &mut found);
    let libs = depends::packages(raw, &raw.libs, "libs", &mut found);
    let tools = depends::packages(raw, &raw.tools, "tools", &mut found);
    let patches = depends::patches(raw, files, &mut found);
    let sources = source::check(raw, &identity.version, &mut found);
    let patch_files = source::patches(raw, &identity.version, &mut found);
    let build = build::check(raw, &identity, files, &mut found);
    let phases = phases::check(raw, &identity, &build, &mut found);
    let hardening = parts::hardening(&raw.hardening, flags, &mut found);
    let modes = parts::modes(&raw.modes, &mut found);
    let outputs = parts::outputs(raw, &mut found);
    let tests = parts::tests(&raw.test, files, &mut found);
    match (identity.name, build.style) {
        (Some(name), Some(style)) if found.list.is_empty() => Ok(Recipe {
            name,
            folder: folder.to_owned(),
            version: identity.version,
            summary: identity.summary,
            license: identity.license,
            upstream: identity.upstream,
            cpe: identity.cpe,
            libs,
            tools,
            patch_files,
            patches,
            sources,
            style,
            args: build.args,
            env: build.env,
            cargo_lock: build.cargo_lock,
            workspace: build.workspace,
            phases,
            hardening,
            modes,
            outputs,
            tests,
            series: raw.update.series.as_ref().map(|text| text.get_ref().clone()),
            hold: raw.update.hold.as_ref().map(|text| text.get_ref().clone()),
        }),
        _ => Err(found.sorted()),
    }
}
