//! `verify-repro`: builds again with variations, in a second store, and compares.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};
use ashlar_core::base::name::PkgName;
use ashlar_core::plan::Variations;
use ashlar_core::verify::compare::ReproVerdict;
use camino::Utf8Path;
use serde_json::json;

use super::target::Target;
use crate::app::App;
use crate::build::session::{Options, Session};
use crate::compose::Variant;
use crate::compose::iso::Stage;
use crate::compose::{image, iso};
use crate::exit::Exit;
use crate::host::repository::Repository;
use crate::host::store::Store;
use crate::host::work::{self, Work};
use crate::verify;

/// Verifies `what` (`PKG…`, `image NAME`, `iso [PROFILE]`) or everything. Prints a verdict for each output.
pub fn run(
    app: &App,
    what: &[String],
    all: bool,
    all_cores: bool,
    second_store: Option<&Utf8Path>,
    report: Option<&Utf8Path>,
) -> Result<Exit> {
    let repository = if all { app.whole_repository()? } else { app.repository()? };
    let targets = if all { everything(&repository)? } else { Target::parse(what)? };
    let store = app.store()?;
    let first = app.session(&repository, &store)?;
    // With a lock, by which the next run sees that this one was killed.
    let own = match second_store {
        Some(_) => None,
        None => Some(Work::create(&store.second_stores(), "verify-repro", false)?),
    };
    let second_root = own.as_ref().map(|work| work::second_store(work.dir()));
    let second_root = second_root.or(second_store.map(Utf8Path::to_owned)).unwrap_or_default();
    let second_store = second(&store, &second_root)?;
    let variations = if all_cores { varied_jobs } else { varied };
    // One job more than the first build had: with all processors in use, only the number of jobs is left to vary.
    let options = Options { variations, enforce_ledger: false, jobs: app.jobs() + 1, ..app.options() };
    let second = Session::start(&repository, &second_store, &app.reporter, options)?;
    let jobs = format!("{} jobs instead of {}", app.jobs() + 1, app.jobs());
    app.reporter.note(format!("second build: another store, later, {jobs}, {}", variations(0)));
    let mut verdicts = BTreeMap::new();
    for target in &targets {
        verdicts.extend(verify(&repository, &first, &second, target, targets.len() == 1)?);
    }
    conclude(app, &verdicts, report)
}

/// What varies in the second build, with one processor for each of its builds.
fn varied(worker: usize) -> Variations {
    let cpus = std::thread::available_parallelism().map_or(1, usize::from);
    Variations::all(Some(worker % cpus), in_memory())
}

/// The same with all processors.
fn varied_jobs(_worker: usize) -> Variations {
    Variations::all(None, in_memory())
}

/// The kernel's build needs about 5 GB; on a smaller machine the work stays on disk and the order of files is not varied.
fn in_memory() -> bool {
    crate::host::memory::available().unwrap_or(0) > 12_000_000_000
}

fn everything(repository: &Repository) -> Result<BTreeSet<Target>> {
    let mut targets: BTreeSet<Target> = repository.recipes.keys().cloned().map(Target::Package).collect();
    targets.extend(crate::compose::images(repository)?.into_keys().map(Target::Image));
    targets.extend(crate::compose::profiles(repository)?.into_keys().map(Target::Iso));
    Ok(targets)
}

/// A store that shares what is pinned by hash (distfiles, seed) and nothing that was built.
fn second(first: &Store, root: &Utf8Path) -> Result<Store> {
    fs_err::create_dir_all(root)?;
    for shared in ["distfiles", "seed"] {
        if !root.join(shared).exists() {
            fs_err::create_dir_all(first.root().join(shared))?;
            fs_err::os::unix::fs::symlink(first.root().join(shared), root.join(shared))?;
        }
    }
    Store::open(root)
}

type Verdicts = BTreeMap<String, ReproVerdict>;

