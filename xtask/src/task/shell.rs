//! `shell`: a shell in a kept build, in the build's own sandbox, with its mounts and environment.

use anyhow::{Context as _, Result};
use ashlar_core::base::name::PkgName;
use ashlar_core::plan::{Variations, env};

use crate::app::App;
use crate::build::package::BuildDirs;
use crate::exit::Exit;
use crate::host::container::{Container, Wanted};
use crate::host::jobserver::Jobserver;

/// Opens a shell in the newest kept work directory of `package`.
pub fn run(app: &App, package: &PkgName) -> Result<Exit> {
    let repository = app.repository()?;
    let store = app.store()?;
    let recipe = repository.recipe_of(package)?;
    let session = app.session(&repository, &store)?;
    let prefix = format!("{}-", recipe.name);
    let mut kept = Vec::new();
    for entry in store.root().join("work").read_dir_utf8()? {
        let entry = entry?;
        if entry.file_name().starts_with(&prefix) && entry.file_name().ends_with(".kept") {
            kept.push((entry.metadata()?.modified()?, entry.path().with_extension("")));
        }
    }
    let (_, dir) = kept.into_iter().max().with_context(|| {
        format!("no kept build of {}; `cargo xtask build-pkg {} --keep` keeps one that fails", recipe.name, recipe.name)
    })?;
    let plan = session.plan_of(&recipe.name)?;
    let variations = Variations::none();
    let dirs = BuildDirs::new(&dir);
    if dirs.jobserver().exists() {
        fs_err::remove_file(dirs.jobserver())?;
    }
    let jobserver = Jobserver::start(app.jobs())?;
    let _share = jobserver.share(&dirs.jobserver())?;
    let mounts = dirs.mounts(&session.seed()?.tree, &variations.root);
    let wanted = Wanted { hostname: &variations.hostname, mounts, builds: app.jobs(), bare: false };
    let container = Container::enter(&dir, wanted)?;
    container.give(&dirs.jobserver())?;
    let mut argv = vec!["/usr/bin/env".to_owned(), "-i".to_owned(), "TERM=linux".to_owned()];
    argv.extend(env::variables(&plan, &variations, app.jobs()).iter().map(|(name, value)| format!("{name}={value}")));
    let open = format!("exec 8<>/jobserver; cd {}/src; exec /bin/bash -i", variations.root);
    argv.extend(["/bin/sh".to_owned(), "-c".to_owned(), open]);
    app.reporter.note(format!(
        "scripts are in /scripts; {dir} goes when you remove it and its .kept file, or by `cargo xtask gc`"
    ));
    container.interactive(&argv)?;
    Ok(Exit::Good)
}
