//! Compares what two stores hold. The verdicts themselves are the core's; this reads both sides.

use anyhow::{Context as _, Result};
use ashlar_core::base::digest::Digest;
use ashlar_core::base::name::PkgName;
use ashlar_core::formats::manifest::Manifest;
use ashlar_core::plan::{Input, Keyed};
use ashlar_core::verify::compare::{Change, Difference, ReproVerdict, compare, first_difference};
use camino::Utf8Path;

use crate::build::session::Built;
use crate::compose::iso::IsoBuild;
use crate::compose::root;
use crate::exit::Exit;
use crate::host::hash;
use crate::host::store::{Store, copy_dir};
use crate::host::tree;
use crate::report::failure;

/// The verdict about a second build: its error, or what `compare` says of its result.
pub fn built<T>(result: Result<T>, compare: impl FnOnce(&T) -> Result<ReproVerdict>) -> Result<ReproVerdict> {
    match result {
        Ok(theirs) => compare(&theirs),
        Err(error) if failure::exit(&error) == Exit::Source => Ok(ReproVerdict::FetchFailed(format!("{error:#}"))),
        Err(error) => Ok(ReproVerdict::BuildFailed(format!("{error:#}"))),
    }
}

/// Compares one package of two stores.
pub fn packages(first: &Store, second: &Store, name: &PkgName, ours: &Built, theirs: &Built) -> Result<ReproVerdict> {
    if ours.diff_id == theirs.diff_id {
        return Ok(ReproVerdict::Reproduced);
    }
    layers(first, second, name, ours.diff_id, theirs.diff_id)
}

fn layers(first: &Store, second: &Store, name: &PkgName, a: Digest, b: Digest) -> Result<ReproVerdict> {
    let input = |diff_id| Input { name: name.clone(), diff_id };
    let (left, right) = (root::manifest_of(first, &input(a))?, root::manifest_of(second, &input(b))?);
    Ok(trees(&left, &right, |path| {
        let read = |store: &Store, id: Digest| tree::read_file(&store.layer(name, &id), id, path);
        Ok((read(first, a)?, read(second, b)?))
    }))
}

/// Compares two trees; `read` gives both sides of a file that differs.
pub fn trees(a: &Manifest, b: &Manifest, read: impl Fn(&str) -> Result<(Vec<u8>, Vec<u8>)>) -> ReproVerdict {
    let mut differences = compare(a, b);
    for difference in &mut differences {
        if let Change::Content { bytes, .. } = &mut difference.what {
            // The digests already prove the difference; its place is an extra that may fail.
            *bytes = read(&difference.path).ok().and_then(|(a, b)| first_difference(&a, &b));
        }
    }
    if differences.is_empty() { ReproVerdict::Reproduced } else { ReproVerdict::Differs(differences) }
}

/// Compares two ISOs from the inside out: packages file by file, then root, inventory, initramfs, unified kernel image, medium.
pub fn isos(first: &Store, second: &Store, ours: &IsoBuild, theirs: &IsoBuild) -> Result<ReproVerdict> {
    let mut verdicts = Vec::new();
    for (name, a) in &ours.packages {
        if let Some(b) = theirs.packages.get(name).filter(|b| *b != a) {
            verdicts.push((name.as_str(), layers(first, second, name, *a, *b)?));
        }
    }
    for ((name, a), (_, b)) in ours.files.iter().zip(&theirs.files).filter(|((_, a), (_, b))| a != b) {
        verdicts.push((name, files(&first.artifact(a), &second.artifact(b), name)?));
    }
    let mut differences = Vec::new();
    for (name, verdict) in verdicts {
        if let ReproVerdict::Differs(found) = verdict {
            let inside = |one: Difference| Difference { path: format!("{name}: {}", one.path), ..one };
            differences.extend(found.into_iter().map(inside));
        }
    }
    Ok(if differences.is_empty() { ReproVerdict::Reproduced } else { ReproVerdict::Differs(differences) })
}

/// Compares two files under the name `shown`.
pub fn files(a: &Utf8Path, b: &Utf8Path, shown: &str) -> Result<ReproVerdict> {
    let side = |path: &Utf8Path| hash::of_file(path).map(|(digest, size)| (size, digest));
    let (left, right) = (side(a)?, side(b)?);
    if left == right {
        return Ok(ReproVerdict::Reproduced);
    }
    let bytes = first_difference(&fs_err::read(a)?, &fs_err::read(b)?);
    let what = Change::Content { a: left, b: right, bytes };
    Ok(ReproVerdict::Differs(vec![Difference { path: shown.to_owned(), what }]))
}

/// Copies a package and its record from one store to the other, so that only what depends on it is built there. `seeds` are the
/// digests of the seed envs on both sides: there it is found as if it had been built in the other one.
pub fn import(
    from: &Store,
    to: &Store,
    recipe: &PkgName,
    built: &Built,
    (here, there): (Digest, Digest),
) -> Result<()> {
    let record = from.record(&built.key)?.with_context(|| format!("{recipe} has no record in the first store"))?;
    for (name, diff_id) in &record.outputs {
        let name: PkgName = name.parse()?;
        let target = to.package_dir(&name, diff_id);
        if !target.exists() {
            copy_dir(&from.package_dir(&name, diff_id), &target)?;
        }
    }
    let (_, text) =
        from.last_plan(recipe.as_str())?.with_context(|| format!("{recipe} has no plan in the first store"))?;
    to.put_record(&Keyed { label: recipe.to_string(), key: built.key, text }.in_seed(&here, &there), &record)
}
