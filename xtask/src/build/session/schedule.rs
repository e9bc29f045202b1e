//! The order of a run of builds: each package once its inputs are there, independent ones side by side.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use anyhow::Result;
use ashlar_core::base::event::Event;
use ashlar_core::base::name::PkgName;
use ashlar_core::model::recipe::Recipe;

use super::{Built, Session};
use crate::exit::Exit;
use crate::host::{exec, interrupt};
use crate::report::failure;

/// What the worker threads share.
#[derive(Debug, Default)]
struct Progress {
    waiting: BTreeSet<PkgName>,
    running: BTreeSet<PkgName>,
    done: BTreeMap<PkgName, Built>,
    failures: Vec<anyhow::Error>,
    failed: Vec<PkgName>,
    /// All recipes of the run.
    total: usize,
    /// Recipes that are there or failed.
    finished: usize,
    /// Recipes that were there and that nobody named.
    cached: usize,
    /// Seconds that the last builds of recipes took: read once something is built.
    durations: Option<BTreeMap<PkgName, u64>>,
}

impl Progress {
    /// Whether others would meet the same: what failed is not a package but the machine, or somebody wants an end.
    fn is_hopeless(&self) -> bool {
        let of_a_package = |error: &anyhow::Error| {
            let exit = failure::exit(error);
            matches!(exit, Exit::Invalid | Exit::Source | Exit::Build | Exit::Differs) && !exec::met_full_disk(error)
        };
        interrupt::asked() || !self.failures.iter().all(of_a_package)
    }

    /// How far the run is; `jobs` recipes are built at once.
    fn event(&self, jobs: usize) -> Event {
        let left = self.waiting.iter().chain(&self.running);
        let known: Vec<u64> = left.filter_map(|name| self.durations.as_ref()?.get(name).copied()).collect();
        let at_once = jobs.min(known.len()).max(1) as u64;
        let seconds_left = (!known.is_empty()).then(|| known.iter().sum::<u64>() / at_once);
        Event::Progress { done: self.finished, total: self.total, seconds_left }
    }
}

impl<'a> Session<'a> {
    /// Builds `targets` and everything below them; of what needs no build, only what is `named` is told one by one.
    pub(super) fn run(&self, targets: &[PkgName], named: &BTreeSet<PkgName>) -> Result<BTreeMap<PkgName, Built>> {
        let needed = self.needed(targets)?;
        let total = needed.len();
        let progress = Mutex::new(Progress { waiting: needed, total, ..Progress::default() });
        let changed = Condvar::new();
        std::thread::scope(|scope| {
            for worker in 0..self.options.jobs.max(1) {
                let (progress, changed) = (&progress, &changed);
                scope.spawn(move || self.work(worker, named, progress, changed));
            }
        });
        interrupt::check()?;
        let mut progress = progress.into_inner().unwrap_or_else(PoisonError::into_inner);
        if progress.cached > 0 {
            self.reporter.emit(Event::AlsoCached { packages: progress.cached });
        }
        if progress.failures.is_empty() {
            return Ok(progress.done);
        }
        let above = self.above(&progress.failed);
        let (needing, others): (Vec<&str>, Vec<&str>) =
            progress.waiting.iter().map(PkgName::as_str).partition(|name| above.contains(*name));
        for (why, names) in [("not built, since it needs what failed", needing), ("not tried", others)] {
            if !names.is_empty() {
                self.reporter.note(format!("{why}: {}", names.join(", ")));
            }
        }
        // The first is the command's error; the others are told in full before it.
        let first = progress.failures.remove(0);
        progress.failures.iter().for_each(|error| failure::show(self.reporter, error));
        Err(first)
    }

    /// What needs one of `failed`, by way of others too.
    fn above<'b>(&'b self, failed: &'b [PkgName]) -> BTreeSet<&'b str> {
        let (mut above, mut pending) = (BTreeSet::new(), failed.iter().collect::<Vec<_>>());
        while let Some(name) = pending.pop() {
            pending
                .extend(self.repository.graph.dependents(name).into_iter().filter(|name| above.insert(name.as_str())));
        }
        above
    }

    fn work(&self, worker: usize, named: &BTreeSet<PkgName>, progress: &Mutex<Progress>, changed: &Condvar) {
        let lock = || progress.lock().unwrap_or_else(PoisonError::into_inner);
        let mut state = lock();
        while !state.waiting.is_empty() && !state.is_hopeless() {
            let Some(recipe) = self.next(&state) else {
                // What is left needs what failed.
                if state.running.is_empty() {
                    break;
                }
                state = changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            state.waiting.remove(&recipe.name);
            state.running.insert(recipe.name.clone());
            let done = state.done.clone();
            drop::<MutexGuard<'_, Progress>>(state);
            // Called when the recipe is really built.
            let begun = || {
                let mut state = lock();
                if state.durations.is_none() {
                    state.durations = Some(self.durations(&state));
                }
                self.reporter.emit(state.event(self.options.jobs));
            };
            let result = self.resolve(recipe, &done, worker, named.contains(&recipe.name), &begun);
            state = lock();
            state.running.remove(&recipe.name);
            state.finished += 1;
            match result {
                Ok(built) => {
                    let fresh = built.values().any(|built| built.fresh);
                    state.cached += usize::from(!fresh && !named.contains(&recipe.name));
                    state.done.extend(built);
                }
                Err(error) => {
                    state.failures.push(error);
                    state.failed.push(recipe.name.clone());
                }
            }
            self.reporter.emit(state.event(self.options.jobs));
            changed.notify_all();
        }
    }

    /// How long the last builds took of what is not there yet.
    fn durations(&self, state: &Progress) -> BTreeMap<PkgName, u64> {
        // What cannot be read is not known: this is an estimate.
        let last = |name: &PkgName| {
            let key = self.store.last_key(name.as_str()).ok()??;
            Some((name.clone(), self.store.record(&key).ok()??.seconds))
        };
        state.waiting.iter().chain(&state.running).filter_map(last).collect()
    }

    /// The next recipe whose inputs are there: first those whose style asks for it, then those that most others wait for.
    fn next(&self, state: &Progress) -> Option<&'a Recipe> {
        let ready = |name: &&PkgName| {
            let inputs = self.repository.recipes.get(*name).map(|recipe| recipe.inputs());
            inputs.is_some_and(|mut inputs| inputs.all(|input| state.done.contains_key(input)))
        };
        let rank = |name: &&PkgName| {
            let first = self.repository.recipes.get(*name).is_some_and(|recipe| recipe.style.first);
            (first, self.repository.graph.dependents(name).len())
        };
        state.waiting.iter().filter(ready).max_by_key(rank).and_then(|name| self.repository.recipes.get(name))
    }
}
