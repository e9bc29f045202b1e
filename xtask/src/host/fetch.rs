//! Files by their sha256: from the distfiles store, else from the first location that has the right bytes.
//!
//! ```text
//! <store>/distfiles/sha256/<hex>    whole files, verified when first used by a process
//! <store>/distfiles/partial/<hex>   begun downloads; resumed by the next run
//! ```
//! `download` reads one location; `unpinned` reads files whose hash is not known beforehand; [`super::mirror`] lists the
//! locations of a file.

mod download;
mod request;
#[cfg(test)]
mod tests;
mod unpinned;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Context as _, Result};
use ashlar_core::base::digest::Digest;
use ashlar_core::model::recipe::{Recipe, Source};
use camino::{Utf8Path, Utf8PathBuf};

pub use request::{FetchEvents, Limits, Wanted};

use self::request::Failure;
use super::hash;
use super::lock::Lock;
use super::mirror::{Location, Mirrors};
use super::parallel;

/// Files downloaded at the same time.
const THREADS: usize = 4;

/// Files that could not be had: for each, every location and why it failed.
#[derive(Debug, thiserror::Error)]
pub struct FetchError {
    failed: Vec<Failed>,
    store: Utf8PathBuf,
    offline: bool,
}

#[derive(Debug)]
struct Failed {
    wanted: Wanted,
    /// Location (kind and URL) and reason.
    tried: Vec<(String, String)>,
    /// How many of the locations have other bytes under the name.
    wrong: usize,
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.failed.len();
        write!(f, "{count} file{} could not be fetched", if count == 1 { "" } else { "s" })?;
        for failed in &self.failed {
            write!(f, "\n{} (sha256 {})", failed.wanted.label, failed.wanted.sha256)?;
            for (location, reason) in &failed.tried {
                write!(f, "\n  {location}: {reason}")?;
            }
            if failed.tried.is_empty() {
                let why = if self.offline {
                    "not in the store, and `--offline` forbids downloads"
                } else {
                    "it has no location"
                };
                write!(f, "\n  {why}")?;
            }
        }
        if self.offline {
            return write!(f, "\nhelp: run `cargo xtask fetch --all` once with a network");
        }
        if self.failed.iter().any(|failed| failed.wrong > 0) {
            write!(
                f,
                "\nhelp: if you changed the version, compare the new file's sha256 with upstream's and write it into the \
                 recipe; otherwise do not use this file"
            )?;
        }
        if self.failed.iter().any(|failed| failed.tried.len() > failed.wrong || failed.tried.is_empty()) {
            write!(
                f,
                "\nhelp: check the network; after a 404, check the path. Or name a Debian mirror in {}, or a distfiles \
                 mirror in {}, or put the file at {}/<sha256>",
                super::mirror::DEBIAN_VARIABLE,
                super::mirror::DISTFILES_VARIABLE,
                self.store.join("sha256")
            )?;
        }
        Ok(())
    }
}

/// Fetches files into a store.
pub struct Fetcher<'a> {
    distfiles: Utf8PathBuf,
    mirrors: Mirrors,
    offline: bool,
    events: &'a dyn FetchEvents,
    client: Option<reqwest::blocking::Client>,
    limits: Limits,
    /// Hosts that did not answer, with the reason: not asked again by this process.
    unreachable: Mutex<BTreeMap<String, String>>,
    /// Files whose bytes this process has hashed.
    verified: Mutex<BTreeSet<Digest>>,
}

impl fmt::Debug for Fetcher<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fetcher")
            .field("distfiles", &self.distfiles)
            .field("offline", &self.offline)
            .finish_non_exhaustive()
    }
}

impl<'a> Fetcher<'a> {
    /// A fetcher for the store at `store`.
    ///
    /// # Errors
    /// When the store's folders or the HTTP client cannot be made.
    pub fn new(store: &Utf8Path, mirrors: Mirrors, offline: bool, events: &'a dyn FetchEvents) -> Result<Self> {
        Self::with_limits(store, mirrors, offline, events, Limits::default())
    }

    /// Like [`Fetcher::new`], with other limits.
    ///
    /// # Errors
    /// As for [`Fetcher::new`].
    pub fn with_limits(
        store: &Utf8Path,
        mirrors: Mirrors,
        offline: bool,
        events: &'a dyn FetchEvents,
        limits: Limits,
    ) -> Result<Self> {
        let distfiles = store.join("distfiles");
        for folder in ["sha256", "partial"] {
            fs_err::create_dir_all(distfiles.join(folder))?;
        }
        let client = if offline { None } else { Some(download::client(limits)?) };
        let (unreachable, verified) = (Mutex::default(), Mutex::default());
        Ok(Self { distfiles, mirrors, offline, events, client, limits, unreachable, verified })
    }

    /// Where a file with that hash is kept, whether it is there or not.
    pub fn path(&self, sha256: &Digest) -> Utf8PathBuf {
        self.distfiles.join("sha256").join(sha256.to_string())
    }

    /// The mirrors in use.
    pub fn mirrors(&self) -> &Mirrors {
        &self.mirrors
    }

    /// Whether downloads are forbidden.
    pub fn offline(&self) -> bool {
        self.offline
    }

