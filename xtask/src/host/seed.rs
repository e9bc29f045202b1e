//! The seed env on disk: fetched, unpacked once per lock, verified once per process.
//!
//! ```text
//! <store>/seed/<key>/tree       the files
//! <store>/seed/<key>/manifest   what they must be, see `ashlar_core::model::seed::tree`
//! <store>/seed/<key>.new        an unpacking that did not end; removed by the next
//! ```

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use anyhow::{Context as _, Result, anyhow, bail};
use ashlar_core::base::diag::suggest;
use ashlar_core::base::digest::Digest;
use ashlar_core::model::seed::definition::Definition;
use ashlar_core::model::seed::derived::{DerivedDef, DerivedLock};
use ashlar_core::model::seed::lock::{LockedPackage, SeedLock};
use ashlar_core::model::seed::resolved::ResolvedSeed;
use ashlar_core::model::seed::tree::{Node, Tree};
use ashlar_core::model::seed::{SEEDS, SeedDef, SeedName};
use camino::{Utf8Path, Utf8PathBuf};

use super::deb::{Pin, Unpacker, merged_links};
use super::fetch::{FetchEvents, Fetcher, Wanted};
use super::invalid::invalid;
use super::lock::Lock;
use super::mirror::Mirrors;
use super::{checkout, hash, wheels};
use crate::exit::Exit;

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
    resolved: ResolvedSeed,
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
                let mirrors = Mirrors::detect(Some(&self.resolved.snapshot))?;
                let fetcher = Fetcher::new(&self.store, mirrors, self.offline, events)?;
                unpacked(&self.store, &self.resolved, &fetcher)?;
            }
            self.verified.get_or_init(|| ());
        }
        Ok(&self.tree)
    }

    fn dir(&self) -> Utf8PathBuf {
        self.tree.parent().map_or_else(|| self.tree.clone(), Utf8Path::to_owned)
    }
}

/// The seeds of the checkout at `root`.
///
/// # Errors
/// When their folder cannot be read.
pub fn names(root: &Utf8Path) -> Result<Vec<SeedName>> {
    let mut names = Vec::new();
    for entry in root.join(SEEDS).read_dir_utf8()? {
        names.extend(entry?.file_name().parse());
    }
    names.sort();
    Ok(names)
}

/// The seed `name` of the checkout at `root`: definition and lock, read and checked against each other.
///
/// # Errors
/// All findings, rendered; that there is no lock yet; that there is no such seed.
pub fn load(root: &Utf8Path, name: &SeedName) -> Result<ResolvedSeed> {
    match definition(root, name)? {
        Definition::Archive(def) => {
            let lock = SeedLock::parse(&lock_text(root, name)?, name).map_err(|found| invalid(root, &found))?;
            let resolved = ResolvedSeed::of(&def, &lock);
            let findings = lock.check(&def, resolved.key());
            if findings.is_empty() { Ok(resolved) } else { Err(invalid(root, &findings)) }
        }
        Definition::Derived(def) => {
            let lock = DerivedLock::parse(&lock_text(root, name)?, name).map_err(|found| invalid(root, &found))?;
            let pins = lock.pins(&def).map_err(|found| invalid(root, &found))?;
            lock.confirm(&def, derived(root, &def, &pins)?).map_err(|found| invalid(root, &found))
        }
    }
}

/// A derived seed whose wheels have the hashes `pins`, without its lock's word on the tree.
///
/// # Errors
/// All findings, rendered; a script that cannot be read.
pub fn derived(root: &Utf8Path, def: &DerivedDef, pins: &[Digest]) -> Result<ResolvedSeed> {
    archive(root, &def.base).with_context(|| format!("`base` of {}", def.name.def_file()))?;
    let mut scripts = BTreeMap::new();
    for file in def.scripts.values() {
        scripts.insert(file.clone(), checkout::read_to_string(&root.join(def.name.folder()).join(file))?);
    }
    def.resolve(load(root, &def.base)?, &scripts, pins).map_err(|found| invalid(root, &found))
}

/// The definition of a seed that has packages of its own.
///
/// # Errors
/// All findings, rendered; that the seed is derived from another one.
pub fn archive(root: &Utf8Path, name: &SeedName) -> Result<SeedDef> {
    match definition(root, name)? {
        Definition::Archive(def) => Ok(def),
        Definition::Derived(_) => bail!("the seed `{name}` has no packages of its own"),
    }
}

