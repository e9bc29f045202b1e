//! The seed env on disk: fetched, unpacked once per lock, verified once per process.
//!
//! ```text
//! <store>/seed/<key>/tree       the files
//! <store>/seed/<key>/manifest   what they must be, see `ashlar_core::model::seed::tree`
//! <store>/seed/<key>.new        an unpacking that did not end; removed by the next
//! ```

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use anyhow::{Context as _, Result, anyhow, bail};
use ashlar_core::base::digest::Digest;
use ashlar_core::model::seed::lock::{LockedPackage, SeedLock};
use ashlar_core::model::seed::tree::{Node, Tree};
use ashlar_core::model::seed::{DEF_FILE, LOCK_FILE, SeedDef};
use camino::{Utf8Path, Utf8PathBuf};

use super::deb::{Pin, Unpacker, merged_links};
use super::fetch::{FetchEvents, Fetcher, Wanted};
use super::invalid::invalid;
use super::lock::Lock;
use super::mirror::Mirrors;
use super::repository::Repository;
use super::store::Store;
use super::{checkout, hash};

/// Threads that unpack and hash. Their number has no influence on the result.
const THREADS: usize = 2;

/// The seed env.
#[derive(Debug)]
pub struct Seed {
    /// Content digest of the tree: the same on every host.
    pub digest: Digest,
    /// Root of the tree, which holds `usr` and the links of a merged system.
    pub tree: Utf8PathBuf,
    store: Utf8PathBuf,
    def: SeedDef,
    lock: SeedLock,
    offline: bool,
    verified: OnceLock<()>,
}

impl Seed {
    /// The tree's root, after its files were compared with the manifest, once per process. A damaged tree is unpacked again.
    ///
    /// # Errors
    /// When the tree is damaged and cannot be made again.
    pub fn verified(&self, events: &dyn FetchEvents) -> Result<&Utf8Path> {
        static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
        let _one = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        if self.verified.get().is_none() {
            let damage = damage(&self.dir(), &self.digest)?;
            if !damage.is_empty() {
                let shown = damage.iter().take(5).map(String::as_str).collect::<Vec<_>>().join("; ");
                events
                    .note(&format!("the seed env was damaged ({} paths: {shown}); it is unpacked again", damage.len()));
                fs_err::remove_dir_all(self.dir())?;
                let mirrors = Mirrors::detect(Some(&self.def.snapshot))?;
                let fetcher = Fetcher::new(&self.store, mirrors, self.offline, events)?;
                unpacked(&self.store, &self.def, &self.lock, &fetcher)?;
            }
            self.verified.get_or_init(|| ());
        }
        Ok(&self.tree)
    }

    fn dir(&self) -> Utf8PathBuf {
        self.tree.parent().map_or_else(|| self.tree.clone(), Utf8Path::to_owned)
    }
}

/// Definition and lock of the checkout at `root`, read and checked against each other.
///
/// # Errors
/// All findings, rendered; or that there is no lock yet.
pub fn load(root: &Utf8Path) -> Result<(SeedDef, SeedLock)> {
    let def = definition(root)?;
    let text =
        checkout::read_to_string(&root.join(LOCK_FILE)).context("run `cargo xtask seed lock` to write the lock")?;
    let lock = SeedLock::parse(&text).map_err(|found| invalid(root, &found))?;
    let findings = lock.check(&def);
    if findings.is_empty() { Ok((def, lock)) } else { Err(invalid(root, &findings)) }
}

/// The definition of the checkout at `root`.
///
/// # Errors
/// All findings, rendered.
pub fn definition(root: &Utf8Path) -> Result<SeedDef> {
    SeedDef::parse(&checkout::read_to_string(&root.join(DEF_FILE))?).map_err(|found| invalid(root, &found))
}

/// The seed env of `repository`, fetched and unpacked when the store does not have it.
///
/// # Errors
/// When a package cannot be had or unpacked, or the tree is another than the lock says.
pub fn ensure(repository: &Repository, store: &Store, fetcher: &Fetcher<'_>) -> Result<Seed> {
    let (def, lock) = load(&repository.root)?;
    ensure_at(store.root(), def, lock, fetcher)
}

/// Like [`ensure`], for a definition and lock at hand and a store by its directory.
///
/// # Errors
/// As for [`ensure`].
pub fn ensure_at(store: &Utf8Path, def: SeedDef, lock: SeedLock, fetcher: &Fetcher<'_>) -> Result<Seed> {
    let dir = folder(store, &def, &lock);
    let digest = if dir.join("manifest").exists() {
        Digest::of(fs_err::read(dir.join("manifest"))?)
    } else {
        unpacked(store, &def, &lock, fetcher)?
    };
    if let Some(expected) = lock.tree
        && expected != digest
    {
        bail!(
            "the seed env in {dir} has the digest {digest}, seed.lock says {expected}; \
             remove that folder, and if it comes back the same, run `cargo xtask seed lock` and review its difference"
        );
    }
    let offline = fetcher.offline();
    Ok(Seed { digest, tree: dir.join("tree"), store: store.to_owned(), def, lock, offline, verified: OnceLock::new() })
}

/// All packages of a lock as wanted files, in the lock's order.
pub fn wanted(lock: &SeedLock, fetcher: &Fetcher<'_>) -> Vec<Wanted> {
    let file = |package: &LockedPackage| {
        let label = package.pool.rsplit('/').next().unwrap_or(&package.pool);
        fetcher.wanted(label, package.sha256, Some(package.size), Some(&package.pool), &[])
    };
    lock.packages.iter().map(file).collect()
}

