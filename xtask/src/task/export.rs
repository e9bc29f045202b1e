//! `export`: a package's OCI layout as a directory, for podman, buildah, skopeo.

use anyhow::{Context as _, Result, bail};
use ashlar_core::base::name::{Arch, Epoch, PkgName};
use ashlar_core::formats::oci::{self, RunConfig};
use camino::Utf8Path;

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
        return seed(&session, to);
    }
    let built = session.build(std::slice::from_ref(package))?;
    let built = built.get(package).with_context(|| format!("{package} was not built"))?;
    copy_dir(&store.package_dir(package, &built.diff_id), to)?;
    println!("{}  {to}", built.diff_id);
    Ok(Exit::Good)
}

/// The seed env as an image: what generated Containerfiles start from.
fn seed(session: &Session<'_>, to: &Utf8Path) -> Result<Exit> {
    let seed = session.seed()?;
    let files = seed.verified(session.reporter())?;
    let image = oci::Image {
        reference: Some(format!("ashlar/seed:{}", seed.digest.short())),
        arch: Arch::X86_64,
        epoch: Epoch::RELEASE,
        config: RunConfig::default(),
        layers: Vec::new(),
    };
    let (diff_id, layout, _) = collect::write_layout(session.scratch(), files, &tree::scan(files)?, image)?;
    copy_dir(&layout, to)?;
    println!("{diff_id}  {to}");
    Ok(Exit::Good)
}
