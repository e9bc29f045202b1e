//! `build-pkg`: builds packages, or prints their plans.

use anyhow::{Result, bail};
use ashlar_core::base::event::Event;
use ashlar_core::base::name::PkgName;
use ashlar_core::model::seed::SeedName;
use ashlar_core::plan::containerfile;
use ashlar_core::plan::steps::steps;

use crate::app::App;
use crate::cli::PlanForm;
use crate::exit::Exit;

/// Builds `packages` (all with `all`) and everything below them; prints `<diff id>  <name>` for each.
pub fn run(app: &App, packages: &[PkgName], all: bool, print_plan: Option<PlanForm>, seed: &SeedName) -> Result<Exit> {
    let repository = if all { app.whole_repository()? } else { app.repository()? };
    let targets: Vec<PkgName> = if all { repository.recipes.keys().cloned().collect() } else { packages.to_vec() };
    if targets.is_empty() {
        bail!("no package named; `cargo xtask build-pkg NAME…`, or `--all`");
    }
    let store = app.store()?;
    let session = app.session_in(&repository, &store, seed)?;
    if let Some(form) = print_plan {
        for target in &targets {
            let plan = session.plan_of(target)?;
            match form {
                PlanForm::Text => {
                    app.reporter.say(format!("# {} {} key {}", plan.package, plan.version, plan.key()));
                    steps(&plan).iter().for_each(|step| app.reporter.say(step));
                }
                PlanForm::Json => {
                    let text = plan.canonical();
                    app.reporter.show(&serde_json::from_str::<serde_json::Value>(&text)?, || text);
                }
                PlanForm::Containerfile => {
                    app.reporter.say(containerfile::render(&plan, &repository.recipe_of(target)?.folder));
                }
            }
        }
        return Ok(Exit::Good);
    }
    let built = session.build_named(&targets)?;
    let wanted =
        targets.iter().filter_map(|name| repository.recipe_of(name).ok()).flat_map(|recipe| recipe.package_names());
    for name in wanted {
        if let Some(package) = built.get(name) {
            let made = Event::Made {
                what: "package",
                name: name.to_string(),
                digest: package.diff_id,
                manifest: None,
                path: None,
                bytes: None,
            };
            app.reporter.show(&made, || format!("{}  {name}", package.diff_id));
        }
    }
    Ok(Exit::Good)
}
