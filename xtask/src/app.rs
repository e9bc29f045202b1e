//! The context of every task: the checkout, the options of every command, the store, the events.

use anyhow::Result;
use ashlar_core::plan::Variations;
use camino::Utf8PathBuf;

use crate::build::session::{Options, Session};
use crate::cli::Global;
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
    /// The tree, read and validated.
    pub fn repository(&self) -> Result<Repository> {
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
            enforce_ledger: true,
        }
    }

    /// An ordinary session.
    pub fn session<'a>(&'a self, repository: &'a Repository, store: &'a Store) -> Result<Session<'a>> {
        Session::start(repository, store, &self.reporter, self.options())
    }
}