/// Where the seed env of a definition and lock is unpacked.
pub fn folder(store: &Utf8Path, def: &SeedDef, lock: &SeedLock) -> Utf8PathBuf {
    store.join("seed").join(lock.key(def).to_string())
}

/// Fetches and unpacks; gives the tree's digest. The folder appears whole or not at all.
fn unpacked(store: &Utf8Path, def: &SeedDef, lock: &SeedLock, fetcher: &Fetcher<'_>) -> Result<Digest> {
    let dir = folder(store, def, lock);
    let base = store.join("seed");
    fs_err::create_dir_all(&base)?;
    let waiting = || fetcher.events().note("another run is unpacking the seed env; waiting for it");
    let _held = Lock::take(&base.join("lock"), waiting)?;
    if dir.join("manifest").exists() {
        return Ok(Digest::of(fs_err::read(dir.join("manifest"))?));
    }
    let debs = fetcher.fetch(&wanted(lock, fetcher))?;
    let new = Utf8PathBuf::from(format!("{dir}.new"));
    if new.exists() {
        fs_err::remove_dir_all(&new)?;
    }
    fs_err::create_dir_all(new.join("tree"))?;
    let tree = unpack_all(&new.join("tree"), def, lock, &debs)?;
    fs_err::write(new.join("manifest"), tree.print())?;
    if dir.exists() {
        fs_err::remove_dir_all(&dir)?;
    }
    fs_err::rename(&new, &dir)?;
    Ok(tree.digest())
}

fn unpack_all(root: &Utf8Path, def: &SeedDef, lock: &SeedLock, debs: &[Utf8PathBuf]) -> Result<Tree> {
    let unpacker = Unpacker::new(root, &def.drop);
    // The largest first, so that both threads end at about the same time.
    let mut order: Vec<usize> = (0..debs.len()).collect();
    order.sort_by_key(|&index| std::cmp::Reverse(lock.packages[index].size));
    in_parallel(&order, |&index| {
        let package = &lock.packages[index];
        unpacker.unpack(Pin { name: &package.name, version: &package.version }, &debs[index])
    })?;
    for (link, target) in merged_links() {
        unpacker.link(link, &target)?;
    }
    for (link, target) in &def.links {
        unpacker.link(link, target).context("making the `links` of seed.toml")?;
    }
    unpacker.finish()
}

/// Runs `work` for all items on a few threads; the error of the first item that failed.
fn in_parallel<T: Sync>(items: &[T], work: impl Fn(&T) -> Result<()> + Sync) -> Result<()> {
    let next = AtomicUsize::new(0);
    let failures = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while let Some((index, item)) = {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    items.get(index).map(|item| (index, item))
                } {
                    if let Err(error) = work(item) {
                        next.fetch_add(items.len(), Ordering::Relaxed);
                        failures.lock().unwrap_or_else(PoisonError::into_inner).push((index, error));
                    }
                }
            });
        }
    });
    let mut failures = failures.into_inner().unwrap_or_else(PoisonError::into_inner);
    failures.sort_by_key(|(index, _)| *index);
    failures.into_iter().next().map_or(Ok(()), |(_, error)| Err(error))
}

/// How the tree in `dir` differs from its manifest and the manifest from `digest`; empty when all is well.
fn damage(dir: &Utf8Path, digest: &Digest) -> Result<Vec<String>> {
    let text = match fs_err::read_to_string(dir.join("manifest")) {
        Ok(text) if Digest::of(&text) == *digest => text,
        Ok(_) => return Ok(vec!["the manifest was changed".to_owned()]),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Ok(vec!["the manifest is missing".to_owned()]);
        }
        Err(error) => return Err(error.into()),
    };
    let expected = Tree::parse(&text).map_err(|why| anyhow!(why))?;
    let mut found = Tree::default();
    let mut files = Vec::new();
    walk(&dir.join("tree"), "", &mut found, &mut files)?;
    let hashed = Mutex::new(Vec::with_capacity(files.len()));
    in_parallel(&files, |(place, executable)| {
        let (sha256, size) = hash::of_file(&dir.join("tree").join(place))?;
        let node = Node::File { executable: *executable, size, sha256 };
        hashed.lock().unwrap_or_else(PoisonError::into_inner).push((place.clone(), node));
        Ok(())
    })?;
    found.nodes.extend(hashed.into_inner().unwrap_or_else(PoisonError::into_inner));
    Ok(expected.differences(&found))
}

/// Lists a tree: directories and links into `found`, files (path and whether executable) into `files`.
fn walk(root: &Utf8Path, below: &str, found: &mut Tree, files: &mut Vec<(String, bool)>) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    for entry in root.join(below).read_dir_utf8()? {
        let entry = entry?;
        let place =
            if below.is_empty() { entry.file_name().to_owned() } else { format!("{below}/{}", entry.file_name()) };
        let kind = entry.file_type()?;
        if kind.is_dir() {
            walk(root, &place, found, files)?;
            found.nodes.insert(place, Node::Dir);
        } else if kind.is_symlink() {
            let target = entry.path().read_link_utf8()?.into_string();
            found.nodes.insert(place, Node::Link { target });
        } else {
            let mode = entry.metadata()?.permissions().mode();
            files.push((place, mode & 0o111 != 0));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
