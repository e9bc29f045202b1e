//! Composes a container image: one layer with the files of its packages, OCI layout, bills of materials.

use anyhow::{Context as _, Result, bail};
use ashlar_core::base::digest::Digest;
use ashlar_core::base::event::size as shown_size;
use ashlar_core::base::name::{Arch, Epoch, PkgName};
use ashlar_core::formats::manifest::{Kind, Manifest};
use ashlar_core::formats::oci::{self, RunConfig};
use ashlar_core::formats::sbom::{Component, SourceRef, Subject};
use ashlar_core::model::image::{Image, select};
use ashlar_core::plan::{CONTRACT, Input};
use camino::Utf8Path;
use serde_json::json;

use crate::build::collect;
use crate::build::session::{Built, Session};
use crate::compose::root;
use crate::host::repository::{self, Repository};
use crate::host::store::{Entry, Record};

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

/// Composes the image `name`, building what it needs.
pub fn compose(session: &Session<'_>, repository: &Repository, name: &str) -> Result<Composed> {
    let images = crate::compose::images(repository)?;
    let image =
        images.get(name).ok_or_else(|| repository::unknown("image", name, images.keys().map(String::as_str)))?;
    let built = session.build(&image.package_names())?;
    let input = |name: PkgName| -> Result<Input> {
        let diff_id = built.get(&name).with_context(|| format!("{name} was not built"))?.diff_id;
        Ok(Input { name, diff_id })
    };
    let inputs = image.package_names().into_iter().map(input).collect::<Result<Vec<_>>>()?;
    let stored_as: PkgName = format!("image.{name}").parse()?;
    let plan = plan(name, image, &inputs);
    let key = Digest::of(&plan);
    if let Some(composed) = stored(session, &stored_as, key)? {
        return Ok(composed);
    }
    make(session, name, image, &inputs, &stored_as, key, &plan)?;
    write_sboms(session, repository, name, &stored_as, key, &built)?;
    stored(session, &stored_as, key)?.context("the composed image vanished from the store")
}

fn plan(name: &str, image: &Image, inputs: &[Input]) -> String {
    let plan = json!({
        "contract": CONTRACT, "image": name, "epoch": Epoch::RELEASE, "inputs": inputs, "files": image.files,
        "entrypoint": image.entrypoint, "cmd": image.cmd, "env": image.env, "user": image.user,
        "workdir": image.workdir, "ports": image.ports, "max_size": image.max_size,
    });
    format!("{plan:#}")
}

fn stored(session: &Session<'_>, stored_as: &PkgName, key: Digest) -> Result<Option<Composed>> {
    let store = session.store();
    let Some(record) = store.record(&key)? else { return Ok(None) };
    let (Some(diff_id), Some(manifest_digest)) = (record.outputs.get("layer"), record.outputs.get("manifest")) else {
        return Ok(None);
    };
    let layer = store.layer(stored_as, diff_id);
    if store.check(&layer, diff_id)? != Entry::Good {
        let dir = store.package_dir(stored_as, diff_id);
        if dir.exists() {
            session
                .reporter()
                .note(format!("the stored image {stored_as} is damaged; dropped, it will be composed again"));
            fs_err::remove_dir_all(dir)?;
        }
        return Ok(None);
    }
    let manifest = root::manifest_of(store, &Input { name: stored_as.clone(), diff_id: *diff_id })?;
    let size = fs_err::metadata(&layer)?.len();
    session.enforce_ledger_of(&format!("image/{}", stored_as.as_str().trim_start_matches("image.")), &key, *diff_id)?;
    Ok(Some(Composed {
        key,
        diff_id: *diff_id,
        manifest_digest: *manifest_digest,
        stored_as: stored_as.clone(),
        manifest,
        size,
    }))
}

fn make(
    session: &Session<'_>,
    name: &str,
    image: &Image,
    inputs: &[Input],
    stored_as: &PkgName,
    key: Digest,
    plan: &str,
) -> Result<()> {
    let store = session.store();
    let room = tempfile::Builder::new().prefix("image-").tempdir_in(session.room())?;
    let room = Utf8Path::from_path(room.path()).context("the store's path is not UTF-8")?;
    let files = room.join("root");
    let manifest = select(&root::compose(store, inputs, &files)?, &image.files);
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
            labels: [("org.opencontainers.image.title".to_owned(), name.to_owned())].into(),
        },
        layers: Vec::new(),
    };
    let (diff_id, layout, manifest_digest) = collect::write_layout(room, &files, &manifest, described)?;
    let size = fs_err::metadata(layout.join(oci::blob_path(&diff_id)))?.len();
    if let Some(limit) = image.max_size.filter(|limit| size > *limit) {
        bail!(
            "image {name} is {} and its limit is {}; raise `max_size` with a reason, or find what grew",
            shown_size(size),
            shown_size(limit)
        );
    }
    store.publish_dir(&layout, &store.package_dir(stored_as, &diff_id))?;
    let outputs = [("layer".to_owned(), diff_id), ("manifest".to_owned(), manifest_digest)].into();
    store.put_record(&key, stored_as.as_str(), plan, &Record { outputs, seconds: 0 })
}

/// Writes SPDX and CycloneDX documents beside the layout.
fn write_sboms(
    session: &Session<'_>,
    repository: &Repository,
    name: &str,
    stored_as: &PkgName,
    key: Digest,
    built: &std::collections::BTreeMap<PkgName, Built>,
) -> Result<()> {
    let composed = stored(session, stored_as, key)?.context("the image is not in the store")?;
    let component = |(package, built): (&PkgName, &Built)| -> Result<Component> {
        let recipe = repository.recipe_of(package)?;
        let source = |source: &ashlar_core::model::recipe::Source| SourceRef {
            url: source.urls.first().or(source.debian.as_ref()).cloned().unwrap_or_default(),
            sha256: source.sha256,
        };
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
    let subject =
        Subject { name: name.to_owned(), version: "latest".to_owned(), digest: composed.manifest_digest, packages };
    let dir = session.store().package_dir(stored_as, &composed.diff_id);
    session.store().write_atomic(&dir.join("sbom.spdx.json"), subject.spdx(Epoch::RELEASE)?.as_bytes())?;
    session.store().write_atomic(&dir.join("sbom.cdx.json"), subject.cyclonedx(Epoch::RELEASE)?.as_bytes())
}

/// The files of an image as lines of mode, size and path; the directories only where they are empty.
pub fn listing(manifest: &Manifest) -> Vec<String> {
    let line = |entry: &ashlar_core::formats::manifest::Entry| match &entry.kind {
        Kind::Dir => None,
        Kind::File { size, .. } => Some(format!("{:04o} {size:>10}  /{}", entry.mode, entry.path)),
        Kind::Symlink { target } => Some(format!("link {:>10}  /{} -> {target}", "", entry.path)),
    };
    manifest.entries().iter().filter_map(line).collect()
}
