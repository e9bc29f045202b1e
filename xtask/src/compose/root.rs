//! Trees made of packages, with every layer verified while it is read.

use anyhow::{Context as _, Result, bail};
use ashlar_core::base::digest::Digest;
use ashlar_core::formats::layer;
use ashlar_core::formats::manifest::Manifest;
use ashlar_core::model::image;
use ashlar_core::plan::Input;
use camino::Utf8Path;

use crate::build::package;
use crate::exit::Exit;
use crate::host::store::Store;

/// The manifest of a stored package, read from its verified layer.
pub fn manifest_of(store: &Store, input: &Input) -> Result<Manifest> {
    let path = store.layer(&input.name, &input.diff_id);
    let bytes = fs_err::read(&path)?;
    let found = Digest::of(&bytes);
    if found != input.diff_id {
        bail!(
            "the stored layer of {} is damaged (expected {}, found {found}); run the command again",
            input.name,
            input.diff_id
        );
    }
    layer::reader::read_manifest(bytes.as_slice()).with_context(|| format!("reading {path}"))
}

/// Unpacks `packages` into the empty directory `into`. Gives the merged manifest; refuses paths with two owners.
pub fn compose(store: &Store, packages: &[Input], into: &Utf8Path) -> Result<Manifest> {
    let trees = packages
        .iter()
        .map(|input| Ok((input.name.as_str(), manifest_of(store, input)?)))
        .collect::<Result<Vec<_>>>()?;
    let merged = image::merge(trees.iter().map(|(name, tree)| (*name, tree))).map_err(|conflicts| {
        let list = conflicts.iter().map(|conflict| format!("\n  {conflict}")).collect::<String>();
        Exit::Build
            .error(format!("packages claim the same paths:{list}\n  a path has one owner: take it out of all but one"))
    })?;
    package::compose(store, packages, into)?;
    Ok(merged)
}
