//! One run over one store: plans packages, builds those that are not there, and holds them against the ledger.

mod schedule;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, OnceLock, PoisonError};

use anyhow::{Context as _, Result};
use ashlar_core::base::digest::Digest;
use ashlar_core::base::event::Event;
use ashlar_core::base::name::{Arch, PkgName};
use ashlar_core::formats::ledger::Ledger;
use ashlar_core::model::recipe::Recipe;
use ashlar_core::plan::{BuildPlan, Input, Keyed, PlannedCrate, Variations};
use camino::Utf8Path;

use crate::build::context::BuildContext;
use crate::build::{package, plan};
use crate::exit::Exit;
use crate::host::crates;
use crate::host::fetch::Fetcher;
use crate::host::jobserver::Jobserver;
use crate::host::mirror::Mirrors;
use crate::host::repository::Repository;
use crate::host::seed::Seed;
use crate::host::store::cache::{OutputPlace, Outputs};
use crate::host::store::{Record, Store};
use crate::host::work::{self, Work};
use crate::report::Reporter;

/// How a session builds.
#[derive(Debug, Clone)]
pub struct Options {
    /// Nothing is fetched.
    pub offline: bool,
    /// Failed builds are left for `cargo xtask shell`.
    pub keep: bool,
    /// Job tokens.
    pub jobs: usize,
    /// What varies, by the number of the worker thread.
    pub variations: fn(usize) -> Variations,
    /// Whether a build that contradicts the ledger fails.
    pub enforce_ledger: bool,
}

/// A package that is in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Built {
    /// Its diff id.
    pub diff_id: Digest,
    /// The input key of the recipe that makes it.
    pub key: Digest,
    /// How long its build took when it was built.
    pub seconds: u64,
    /// Whether this session built it.
    pub fresh: bool,
}

/// Where the store has the packages of a plan.
pub fn places(plan: &BuildPlan) -> Vec<(&str, OutputPlace<'_>)> {
    plan.package_names().map(|name| (name.as_str(), OutputPlace::Layer(name))).collect()
}

/// The packages of a plan, as its record has them.
pub fn built(plan: &BuildPlan, keyed: &Keyed, record: &Record, fresh: bool) -> Result<BTreeMap<PkgName, Built>> {
    let package = |name: &PkgName| {
        let diff_id = *record.outputs.get(name.as_str()).with_context(|| format!("{name} was not recorded"))?;
        Ok((name.clone(), Built { diff_id, key: keyed.key, seconds: record.seconds, fresh }))
    };
    plan.package_names().map(package).collect()
}

/// One run over one store.
#[derive(Debug)]
pub struct Session<'a> {
    repository: &'a Repository,
    store: &'a Store,
    reporter: &'a Reporter,
    options: Options,
    ledger: Ledger,
    seed: OnceLock<Seed>,
    seed_lock: Mutex<()>,
    jobserver: Jobserver,
    scratch: Work,
}

impl<'a> Session<'a> {
    /// Starts a session: clears what dead runs left and starts the job server.
    pub fn start(
        repository: &'a Repository,
        store: &'a Store,
        reporter: &'a Reporter,
        options: Options,
    ) -> Result<Self> {
        let mut cleared = work::clear_stale(&store.root().join("work"))?;
        cleared.extend(work::clear_stale_stores(&store.second_stores())?);
        for name in cleared {
            reporter.note(format!("cleared what a killed run left: {name}"));
        }
        let scratch = Work::create(&store.root().join("work"), "run", false)?;
        let jobserver = Jobserver::start(options.jobs)?;
        let ledger = repository.ledger(Arch::X86_64)?;
        Ok(Self {
            repository,
            store,
            reporter,
            options,
            ledger,
            seed: OnceLock::new(),
            seed_lock: Mutex::default(),
            jobserver,
            scratch,
        })
    }