    /// Where notes go.
    pub fn events(&self) -> &'a dyn FetchEvents {
        self.events
    }

    /// A wanted file with all its locations.
    pub fn wanted(
        &self,
        label: &str,
        sha256: Digest,
        size: Option<u64>,
        pool: Option<&str>,
        upstream: &[String],
    ) -> Wanted {
        let locations = self.mirrors.locations(&sha256, pool, upstream);
        Wanted { label: label.to_owned(), sha256, size, locations }
    }

    /// Whether the store holds the file with the right bytes. Hashes it once per process; a damaged one is removed, with a note.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn verify(&self, sha256: &Digest) -> Result<bool> {
        if guard(&self.verified).contains(sha256) {
            return Ok(true);
        }
        let path = self.path(sha256);
        if !path.exists() {
            return Ok(false);
        }
        let (found, _) = hash::of_file(&path)?;
        if found == *sha256 {
            guard(&self.verified).insert(*sha256);
            return Ok(true);
        }
        self.events.note(&format!("{path} was damaged (its bytes hash to {found}); it is removed and fetched again"));
        fs_err::remove_file(&path)?;
        Ok(false)
    }

    /// Makes sure that the store holds all `wanted` files, and gives their paths in the same order.
    ///
    /// # Errors
    /// A [`FetchError`] that lists every file that could not be had and every location tried; or the disk's error.
    pub fn fetch(&self, wanted: &[Wanted]) -> Result<Vec<Utf8PathBuf>> {
        let missing = self.missing(wanted)?;
        if !missing.is_empty() {
            let failed = if self.offline {
                missing.into_iter().map(|wanted| Failed { wanted, tried: Vec::new(), wrong: 0 }).collect()
            } else {
                let lock = self.distfiles.join("lock");
                let waiting = || self.events.note("another run is fetching into this store; waiting for it");
                let _held = Lock::take(&lock, waiting)?;
                // The other run may have fetched the same files.
                self.download_all(&self.missing(&missing)?)?
            };
            if !failed.is_empty() {
                return Err(FetchError { failed, store: self.distfiles.clone(), offline: self.offline }.into());
            }
        }
        Ok(wanted.iter().map(|file| self.path(&file.sha256)).collect())
    }

    /// Makes sure that the store holds the sources and patches of a recipe, but for those that are crates.
    ///
    /// # Errors
    /// As for [`Fetcher::fetch`].
    pub fn fetch_recipe(&self, recipe: &Recipe) -> Result<()> {
        self.fetch(&self.wanted_by(recipe)).map(drop)
    }

    /// The sources and patches of a recipe as wanted files, but for those that are crates, which cargo fetches.
    pub fn wanted_by(&self, recipe: &Recipe) -> Vec<Wanted> {
        let wanted = |source: &Source| {
            self.wanted(&source.file_name(), source.sha256, None, source.debian.as_deref(), &source.urls)
        };
        recipe.files().filter(|source| source.krate.is_none()).map(wanted).collect()
    }

    /// Those of `wanted` that are not in the store, each hash once.
    fn missing(&self, wanted: &[Wanted]) -> Result<Vec<Wanted>> {
        let mut seen = BTreeSet::new();
        let mut missing = Vec::new();
        for file in wanted {
            if seen.insert(file.sha256) && !self.verify(&file.sha256)? {
                missing.push(file.clone());
            }
        }
        Ok(missing)
    }

    fn download_all(&self, missing: &[Wanted]) -> Result<Vec<Failed>> {
        let failed = parallel::queue(missing, THREADS, |wanted| self.download(wanted))?;
        Ok(failed.into_iter().flatten().collect())
    }

    /// Tries the locations of one file in order. `None` when the file is in the store now.
    fn download(&self, wanted: &Wanted) -> Result<Option<Failed>> {
        let client = self.client.as_ref().context("a fetcher without a client was asked to download")?;
        let partial = self.distfiles.join("partial").join(wanted.sha256.to_string());
        let (mut tried, mut wrong) = (Vec::new(), 0);
        for location in &wanted.locations {
            let place = shown(location);
            let host = download::host(&location.url);
            if let Some(reason) = guard(&self.unreachable).get(&host) {
                tried.push((place, format!("{reason} (not asked again)")));
                continue;
            }
            match download::to_partial(client, &location.url, &partial, wanted, self.limits.file, self.events) {
                Ok(bytes) => {
                    let path = self.path(&wanted.sha256);
                    fs_err::rename(&partial, &path)?;
                    guard(&self.verified).insert(wanted.sha256);
                    self.events.done(&wanted.label, bytes);
                    return Ok(None);
                }
                Err(Failure::Local(error)) => return Err(error.context(format!("fetching {}", wanted.label))),
                Err(Failure::Unreachable(reason)) => {
                    guard(&self.unreachable).insert(host, reason.clone());
                    tried.push((place, reason));
                }
                Err(Failure::WrongBytes(why)) => {
                    let reason = format!("wrong bytes: {why}");
                    self.events.note(&format!("{}: {place}: {reason}; trying the next location", wanted.label));
                    wrong += 1;
                    tried.push((place, reason));
                }
                Err(Failure::Location(reason)) => tried.push((place, reason)),
            }
        }
        Ok(Some(Failed { wanted: wanted.clone(), tried, wrong }))
    }
}

fn shown(location: &Location) -> String {
    format!("{} {}", location.origin.as_str(), location.shown())
}

/// A lock that a panicking thread left is still good: every critical section here is one call.
fn guard<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
