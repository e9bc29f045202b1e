//! Nothing to do: `cargo xtask iso` with everything cached, beside GNU make over a graph of the same size.

use std::time::Instant;

use anyhow::{Context as _, Result};
use ashlar_core::base::command::Command;
use camino::Utf8Path;

use super::median::median;
use crate::app::App;
use crate::compose::Variant;
use crate::compose::iso::Stage;
use crate::host::{checkout, exec};

const RUNS: usize = 5;

/// Measures whole processes, in turn, and prints medians and their ratio.
pub fn run(app: &App) -> Result<()> {
    let iso = crate::task::iso::build(app, &Variant::plain("minimal"))?;
    let repository = app.repository()?;
    let scratch = tempfile::tempdir()?;
    let scratch = Utf8Path::from_path(scratch.path()).context("the temporary directory is not UTF-8")?;
    let nodes = makefile(&repository, scratch)?;
    let own = std::env::current_exe()?;
    let own = own.to_str().context("the program's path is not UTF-8")?;
    let mut ours = Command::new(own).args(["iso", "--quiet", "--output", iso.as_str()]).cwd(&app.root);
    if let Some(store) = &app.global.store {
        ours = ours.args(["--store", store.as_str()]);
    }
    let make = Command::new("make").args(["--silent", "-C", scratch.as_str()]);
    exec::read(&make)?;
    let (mut ours_took, mut make_took) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        ours_took.push(seconds(&ours)?);
        make_took.push(seconds(&make)?);
    }
    let (ours, make) = (median(ours_took), median(make_took));
    let profile =
        if cfg!(debug_assertions) { "dev build: figures count for the release build only" } else { "release build" };
    app.reporter.say(format!("nothing to do, {nodes} nodes, median of {RUNS} ({profile})"));
    app.reporter.say(format!(
        "  cargo xtask iso   {:>7.0} ms   every key computed, every layer looked up, the ISO as it was",
        ours * 1000.0
    ));
    app.reporter.say(format!("  GNU make          {:>7.0} ms   time stamps compared", make * 1000.0));
    app.reporter.say(format!("  ratio             {:>7.1}", ours / make));
    Ok(())
}

fn seconds(command: &Command) -> Result<f64> {
    let started = Instant::now();
    exec::read(command)?;
    Ok(started.elapsed().as_secs_f64())
}

/// A makefile with a node for every package (with its folder's files as prerequisites) and for each stage of the ISO.
fn makefile(repository: &crate::host::repository::Repository, scratch: &Utf8Path) -> Result<usize> {
    let stages = Stage::all().len();
    let mut text = format!("all: stage{stages}\n");
    for name in repository.graph.order() {
        let recipe = repository.recipe_of(name)?;
        let folder = repository.folder(recipe);
        let files = checkout::files_below(&repository.root, &recipe.folder)?;
        let mut needs: Vec<String> = files.iter().map(|file| folder.join(file).into_string()).collect();
        for input in recipe.inputs() {
            needs.push(repository.recipe_of(input)?.name.to_string());
        }
        text.push_str(&format!("{name}: {}\n\t@touch $@\n", needs.join(" ")));
    }
    let packages: Vec<String> = repository.recipes.keys().map(ToString::to_string).collect();
    text.push_str(&format!("stage1: {}\n\t@touch $@\n", packages.join(" ")));
    for stage in 2..=stages {
        text.push_str(&format!("stage{stage}: stage{}\n\t@touch $@\n", stage - 1));
    }
    fs_err::write(scratch.join("Makefile"), text)?;
    Ok(repository.recipes.len() + stages)
}
