//! `docs`: writes the pages that come from data or code, or says whether they are current.

mod cli;
mod notice;
mod recipe;

use anyhow::{Context as _, Result};
use ashlar_core::model::hardening::Hardening;
use ashlar_core::model::hardening::docs::{self, Pages};
use ashlar_core::model::recipe::schema;

use crate::app::App;
use crate::exit::Exit;
use crate::host::invalid::invalid;
use crate::host::repository::Repository;

/// The profile whose layers the pages describe.
pub const DESCRIBED: &str = "minimal";

/// Writes the pages; with `check`, only compares.
pub fn run(app: &App, check: bool) -> Result<Exit> {
    let repository = app.whole_repository()?;
    let profiles = crate::compose::profiles(&repository)?;
    let described =
        profiles.get(DESCRIBED).map(|profile| crate::compose::hardening(&repository, profile)).transpose()?;
    let stale = stale(&repository, described.as_ref())?;
    if check {
        for path in stale.keys() {
            app.reporter.say(format!("{path} is out of date; `cargo xtask docs` writes it"));
        }
        return Ok(if stale.is_empty() { Exit::Good } else { Exit::OutOfDate });
    }
    for (path, text) in &stale {
        let path = app.root.join(path);
        if let Some(parent) = path.parent() {
            fs_err::create_dir_all(parent)?;
        }
        fs_err::write(&path, text)?;
        app.reporter.say(format!("wrote {}", path.strip_prefix(&app.root).unwrap_or(&path)));
    }
    Ok(Exit::Good)
}

/// The pages whose committed text is another; `described` is what the layers of the profile [`DESCRIBED`] render.
pub fn stale(repository: &Repository, described: Option<&Hardening>) -> Result<Pages> {
    let hardening =
        described.with_context(|| format!("the pages describe the profile `{DESCRIBED}`, which is missing"))?;
    let mut pages =
        docs::pages(hardening, &repository.hardening_texts()?).map_err(|found| invalid(&repository.root, &found))?;
    pages.insert("docs/cli.md", cli::page());
    pages.insert("docs/recipe.md", recipe::page(&repository.toolchain));
    pages.insert("docs/recipe.schema.json", schema::json());
    let differs =
        |path: &str, text: &str| fs_err::read_to_string(repository.root.join(path)).map_or(true, |old| old != text);
    Ok(pages.into_iter().filter(|(path, text)| differs(path, text)).collect())
}
