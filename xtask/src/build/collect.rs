//! From a staging tree to a stored package: manifest, layer, checks, OCI layout.

use anyhow::{Context as _, Result, bail};
use ashlar_core::check::{self, Finding};
use ashlar_core::diag::Severity;
use ashlar_core::digest::Digest;
use ashlar_core::manifest::{Kind, Manifest, parents};
use ashlar_core::name::PkgName;
use ashlar_core::oci;
use ashlar_core::plan::BuildPlan;
use camino::Utf8Path;

use crate::build::package::Site;
use crate::host::tree;

/// Takes `package` out of the staging tree `dest`, checks it, and stores it. Gives its diff id.
pub fn package(plan: &BuildPlan, package: &PkgName, dest: &Utf8Path, site: Site<'_>) -> Result<Digest> {
    let manifest = select(plan, package, &tree::scan(dest).context("reading the staging tree")?);
    if !manifest.entries().iter().any(|entry| !matches!(entry.kind, Kind::Dir)) {
        bail!("{package} would be empty; does `install` write to $DESTDIR, and do the globs of `[[output]]` match?");
    }
    report(package, &check::run(&manifest, &tree::Directory::new(dest), &subject(site)?), site)?;
    let staging = tempfile::Builder::new().prefix("package-").tempdir_in(site.store.root().join("work"))?;
    let staging = Utf8Path::from_path(staging.path()).context("the store's path is not UTF-8")?.join("oci");
    let blobs = staging.join("blobs/sha256");
    fs_err::create_dir_all(&blobs)?;
    let layer = blobs.join("layer");
    let diff_id = tree::write_layer(dest, &manifest, plan.epoch, &layer)?;
    fs_err::rename(&layer, blobs.join(diff_id.to_string()))?;
    let size = fs_err::metadata(blobs.join(diff_id.to_string()))?.len();
    let image = oci::package_image(package, &plan.version, &plan.license, plan.arch, plan.epoch, diff_id, size);
    for (path, bytes) in image.files() {
        fs_err::write(staging.join(path), bytes)?;
    }
    fs_err::write(staging.join("manifest.json"), manifest.to_json()?)?;
    site.store.publish_dir(&staging, &site.store.package_dir(package, &diff_id))?;
    Ok(diff_id)
}

/// The entries of one package: its files, and the directories above them.
fn select(plan: &BuildPlan, package: &PkgName, all: &Manifest) -> Manifest {
    let own: Vec<_> = all
        .entries()
        .iter()
        .filter(|entry| !matches!(entry.kind, Kind::Dir) && plan.owner(&entry.path) == package)
        .collect();
    let needed: std::collections::BTreeSet<&str> = own.iter().flat_map(|entry| parents(&entry.path)).collect();
    let empty = |path: &str| {
        let below = format!("{path}/");
        !all.entries().iter().any(|entry| entry.path.starts_with(&below))
    };
    let keep = |path: &str| needed.contains(path) || (plan.owner(path) == package && empty(path));
    let entries = all
        .entries()
        .iter()
        .filter(|entry| match entry.kind {
            Kind::Dir => keep(&entry.path),
            _ => plan.owner(&entry.path) == package,
        })
        .cloned()
        .collect();
    Manifest::sorted(entries).map(Manifest::with_parents).unwrap_or_default()
}

/// What must not be found in outputs on this machine today.
fn subject(site: Site<'_>) -> Result<check::Subject> {
    let hostname = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let today = crate::host::clock::today();
    Ok(check::Subject {
        build_root: site.conditions.root.clone(),
        host_paths: vec![site.store.root().to_string()],
        hostnames: vec![hostname, site.conditions.hostname.clone()],
        dates: ashlar_core::check::leaks::date_forms(today),
    })
}

fn report(package: &PkgName, findings: &[Finding], site: Site<'_>) -> Result<()> {
    let (errors, warnings): (Vec<_>, Vec<_>) = findings.iter().partition(|finding| finding.severity == Severity::Error);
    warnings.iter().for_each(|finding| site.reporter.note(format!("{package}: {finding}")));
    if errors.is_empty() {
        return Ok(());
    }
    let list = errors.iter().map(|finding| format!("\n  {finding}")).collect::<String>();
    bail!("{package} failed {} check(s) of its files:{list}", errors.len());
}
