//! `gc`: removes from the store what nothing current needs.

use std::collections::BTreeSet;

use anyhow::{Result, bail};
use ashlar_core::base::event::size;
use camino::{Utf8Path, Utf8PathBuf};

use crate::app::App;
use crate::exit::Exit;
use crate::host::lock::Lock;
use crate::host::seed;
use crate::host::store::Store;

/// Keeps the last record of every package, image and ISO, what they name, and the current seed. Kept builds go.
pub fn run(app: &App, distfiles: bool) -> Result<Exit> {
    let store = app.store()?;
    let _alone = Lock::take(&store.root().join("locks/gc"), || app.reporter.note("another gc runs; waiting for it"))?;
    let work = store.root().join("work");
    for marker in files(&work)?.iter().filter(|path| path.extension() == Some("kept")) {
        fs_err::remove_file(marker)?;
    }
    crate::host::work::clear_stale(&work)?;
    crate::host::work::clear_stale_stores(&store.second_stores())?;
    if let Some(live) = files(&work)?.iter().find(|path| path.is_dir()) {
        bail!("a build is running in {live}; its results would look unneeded, so run gc when nothing builds");
    }
    let mut doomed = doomed(&store, distfiles)?;
    let seeds = seed::names(&app.root)?;
    let current = seeds.iter().map(|name| Ok(seed::folder(store.root(), &seed::load(&app.root, name)?)));
    let current = current.collect::<Result<Vec<_>>>()?;
    doomed
        .extend(files(&store.root().join("seed"))?.into_iter().filter(|path| path.is_dir() && !current.contains(path)));
    let mut bytes = 0;
    for path in &doomed {
        bytes += usage(path)?;
        if path.is_dir() { fs_err::remove_dir_all(path)? } else { fs_err::remove_file(path)? }
    }
    app.reporter.say(format!("removed {} entries, {}", doomed.len(), size(bytes)));
    Ok(Exit::Good)
}

fn doomed(store: &Store, distfiles: bool) -> Result<Vec<Utf8PathBuf>> {
    let root = store.root();
    let mut keys = BTreeSet::new();
    let mut outputs = BTreeSet::new();
    for last in files(&root.join("last"))? {
        let key = fs_err::read_to_string(&last)?.trim().to_owned();
        if let Ok(digest) = key.parse()
            && let Some(record) = store.record(&digest)?
        {
            outputs.extend(record.outputs.values().map(ToString::to_string));
        }
        keys.insert(key);
    }
    let mut doomed = Vec::new();
    for folder in ["records", "plans"] {
        doomed.extend(
            files(&root.join(folder))?
                .into_iter()
                .filter(|path| path.file_stem().is_none_or(|key| !keys.contains(key))),
        );
    }
    doomed.extend(files(&root.join("artifacts"))?.into_iter().filter(|path| !named(path, &outputs)));
    for package in files(&root.join("packages"))? {
        doomed.extend(files(&package)?.into_iter().filter(|path| !named(path, &outputs)));
    }
    if distfiles {
        doomed.extend(files(&root.join("distfiles/sha256"))?);
    }
    Ok(doomed)
}

fn named(path: &Utf8Path, names: &BTreeSet<String>) -> bool {
    path.file_name().is_some_and(|name| names.contains(name))
}

fn files(dir: &Utf8Path) -> Result<Vec<Utf8PathBuf>> {
    dir.read_dir_utf8()?.map(|entry| Ok(entry?.into_path())).collect()
}

fn usage(path: &Utf8Path) -> Result<u64> {
    let meta = fs_err::symlink_metadata(path)?;
    if !meta.is_dir() {
        return Ok(meta.len());
    }
    files(path)?.iter().map(|inner| usage(inner)).sum()
}
