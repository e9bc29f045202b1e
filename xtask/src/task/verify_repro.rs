//! `verify-repro`: builds again with variations, in a second store, perhaps with another seed's compiler, and compares.

mod signed;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};
use ashlar_core::base::name::PkgName;
use ashlar_core::model::seed::SeedName;
use ashlar_core::plan::Variations;
use ashlar_core::verify::compare::ReproVerdict;
use ashlar_core::verify::table::{Comparison, Side, table};
use camino::Utf8Path;
use serde_json::json;

use super::target::Target;
use crate::app::App;
use crate::build::session::{Built, Options, Session};
use crate::cli::VerifyReproArgs;
use crate::compose::Variant;
use crate::compose::iso::{IsoBuild, Stage};
use crate::compose::{image, iso};
use crate::exit::Exit;
use crate::host::repository::Repository;
use crate::host::store::Store;
use crate::host::work::{self, Work};
use crate::verify;

/// Verifies the targets (`PKG…`, `image NAME`, `iso [PROFILE]`) or everything. Prints a verdict for each output.
pub fn run(app: &App, args: &VerifyReproArgs) -> Result<Exit> {
    if let Some(file) = &args.signed {
        let targets = Target::parse(&args.what)?;
        let Some(Target::Iso(name)) = targets.first().filter(|_| targets.len() == 1) else {
            return Err(
                Exit::Usage.error("--signed is for one ISO: `verify-repro iso [PROFILE] --signed FILE`".to_owned())
            );
        };
        return signed::verify(app, name, file);
    }
    let repository = if args.all { app.whole_repository()? } else { app.repository()? };
    let targets = if args.all { everything(&repository)? } else { Target::parse(&args.what)? };
    let store = app.store()?;
    let first = app.session(&repository, &store)?;
    // With a lock, by which the next run sees that this one was killed.
    let own = match args.second_store {
        Some(_) => None,
        None => Some(Work::create(&store.second_stores(), "verify-repro", false)?),
    };
    let second_root = own.as_ref().map(|work| work::second_store(work.dir()));
    let second_root = second_root.or(args.second_store.clone()).unwrap_or_default();
    let second_store = second(&store, &second_root)?;
    let variations = if args.all_cores { varied_jobs } else { varied };
    // One job more than the first build had: with all processors in use, only the number of jobs is left to vary.
    let jobs = app.jobs() + 1;
    let options = Options { variations, enforce_ledger: false, jobs, seed: args.seed.clone(), ..app.options() };
    let second = Session::start(&repository, &second_store, &app.reporter, options)?;
    let compiler = if args.seed == SeedName::default() { String::new() } else { format!("the seed `{}`, ", args.seed) };
    let jobs = format!("{jobs} jobs instead of {}", app.jobs());
    app.reporter.note(format!("second build: {compiler}another store, later, {jobs}, {}", variations(0)));
    let mut comparisons = BTreeMap::new();
    for target in &targets {
        comparisons.extend(verify(&repository, &first, &second, target, targets.len() == 1)?);
    }
    conclude(app, args, &comparisons)
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

/// What was compared, by name.
type Comparisons = BTreeMap<String, Comparison>;

fn verify(
    repository: &Repository,
    first: &Session<'_>,
    second: &Session<'_>,
    target: &Target,
    alone: bool,
) -> Result<Comparisons> {
    match target {
        Target::Package(name) => package(repository, first, second, name, alone),
        Target::Image(name) => {
            let ours = image::compose(first, repository, name)?;
            let result = image::compose(second, repository, name);
            let theirs = result.as_ref().ok().map(|theirs| Side::unmeasured(theirs.diff_id));
            let verdict = verify::built(result, |theirs| {
                Ok(verify::trees(&ours.manifest, &theirs.manifest, |path| {
                    let read = |store: &Store, made: &image::Composed| {
                        crate::host::tree::read_file(&store.layer(&made.stored_as, &made.diff_id), made.diff_id, path)
                    };
                    Ok((read(first.store(), &ours)?, read(second.store(), theirs)?))
                }))
            })?;
            let comparison = Comparison { first: Side::unmeasured(ours.diff_id), second: theirs, verdict };
            Ok([(format!("image/{name}"), comparison)].into())
        }
        Target::Iso(name) => {
            let ours = iso::build(first, repository, &Variant::plain(name), Stage::Iso)?;
            let result = iso::build(second, repository, &Variant::plain(name), Stage::Iso);
            let medium = |made: &IsoBuild| made.output("iso").map(Side::unmeasured);
            let theirs = result.as_ref().ok().and_then(|made| medium(made).ok());
            let verdict = verify::built(result, |theirs| verify::isos(first.store(), second.store(), &ours, theirs))?;
            let first = medium(&ours)?;
            Ok([(format!("iso/{name}"), Comparison { first, second: theirs, verdict })].into())
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
) -> Result<Comparisons> {
    let recipe = repository.recipe_of(name)?;
    let ours = first.build(std::slice::from_ref(name))?;
    let own: BTreeSet<&PkgName> = recipe.package_names().collect();
    for (below, built) in ours.iter().filter(|(below, _)| alone && !own.contains(below)) {
        let seeds = (first.seed()?.digest, second.seed()?.digest);
        verify::import(first.store(), second.store(), &repository.recipe_of(below)?.name, built, seeds)?;
    }
    let result = second.build(std::slice::from_ref(name));
    let mut comparisons = Comparisons::new();
    let compared = verify::built(result, |theirs| {
        for package in &own {
            let (a, b) = (ours.get(*package), theirs.get(*package));
            let (a, b) = (a.context("not built")?, b.context("not built")?);
            let verdict = verify::packages(first.store(), second.store(), package, a, b)?;
            comparisons.insert(package.to_string(), Comparison { first: side(a), second: Some(side(b)), verdict });
        }
        Ok(ReproVerdict::Reproduced)
    })?;
    if !compared.is_good() {
        let first = side(ours.get(name).context("not built")?);
        comparisons.insert(name.to_string(), Comparison { first, second: None, verdict: compared });
    }
    Ok(comparisons)
}

fn side(built: &Built) -> Side {
    Side { digest: built.diff_id, seconds: Some(built.seconds) }
}

fn conclude(app: &App, args: &VerifyReproArgs, comparisons: &Comparisons) -> Result<Exit> {
    let text: String = comparisons.iter().map(|(name, compared)| compared.verdict.render(name)).collect();
    if app.reporter.is_json() {
        for (name, compared) in comparisons {
            let verdict = &compared.verdict;
            app.reporter.show(&json!({ "event": "verdict", "name": name, "verdict": verdict }), String::new);
        }
    } else {
        app.reporter.say(&text);
    }
    let verdicts = || comparisons.values().map(|compared| &compared.verdict);
    let reproduced = verdicts().filter(|verdict| verdict.is_good()).count();
    let differing = verdicts().filter(|verdict| matches!(verdict, ReproVerdict::Differs(_))).count();
    let summary = format!(
        "{} checked: {reproduced} reproduced, {differing} differ, {} undecided\n",
        comparisons.len(),
        comparisons.len() - reproduced - differing
    );
    app.reporter.say(&summary);
    if let Some(dir) = &args.report {
        fs_err::create_dir_all(dir)?;
        let all: BTreeMap<&String, &ReproVerdict> =
            comparisons.iter().map(|(name, compared)| (name, &compared.verdict)).collect();
        fs_err::write(dir.join("report.txt"), format!("{text}{summary}"))?;
        fs_err::write(dir.join("report.json"), serde_json::to_string_pretty(&all)?)?;
        let heads = ("first build".to_owned(), format!("second build, seed `{}`", args.seed));
        fs_err::write(dir.join("table.md"), table(comparisons, (&heads.0, &heads.1)))?;
    }
    Ok(match (differing, reproduced == comparisons.len()) {
        (0, true) => Exit::Good,
        (0, false) => Exit::Unchecked,
        _ => Exit::Differs,
    })
}
