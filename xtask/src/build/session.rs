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
use ashlar_core::model::seed::SeedName;
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
use crate::host::seed::{self, Seed};
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
    /// The seed env that builds run in.
    pub seed: SeedName,
    /// Whether a build that contradicts the ledger fails.
    pub enforce_ledger: bool,
    /// Whether the checks of packages run whose bytes the ledger has. Those of packages that somebody named always run.
    pub all_checks: bool,
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
        // Said once and before anything else, not by each worker.
        if options.seed != SeedName::default() {
            seed::definition(&repository.root, &options.seed)?;
        }
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

    /// The name of the seed whose env builds run in.
    pub fn seed_name(&self) -> &SeedName {
        &self.options.seed
    }

    /// The seed env, unpacked and verified on first use.
    pub fn seed(&self) -> Result<&Seed> {
        let _one = self.seed_lock.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(seed) = self.seed.get() {
            return Ok(seed);
        }
        let resolved = seed::load(&self.repository.root, &self.options.seed)?;
        let ensured = seed::ensure(self.store.root(), resolved, &self.fetcher()?).context("preparing the seed env")?;
        Ok(self.seed.get_or_init(|| ensured))
    }

    fn fetcher(&self) -> Result<Fetcher<'_>> {
        let snapshot = seed::archive(&self.repository.root, &SeedName::default())?.snapshot;
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
            self.make(recipe, &plan, &keyed, worker, named)
        })?;
        let key = keyed.key;
        if !fresh {
            self.reporter.emit(Event::Cached { package: recipe.name.clone(), key, named });
        }
        let built = built(&plan, &keyed, &record, fresh)?;
        built.iter().try_for_each(|(name, built)| self.enforce_ledger_of(name.as_str(), &keyed, built.diff_id))?;
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

    fn make(&self, recipe: &Recipe, plan: &BuildPlan, keyed: &Keyed, worker: usize, named: bool) -> Result<Record> {
        self.reporter.emit(Event::Begun { package: recipe.name.clone() });
        self.fetch(recipe, plan)?;
        let variations = (self.options.variations)(worker);
        let vouched = !named && self.vouched(plan, keyed)?;
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
            skip_checks: vouched,
        };
        let before = self.last_outputs(recipe)?;
        let made = package::build(plan, context)?;
        // Bytes that contradict the ledger are not recorded.
        made.outputs.iter().try_for_each(|(name, digest)| self.enforce_ledger_of(name.as_str(), keyed, *digest))?;
        let outputs: BTreeMap<String, Digest> = made.outputs.iter().map(|(name, id)| (name.to_string(), *id)).collect();
        let unchanged = before.as_ref() == Some(&outputs);
        self.reporter.emit(Event::Built {
            package: recipe.name.clone(),
            version: recipe.version.clone(),
            seconds: made.seconds,
            bytes: made.bytes,
            unchanged,
            vouched,
        });
        Ok(Record { outputs, seconds: made.seconds, seed: Some(self.options.seed.clone()) })
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
            skip_checks: false,
        };
        package::build(plan, context)
    }

    /// The outputs of the recipe's last build, to say whether a rebuild changed anything.
    fn last_outputs(&self, recipe: &Recipe) -> Result<Option<BTreeMap<String, Digest>>> {
        let Some((key, _)) = self.store.last_plan(recipe.name.as_str())? else { return Ok(None) };
        Ok(self.store.record(&key)?.map(|record| record.outputs))
    }

    /// The input key of a plan as the ledger has it, which is that of the default seed env, whatever this session builds in.
    fn ledger_key(&self, plan: &Keyed) -> Result<Digest> {
        if self.options.seed == SeedName::default() {
            return Ok(plan.key);
        }
        let there = seed::load(&self.repository.root, &SeedName::default())?.tree;
        let here = self.seed()?.digest;
        Ok(there.map_or(plan.key, |there| plan.in_seed(&here, &there).key))
    }

    /// Whether the ledger has the bytes that come of a plan, which this session would hold a build against: then they are those that
    /// passed the package's checks when they were entered, or the build fails.
    fn vouched(&self, plan: &BuildPlan, keyed: &Keyed) -> Result<bool> {
        if !self.options.enforce_ledger || self.options.all_checks {
            return Ok(false);
        }
        let key = self.ledger_key(keyed)?;
        Ok(plan.package_names().all(|name| self.ledger.vouches_for(name.as_str(), &key)))
    }

    /// Fails when the ledger expects other bytes of `name` from the same inputs.
    pub fn enforce_ledger_of(&self, name: &str, plan: &Keyed, digest: Digest) -> Result<()> {
        if !self.options.enforce_ledger {
            return Ok(());
        }
        let Some(expected) = self.ledger.contradiction(name, &self.ledger_key(plan)?, digest) else { return Ok(()) };
        let seed = &self.options.seed;
        if *seed != SeedName::default() {
            return Err(Exit::Differs.error(format!(
                "in the seed `{seed}`, {name} has other bytes than the ledger:\n  ledger  {expected}\n  built   {digest}\n\
                 help: `cargo xtask verify-repro {} --seed {seed}` names the file and the first byte that differs",
                target(name)
            )));
        }
        Err(Exit::Differs.error(format!(
            "the ledger has other bytes for {name}, made from the same inputs:\n  ledger  {expected}\n  built   {digest}\n\
             help: if somebody edited the line of {name} in digests/{}.txt (see `git diff digests`), run \
             `cargo xtask ledger update`\n\
             help: otherwise the build does not reproduce: `cargo xtask verify-repro {}` names the first byte that differs",
            Arch::X86_64.as_str(),
            target(name)
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

/// An output's name in the ledger, in the words of the command line.
fn target(name: &str) -> String {
    name.replacen('/', " ", 1)
}
