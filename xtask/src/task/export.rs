//! `export`: a package's OCI layout as a directory, for podman, buildah, skopeo.

use anyhow::{Context as _, Result, bail};
use ashlar_core::name::PkgName;
use camino::Utf8Path;

use super::App;
use crate::exit::Exit;

/// Builds the package when needed and copies its layout to `to`, which must not exist.
pub fn run(app: &App, package: &PkgName, to: &Utf8Path) -> Result<Exit> {
    if to.exists() {
        bail!("{to} exists already; name a new directory");
    }
    let repository = app.repository()?;
    let store = app.store()?;
    let built = app.session(&repository, &store)?.build(std::slice::from_ref(package))?;
    let built = built.get(package).with_context(|| format!("{package} was not built"))?;
    copy(&store.package_dir(package, &built.diff_id), to)?;
    println!("{}  {to}", built.diff_id);
    Ok(Exit::Good)
}

/// Copies a directory of plain files.
pub fn copy(from: &Utf8Path, to: &Utf8Path) -> Result<()> {
    fs_err::create_dir_all(to)?;
    for entry in from.read_dir_utf8()? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() { copy(entry.path(), &target)? } else { drop(fs_err::copy(entry.path(), &target)?) }
    }
    Ok(())
}