/// The definition of a seed of the checkout at `root`.
///
/// # Errors
/// All findings, rendered; that there is no such seed.
pub fn definition(root: &Utf8Path, name: &SeedName) -> Result<Definition> {
    let path = root.join(name.def_file());
    if !path.exists() {
        let known: Vec<String> = names(root)?.iter().map(ToString::to_string).collect();
        let close = suggest(name.as_str(), known.iter().map(String::as_str));
        let hint =
            close.map_or_else(|| format!("there are {}", known.join(", ")), |close| format!("did you mean `{close}`?"));
        return Err(Exit::Usage.error(format!("there is no seed `{name}` below {SEEDS}; {hint}")));
    }
    Definition::parse(&checkout::read_to_string(&path)?, name).map_err(|found| invalid(root, &found))
}

fn lock_text(root: &Utf8Path, name: &SeedName) -> Result<String> {
    checkout::read_to_string(&root.join(name.lock_file()))
        .with_context(|| format!("run `{}` to write the lock", name.lock_command()))
}

/// The seed env, fetched and unpacked below `store` when it is not there.
///
/// # Errors
/// When a file cannot be had or unpacked, or the tree is another than the lock says.
pub fn ensure(store: &Utf8Path, resolved: ResolvedSeed, fetcher: &Fetcher<'_>) -> Result<Seed> {
    let dir = folder(store, &resolved);
    let digest = if dir.join("manifest").exists() {
        Digest::of(fs_err::read(dir.join("manifest"))?)
    } else {
        unpacked(store, &resolved, fetcher)?
    };
    if let Some(expected) = resolved.tree
        && expected != digest
    {
        bail!(
            "the seed env in {dir} has the digest {digest}, {} says {expected}; \
             remove that folder, and if it comes back the same, run `{}` and review its difference",
            resolved.name.lock_file(),
            resolved.name.lock_command()
        );
    }
    let offline = fetcher.offline();
    Ok(Seed { digest, tree: dir.join("tree"), store: store.to_owned(), resolved, offline, verified: OnceLock::new() })
}

/// All packages of a seed as wanted files, in the lock's order.
pub fn wanted(seed: &ResolvedSeed, fetcher: &Fetcher<'_>) -> Vec<Wanted> {
    let file = |package: &LockedPackage| {
        let label = package.pool.rsplit('/').next().unwrap_or(&package.pool);
        fetcher.wanted(label, package.sha256, Some(package.size), Some(&package.pool), &[])
    };
    seed.packages.iter().map(file).collect()
}

/// Where a seed is unpacked.
pub fn folder(store: &Utf8Path, seed: &ResolvedSeed) -> Utf8PathBuf {
    store.join("seed").join(seed.key().to_string())
}

/// Fetches and unpacks; gives the tree's digest. The folder appears whole or not at all.
fn unpacked(store: &Utf8Path, seed: &ResolvedSeed, fetcher: &Fetcher<'_>) -> Result<Digest> {
    let dir = folder(store, seed);
    let base = store.join("seed");
    fs_err::create_dir_all(&base)?;
    let waiting = || fetcher.events().note("another run is unpacking the seed env; waiting for it");
    let _held = Lock::take(&base.join("lock"), waiting)?;
    if dir.join("manifest").exists() {
        return Ok(Digest::of(fs_err::read(dir.join("manifest"))?));
    }
    let debs = fetcher.fetch(&wanted(seed, fetcher))?;
    let wheels = wheels::ensure(store, &seed.wheels, fetcher.offline())?;
    let new = Utf8PathBuf::from(format!("{dir}.new"));
    if new.exists() {
        fs_err::remove_dir_all(&new)?;
    }
    fs_err::create_dir_all(new.join("tree"))?;
    let tree = unpack_all(&new.join("tree"), seed, &debs, &wheels)?;
    fs_err::write(new.join("manifest"), tree.print())?;
    if dir.exists() {
        fs_err::remove_dir_all(&dir)?;
    }
    fs_err::rename(&new, &dir)?;
    Ok(tree.digest())
}

fn unpack_all(root: &Utf8Path, seed: &ResolvedSeed, debs: &[Utf8PathBuf], wheels: &[Utf8PathBuf]) -> Result<Tree> {
    let unpacker = Unpacker::new(root, &seed.drop);
    // The largest first, so that both threads end at about the same time.
    let mut order: Vec<usize> = (0..debs.len()).collect();
    order.sort_by_key(|&index| std::cmp::Reverse(seed.packages[index].size));
    in_parallel(&order, |&index| {
        let package = &seed.packages[index];
        unpacker.unpack(Pin { name: &package.name, version: &package.version }, &debs[index])
    })?;
    for (wheel, file) in seed.wheels.iter().zip(wheels) {
        wheels::unpack(&unpacker, wheel, file)?;
    }
    for (place, text) in &seed.scripts {
        unpacker.add("the scripts of seed.toml", place, &mut text.as_bytes())?;
    }
    for (link, target) in merged_links() {
        unpacker.link(link, &target)?;
    }
    for (link, target) in &seed.links {
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
