//! Composes a container image: one layer with the files of its packages, OCI layout, bills of materials.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use ashlar_core::base::digest::Digest;
use ashlar_core::base::event::size as shown_size;
use ashlar_core::base::name::{Arch, Epoch, PkgName};
use ashlar_core::formats::manifest::{EntryKind, Manifest};
use ashlar_core::formats::oci::{self, RunConfig};
use ashlar_core::formats::sbom::{Component, SourceRef, Subject};
use ashlar_core::model::image::{Image, select, unmatched};
use ashlar_core::plan::Input;
use ashlar_core::plan::image::ImagePlan;
use camino::Utf8Path;

use crate::build::collect;
use crate::build::session::{Built, Session};
use crate::compose::{self, root};
use crate::exit::Exit;
use crate::host::repository::Repository;
use crate::host::store::Record;
use crate::host::store::cache::OutputPlace;

/// A composed image in the store.
#[derive(Debug)]
pub struct Composed {
    /// Input key.
    pub key: Digest,
    /// sha256 of the layer.
    pub diff_id: Digest,
    /// Digest of the OCI manifest: what people pin.
    pub manifest_digest: Digest,
    /// Name in the store.
    pub stored_as: PkgName,
    /// What the layer holds.
    pub manifest: Manifest,
    /// Bytes of the layer.
    pub size: u64,
}

/// What an image is planned from.
struct Planned<'a> {
    name: &'a str,
    image: Image,
    plan: ImagePlan,
}

/// Composes the image `name`, building what it needs.
pub fn compose(session: &Session<'_>, repository: &Repository, name: &str) -> Result<Composed> {
    let image = compose::image_named(repository, name)?;
    let built = session.build(&image.package_names())?;
    let inputs = session.inputs(&image.package_names(), &built)?;
    let plan = ImagePlan::new(name, &image, inputs);
    let keyed = plan.keyed();
    let stored_as: PkgName = keyed.label.parse()?;
    let planned = Planned { name, image, plan };
    let outputs = [("layer", OutputPlace::Layer(&stored_as)), ("manifest", OutputPlace::Recorded)];
    let (record, _) = session.cached(&keyed, &outputs, || {
        let record = make(session, &planned, &stored_as)?;
        write_sboms(session, repository, name, &stored_as, &record, &built)?;
        Ok(record)
    })?;
    let (diff_id, manifest_digest) = digests(&record)?;
    session.enforce_ledger_of(&format!("image/{name}"), &keyed, diff_id)?;
    let store = session.store();
    let manifest = root::manifest_of(store, &Input { name: stored_as.clone(), diff_id })?;
    let size = fs_err::metadata(store.layer(&stored_as, &diff_id))?.len();
    Ok(Composed { key: keyed.key, diff_id, manifest_digest, stored_as, manifest, size })
}

/// The plan of the image `name`, of packages that are built.
pub fn plan(
    session: &Session<'_>,
    repository: &Repository,
    name: &str,
    built: &BTreeMap<PkgName, Built>,
) -> Result<ImagePlan> {
    let image = compose::image_named(repository, name)?;
    Ok(ImagePlan::new(name, &image, session.inputs(&image.package_names(), built)?))
}

/// Whether a path leads to an executable file of the tree.
fn is_program(manifest: &Manifest, path: &str) -> bool {
    let entry = manifest.get(&manifest.real(path));
    entry.is_some_and(|entry| matches!(entry.kind, EntryKind::File { .. }) && entry.mode & 0o111 != 0)
}

/// Digests of the layer and of the OCI manifest.
fn digests(record: &Record) -> Result<(Digest, Digest)> {
    let output = |name: &str| record.outputs.get(name).copied().with_context(|| format!("no `{name}` was recorded"));
    Ok((output("layer")?, output("manifest")?))
}