    /// The recipe of this name.
    pub fn recipe(&self, name: &PkgName) -> Option<&'a Recipe> {
        self.repository.recipes.get(name)
    }

    /// The store of this session.
    pub fn store(&self) -> &Store {
        self.store
    }

    /// Temporary files of this session, on the store's disk.
    pub fn scratch(&self) -> &Utf8Path {
        self.scratch.dir()
    }

    /// Receives events.
    pub fn reporter(&self) -> &Reporter {
        self.reporter
    }

    /// What varies in a worker thread's builds.
    pub fn variations(&self, worker: usize) -> Variations {
        (self.options.variations)(worker)
    }

    /// The seed env, unpacked and verified on first use.
    pub fn seed(&self) -> Result<&Seed> {
        let _one = self.seed_lock.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(seed) = self.seed.get() {
            return Ok(seed);
        }
        let seed = crate::host::seed::ensure(self.repository, self.store, &self.fetcher()?)
            .context("preparing the seed env")?;
        Ok(self.seed.get_or_init(|| seed))
    }

    fn fetcher(&self) -> Result<Fetcher<'_>> {
        let snapshot = crate::host::seed::definition(&self.repository.root)?.snapshot;
        Fetcher::new(self.store.root(), Mirrors::detect(Some(&snapshot))?, self.options.offline, self.reporter)
    }

    /// Builds `targets` and everything below them. Gives every package that was needed.
    pub fn build(&self, targets: &[PkgName]) -> Result<BTreeMap<PkgName, Built>> {
        self.run(targets, &BTreeSet::new())
    }

    /// The same for packages that somebody named: those are told one by one even when they need no build.
    pub fn build_named(&self, targets: &[PkgName]) -> Result<BTreeMap<PkgName, Built>> {
        let recipe = |target: &PkgName| Ok(self.repository.recipe_of(target)?.name.clone());
        let named = targets.iter().map(recipe).collect::<Result<_>>()?;
        self.run(targets, &named)
    }

    /// The recipes behind `targets`, with everything they need.
    pub fn needed(&self, targets: &[PkgName]) -> Result<BTreeSet<PkgName>> {
        let mut needed = BTreeSet::new();
        let mut pending = Vec::new();
        for target in targets {
            pending.push(self.repository.recipe_of(target)?.name.clone());
        }
        while let Some(name) = pending.pop() {
            if needed.insert(name.clone()) {
                let recipe = self.repository.recipe_of(&name)?;
                for input in recipe.inputs() {
                    pending.push(self.repository.recipe_of(input)?.name.clone());
                }
            }
        }
        Ok(needed)
    }

    /// The plan of a recipe whose inputs are in `done`.
    pub fn plan(&self, recipe: &Recipe, done: &BTreeMap<PkgName, Built>) -> Result<BuildPlan> {
        plan::of(self.repository, recipe, self.seed()?.digest, &|name| Some(done.get(name)?.diff_id))
    }

    /// The plan of one package, with everything below it built.
    pub fn plan_of(&self, package: &PkgName) -> Result<BuildPlan> {
        let recipe = self.repository.recipe_of(package)?;
        let inputs: Vec<PkgName> = recipe.inputs().cloned().collect();
        self.plan(recipe, &self.build(&inputs)?)
    }

    /// Packages by what they are.
    pub fn inputs<'n>(
        &self,
        names: impl IntoIterator<Item = &'n PkgName>,
        done: &BTreeMap<PkgName, Built>,
    ) -> Result<Vec<Input>> {
        plan::inputs(names, &|name| Some(done.get(name)?.diff_id))
    }

    fn resolve(
        &self,
        recipe: &Recipe,
        done: &BTreeMap<PkgName, Built>,
        worker: usize,
        named: bool,
        begun: &dyn Fn(),
    ) -> Result<BTreeMap<PkgName, Built>> {
        let plan = self.plan(recipe, done)?;
        let keyed = plan.keyed();
        let (record, fresh) = self.cached(&keyed, &places(&plan), || {
            begun();
            self.make(recipe, &plan, &keyed.key, worker)
        })?;
        let key = keyed.key;
        if !fresh {
            self.reporter.emit(Event::Cached { package: recipe.name.clone(), key, named });
        }
        let built = built(&plan, &keyed, &record, fresh)?;
        built.iter().try_for_each(|(name, built)| self.enforce_ledger_of(name.as_str(), &key, built.diff_id))?;
        Ok(built)
    }

    /// What the store holds of a plan, else what `make` makes of it.
    pub fn cached(
        &self,
        plan: &Keyed,
        outputs: &Outputs<'_>,
        make: impl FnOnce() -> Result<Record>,
    ) -> Result<(Record, bool)> {
        self.store.cached(plan, outputs, &|text| self.reporter.note(text), make)
    }

    /// What the store holds of a plan.
    pub fn lookup(&self, plan: &Keyed, outputs: &Outputs<'_>) -> Result<Option<Record>> {
        self.store.lookup(plan, outputs, &|text| self.reporter.note(text))
    }

    fn make(&self, recipe: &Recipe, plan: &BuildPlan, key: &Digest, worker: usize) -> Result<Record> {
        self.reporter.emit(Event::Begun { package: recipe.name.clone() });
        self.fetch(recipe, plan)?;
        let variations = (self.options.variations)(worker);
        let context = BuildContext {
            store: self.store,
            seed: self.seed()?.verified(self.reporter)?,
            folder: &self.repository.folder(recipe),
            variations: &variations,
            jobserver: &self.jobserver,
            reporter: self.reporter,
            scratch: self.scratch.dir(),
            keep: self.options.keep,
            bare: false,
        };
        let before = self.last_outputs(recipe)?;
        let made = package::build(plan, context)?;
        // Bytes that contradict the ledger are not recorded.
        made.outputs.iter().try_for_each(|(name, digest)| self.enforce_ledger_of(name.as_str(), key, *digest))?;
        let outputs: BTreeMap<String, Digest> = made.outputs.iter().map(|(name, id)| (name.to_string(), *id)).collect();
        let unchanged = before.as_ref() == Some(&outputs);
        self.reporter.emit(Event::Built {
            package: recipe.name.clone(),
            version: recipe.version.clone(),
            seconds: made.seconds,
            bytes: made.bytes,
            unchanged,
        });
        Ok(Record { outputs, seconds: made.seconds })
    }

    /// Builds `plan` although the store may hold its result, and records nothing; `bare` is for `bench sandbox` alone.
    pub fn build_again(&self, plan: &BuildPlan, bare: bool) -> Result<package::PackageBuild> {
        let variations = self.variations(0);
        let context = BuildContext {
            store: self.store,
            seed: self.seed()?.verified(self.reporter)?,
            folder: &self.repository.folder(self.repository.recipe_of(&plan.package)?),
            variations: &variations,
            jobserver: &self.jobserver,
            reporter: self.reporter,
            scratch: self.scratch.dir(),
            keep: false,
            bare,
        };
        package::build(plan, context)
    }

    /// The outputs of the recipe's last build, to say whether a rebuild changed anything.
    fn last_outputs(&self, recipe: &Recipe) -> Result<Option<BTreeMap<String, Digest>>> {
        let Some((key, _)) = self.store.last_plan(recipe.name.as_str())? else { return Ok(None) };
        Ok(self.store.record(&key)?.map(|record| record.outputs))
    }

    /// Fails when the ledger expects other bytes of `name` from the same inputs.
    pub fn enforce_ledger_of(&self, name: &str, key: &Digest, digest: Digest) -> Result<()> {
        let wrong = self.ledger.contradiction(name, key, digest).filter(|_| self.options.enforce_ledger);
        let Some(expected) = wrong else { return Ok(()) };
        let target = match name.split_once('/') {
            None => name.to_owned(),
            Some((what, name)) => format!("{what} {name}"),
        };
        Err(Exit::Differs.error(format!(
            "the ledger has other bytes for {name}, made from the same inputs:\n  ledger  {expected}\n  built   {digest}\n\
             help: either the line of {name} in digests/{}.txt was edited (`git diff digests` shows it; `cargo xtask ledger update` \
             writes what is built), or the build does not reproduce (`cargo xtask verify-repro {target}` names the first \
             byte that differs)",
            Arch::X86_64.as_str()
        )))
    }

    fn fetch(&self, recipe: &Recipe, plan: &BuildPlan) -> Result<()> {
        let fetching = |what: &str| format!("fetching the {what} of {}", recipe.name);
        self.fetcher()?.fetch_recipe(recipe).with_context(|| fetching("sources"))?;
        let crates: Vec<PlannedCrate> = plan.crates.iter().cloned().chain(PlannedCrate::sources_of(recipe)).collect();
        if crates.is_empty() {
            return Ok(());
        }
        crates::ensure(self.store.root(), &crates, self.options.offline).with_context(|| fetching("crates"))
    }
}