fn verify(
    repository: &Repository,
    first: &Session<'_>,
    second: &Session<'_>,
    target: &Target,
    alone: bool,
) -> Result<Verdicts> {
    match target {
        Target::Package(name) => package(repository, first, second, name, alone),
        Target::Image(name) => {
            let ours = image::compose(first, repository, name)?;
            let result = image::compose(second, repository, name);
            let verdict = verify::built(result, |theirs| {
                Ok(verify::trees(&ours.manifest, &theirs.manifest, |path| {
                    let read = |store: &Store, made: &image::Composed| {
                        crate::host::tree::read_file(&store.layer(&made.stored_as, &made.diff_id), made.diff_id, path)
                    };
                    Ok((read(first.store(), &ours)?, read(second.store(), theirs)?))
                }))
            })?;
            Ok([(format!("image/{name}"), verdict)].into())
        }
        Target::Iso(name) => {
            let ours = iso::build(first, repository, &Variant::plain(name), Stage::Iso)?;
            let result = iso::build(second, repository, &Variant::plain(name), Stage::Iso);
            let verdict = verify::built(result, |theirs| verify::isos(first.store(), second.store(), &ours, theirs))?;
            Ok([(format!("iso/{name}"), verdict)].into())
        }
    }
}

/// One package. When it is the only target, what is below it is taken from the first store, so that only its own build is
/// judged; among several, everything is built again, or one package's import would be another's verdict.
fn package(
    repository: &Repository,
    first: &Session<'_>,
    second: &Session<'_>,
    name: &PkgName,
    alone: bool,
) -> Result<Verdicts> {
    let recipe = repository.recipe_of(name)?;
    let ours = first.build(std::slice::from_ref(name))?;
    let own: BTreeSet<&PkgName> = recipe.package_names().collect();
    for (below, built) in ours.iter().filter(|(below, _)| alone && !own.contains(below)) {
        verify::import(first.store(), second.store(), &repository.recipe_of(below)?.name, built)?;
    }
    let result = second.build(std::slice::from_ref(name));
    let mut verdicts = Verdicts::new();
    let compared = verify::built(result, |theirs| {
        for package in &own {
            let (a, b) = (ours.get(*package), theirs.get(*package));
            let (a, b) = (a.context("not built")?, b.context("not built")?);
            verdicts.insert(package.to_string(), verify::packages(first.store(), second.store(), package, a, b)?);
        }
        Ok(ReproVerdict::Reproduced)
    })?;
    if !compared.is_good() {
        verdicts.insert(name.to_string(), compared);
    }
    Ok(verdicts)
}

fn conclude(app: &App, verdicts: &Verdicts, report: Option<&Utf8Path>) -> Result<Exit> {
    let text: String = verdicts.iter().map(|(name, verdict)| verdict.render(name)).collect();
    if app.reporter.is_json() {
        for (name, verdict) in verdicts {
            app.reporter.show(&json!({ "event": "verdict", "name": name, "verdict": verdict }), String::new);
        }
    } else {
        app.reporter.say(&text);
    }
    let reproduced = verdicts.values().filter(|verdict| verdict.is_good()).count();
    let differing = verdicts.values().filter(|verdict| matches!(verdict, ReproVerdict::Differs(_))).count();
    let summary = format!(
        "{} checked: {reproduced} reproduced, {differing} differ, {} undecided\n",
        verdicts.len(),
        verdicts.len() - reproduced - differing
    );
    app.reporter.say(&summary);
    if let Some(dir) = report {
        fs_err::create_dir_all(dir)?;
        fs_err::write(dir.join("report.txt"), format!("{text}{summary}"))?;
        fs_err::write(dir.join("report.json"), serde_json::to_string_pretty(verdicts)?)?;
    }
    Ok(match (differing, reproduced == verdicts.len()) {
        (0, true) => Exit::Good,
        (0, false) => Exit::Unchecked,
        _ => Exit::Differs,
    })
}