fn make(session: &Session<'_>, planned: &Planned<'_>, stored_as: &PkgName) -> Result<Record> {
    let (store, Planned { name, image, plan }) = (session.store(), planned);
    let dir = tempfile::Builder::new().prefix("image-").tempdir_in(session.scratch())?;
    let dir = Utf8Path::from_path(dir.path()).context("the store's path is not UTF-8")?;
    let files = dir.join("root");
    let whole = root::compose(store, &plan.inputs, &files)?;
    let vain = unmatched(&whole, &image.files);
    if !vain.is_empty() {
        return Err(Exit::Build.error(format!(
            "image {name} has `{}` in `files` of its image.toml, and no package has such a file; correct the pattern, or take it out",
            vain.join("`, `")
        )));
    }
    let manifest = select(&whole, &image.files);
    if let Some(program) = image.entrypoint.first().filter(|program| !is_program(&manifest, program)) {
        return Err(Exit::Build.error(format!(
            "image {name} has no program {program}, the `entrypoint` of its image.toml, and would never start; \
             correct the path, or add the package that has it"
        )));
    }
    let described = oci::Image {
        reference: Some(format!("ashlar/{name}:latest")),
        arch: Arch::X86_64,
        epoch: Epoch::RELEASE,
        config: RunConfig {
            user: image.user.clone(),
            exposed_ports: image.ports.clone(),
            env: image.env.clone(),
            entrypoint: image.entrypoint.clone(),
            cmd: image.cmd.clone(),
            working_dir: image.workdir.clone(),
            labels: [("org.opencontainers.image.title".to_owned(), (*name).to_owned())].into(),
        },
        layers: Vec::new(),
    };
    let (diff_id, layout, manifest_digest) = collect::write_layout(dir, &files, &manifest, described)?;
    let size = fs_err::metadata(layout.join(oci::blob_path(&diff_id)))?.len();
    if let Some(limit) = image.max_size.filter(|limit| size > *limit) {
        return Err(Exit::Build.error(format!(
            "image {name} is {} and `max_size` in images/{name}/image.toml is {}; raise it with a reason, or find what grew",
            shown_size(size),
            shown_size(limit)
        )));
    }
    store.publish_dir(&layout, &store.package_dir(stored_as, &diff_id))?;
    let outputs = [("layer".to_owned(), diff_id), ("manifest".to_owned(), manifest_digest)].into();
    Ok(Record { outputs, seconds: 0, seed: None })
}

/// Writes SPDX and CycloneDX documents beside the layout.
fn write_sboms(
    session: &Session<'_>,
    repository: &Repository,
    name: &str,
    stored_as: &PkgName,
    record: &Record,
    built: &BTreeMap<PkgName, Built>,
) -> Result<()> {
    let (diff_id, digest) = digests(record)?;
    let component = |(package, built): (&PkgName, &Built)| -> Result<Component> {
        let recipe = repository.recipe_of(package)?;
        let source =
            |source: &ashlar_core::model::recipe::Source| SourceRef { url: source.location(), sha256: source.sha256 };
        Ok(Component {
            name: package.to_string(),
            version: recipe.version.clone(),
            license: recipe.license.clone(),
            upstream: recipe.upstream.clone(),
            cpe: recipe.cpe.clone(),
            sources: recipe.sources.iter().map(source).collect(),
            diff_id: built.diff_id,
        })
    };
    // Static programs contain the libraries they were linked with, so everything below the packages is listed.
    let packages = built.iter().map(component).collect::<Result<_>>()?;
    let subject = Subject { name: name.to_owned(), version: "latest".to_owned(), digest, packages };
    let dir = session.store().package_dir(stored_as, &diff_id);
    session.store().write_atomic(&dir.join("sbom.spdx.json"), subject.spdx(Epoch::RELEASE)?.as_bytes())?;
    session.store().write_atomic(&dir.join("sbom.cdx.json"), subject.cyclonedx(Epoch::RELEASE)?.as_bytes())
}

/// The files of an image as lines of mode, size and path; the directories only where they are empty.
pub fn listing(manifest: &Manifest) -> Vec<String> {
    let line = |entry: &ashlar_core::formats::manifest::ManifestEntry| match &entry.kind {
        EntryKind::Dir => None,
        EntryKind::File { size, .. } => Some(format!("{:04o} {size:>10}  /{}", entry.mode, entry.path)),
        EntryKind::Symlink { target } => Some(format!("link {:>10}  /{} -> {target}", "", entry.path)),
    };
    manifest.entries().iter().filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ashlar_core::formats::manifest::ManifestEntry;

    #[test]
    fn an_entrypoint_is_a_program_of_the_tree() {
        let manifest = Manifest::sorted(vec![
            ManifestEntry::symlink("bin", "usr/bin"),
            ManifestEntry::symlink("usr/bin/sh", "busybox"),
            ManifestEntry::symlink("usr/bin/lost", "nowhere"),
            ManifestEntry::file("usr/bin/busybox", 0o755, b""),
            ManifestEntry::file("usr/bin/text", 0o644, b""),
        ])
        .unwrap();
        for (path, is) in [
            ("/usr/bin/busybox", true),
            ("/bin/sh", true),
            ("/usr/bin/text", false),
            ("/bin/lost", false),
            ("/usr/bin/web", false),
            ("/bin", false),
        ] {
            assert_eq!(is_program(&manifest, path), is, "{path}");
        }
    }
}
