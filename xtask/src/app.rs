//! The context of every task: the checkout, the options of every command, the store, the events.

use anyhow::Result;
use ashlar_core::base::diag::Severity;
use ashlar_core::base::event::Event;
use ashlar_core::model::seed::SeedName;
use ashlar_core::plan::Variations;
use camino::Utf8PathBuf;

use crate::build::session::{Options, Session};
use crate::cli::Global;
use crate::host::invalid;
use crate::host::repository::Repository;
use crate::host::store::Store;
use crate::report::Reporter;

/// What every task may use.
#[derive(Debug)]
pub struct App {
    /// Root of the checkout.
    pub root: Utf8PathBuf,
    /// Options of every command.
    pub global: Global,
    /// Receives events.
    pub reporter: Reporter,
}

impl App {
    /// The tree, read and validated. A recipe that is broken or unfinished is told as a warning: it stops what needs it, and nothing
    /// else.
    pub fn repository(&self) -> Result<Repository> {
        let repository = Repository::load_good(&self.root)?;
        for findings in repository.broken.findings() {
            let Some(first) = findings.first() else { continue };
            let (_, mut shown) = invalid::located(&self.root, first);
            shown.severity = Severity::Warning;
            let more = if findings.len() > 1 { format!("{} findings; ", findings.len()) } else { String::new() };
            shown.help = Some(format!("{more}it stops only what needs it; `cargo xtask check` says more"));
            self.reporter.emit(Event::Finding(shown));
        }
        Ok(repository)
    }

    /// The tree, read and validated, for commands that are about all of it.
    pub fn whole_repository(&self) -> Result<Repository> {
        Repository::load(&self.root)
    }

    /// The store.
    pub fn store(&self) -> Result<Store> {
        match &self.global.store {
            Some(root) => Store::open(root),
            None => Store::open(&Store::default_root()?),
        }
    }

    /// Jobs at once.
    pub fn jobs(&self) -> usize {
        self.global.jobs.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from)).max(1)
    }

    /// The options of an ordinary session.
    pub fn options(&self) -> Options {
        Options {
            offline: self.global.offline,
            keep: self.global.keep,
            jobs: self.jobs(),
            variations: |_| Variations::none(),
            seed: SeedName::default(),
            enforce_ledger: true,
            all_checks: self.global.all_checks,
        }
    }

    /// An ordinary session.
    pub fn session<'a>(&'a self, repository: &'a Repository, store: &'a Store) -> Result<Session<'a>> {
        self.session_in(repository, store, &SeedName::default())
    }

    /// A session that builds in the seed env of this name.
    pub fn session_in<'a>(
        &'a self,
        repository: &'a Repository,
        store: &'a Store,
        seed: &SeedName,
    ) -> Result<Session<'a>> {
        let options = Options { seed: seed.clone(), ..self.options() };
        Session::start(repository, store, &self.reporter, options)
    }
}
