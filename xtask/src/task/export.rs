//! `export`: a package's OCI layout as a directory, for podman, buildah, skopeo.

use anyhow::{Context as _, Result, bail};
use ashlar_core::base::digest::Digest;
use ashlar_core::base::event::Event;
use ashlar_core::base::name::{Arch, Epoch, PkgName};
use ashlar_core::formats::oci::{self, RunConfig};
use ashlar_core::plan::containerfile;
use camino::Utf8Path;
use serde_json::Value;

use crate::app::App;
use crate::build::collect;
use crate::build::session::Session;
use crate::exit::Exit;
use crate::host::store::copy_dir;
use crate::host::tree;

/// Builds the package when needed and copies its layout to `to`, which must not exist. `seed` is the seed env.
pub fn run(app: &App, package: &PkgName, to: &Utf8Path) -> Result<Exit> {
    if to.exists() {
        bail!("{to} exists already; name a new directory");
    }
    let repository = app.repository()?;
    let store = app.store()?;
    let session = app.session(&repository, &store)?;
    if package.as_str() == "seed" {
        return seed(app, &session, to);
    }
    let built = session.build(std::slice::from_ref(package))?;
    let built = built.get(package).with_context(|| format!("{package} was not built"))?;
    copy_dir(&store.package_dir(package, &built.diff_id), to)?;
    let reference = containerfile::image_of(package.as_str(), &built.diff_id);
    rename(to, &reference)?;
    conclude(app, package.as_str(), built.diff_id, to, &reference);
    Ok(Exit::Good)
}

/// The seed env as an image: what generated Containerfiles start from.
fn seed(app: &App, session: &Session<'_>, to: &Utf8Path) -> Result<Exit> {
    let seed = session.seed()?;
    let files = seed.verified(session.reporter())?;
    let reference = containerfile::image_of("seed", &seed.digest);
    let image = oci::Image {
        reference: Some(reference.clone()),
        arch: Arch::X86_64,
        epoch: Epoch::RELEASE,
        config: RunConfig::default(),
        layers: Vec::new(),
    };
    let (diff_id, layout, _) = collect::write_layout(session.scratch(), files, &tree::scan(files)?, image)?;
    copy_dir(&layout, to)?;
    conclude(app, "seed", diff_id, to, &reference);
    Ok(Exit::Good)
}

/// Gives the image of a layout the name by which generated Containerfiles know it: the store's name says the version, which does not
/// say which bytes.
fn rename(layout: &Utf8Path, reference: &str) -> Result<()> {
    let index = layout.join("index.json");
    let mut value: Value = serde_json::from_slice(&fs_err::read(&index)?)?;
    let name = value.pointer_mut("/manifests/0/annotations/org.opencontainers.image.ref.name");
    *name.with_context(|| format!("{index} names no image"))? = reference.into();
    Ok(fs_err::write(index, value.to_string())?)
}

fn conclude(app: &App, package: &str, digest: Digest, to: &Utf8Path, reference: &str) {
    let path = Some(to.to_owned());
    let made = Event::Made { what: "package", name: package.to_owned(), digest, manifest: None, path, bytes: None };
    app.reporter.show(&made, || format!("{digest}  {to}"));
    app.reporter.note(format!(
        "its name is {reference}: `podman tag $(podman pull -q oci:{to}) {reference}`, and buildah likewise"
    ));
}
