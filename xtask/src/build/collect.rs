//! From a staging tree to a stored package: manifest, layer, checks, OCI layout.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;

use anyhow::{Context as _, Result};
use ashlar_core::base::diag::Severity;
use ashlar_core::base::digest::Digest;
use ashlar_core::base::event::counted;
use ashlar_core::base::name::PkgName;
use ashlar_core::formats::manifest::{EntryKind, Manifest, ManifestEntry, parents};
use ashlar_core::formats::oci::{self, LayerRef, RunConfig};
use ashlar_core::model::image::unmatched;
use ashlar_core::plan::{BuildPlan, Variations};
use ashlar_core::verify::lint::{self, LintPolicy, Subject};
use camino::{Utf8Path, Utf8PathBuf};

use crate::build::compile_audit;
use crate::build::context::BuildContext;
use crate::exit::Exit;
use crate::host::store::Store;
use crate::host::{clock, tree};
use crate::report::Reporter;

/// Takes `package` out of the staging tree `dest`, checks it, and stores it. Gives its diff id.
pub fn package(plan: &BuildPlan, package: &PkgName, dest: &Utf8Path, context: BuildContext<'_>) -> Result<Digest> {
    let all = tree::scan(dest)
        .map_err(|error| Exit::Build.error(format!("reading the staging tree: {error:#}")))?
        .with_modes(&plan.modes);
    let manifest = select(plan, package, &all);
    let mut faults = if *package == plan.package { faults(plan, &all) } else { Vec::new() };
    if !manifest.entries().iter().any(|entry| entry.kind != EntryKind::Dir) {
        faults.push(format!(
            "{package} is empty; does `install` write to $DESTDIR, and do the globs of `[[output]]` match?"
        ));
    }
    if !faults.is_empty() {
        let place = format!("pkgs/{}/pkg.toml", plan.package);
        return Err(
            Exit::Build.error(format!("{place} and what was installed do not agree:\n  {}", faults.join("\n  ")))
        );
    }
    let licenses = format!("usr/share/licenses/{}/", plan.package);
    if *package == plan.package && !all.entries().iter().any(|entry| entry.path.starts_with(&licenses)) {
        context.reporter.note(format!(
            "{package} installs no license text; `license_files` in its recipe copies files below $SRC to {licenses}"
        ));
    }
    if context.variations.umask == Variations::none().umask {
        note_modes(plan, &manifest, dest, context.reporter);
    }
    let policy = compile_audit::expected(plan)?.policy();
    check_tree(
        package.as_str(),
        (&manifest, dest),
        &policy,
        &context.variations.root,
        context.store,
        context.reporter,
    )?;
    let image = oci::Image {
        reference: Some(format!("ashlar/{package}:{}", plan.version)),
        arch: plan.arch,
        epoch: plan.epoch,
        config: RunConfig { labels: labels(plan, package), ..RunConfig::default() },
        layers: Vec::new(),
    };
    let (diff_id, layout, _) = write_layout(context.scratch, dest, &manifest, image)?;
    context.store.publish_dir(&layout, &context.store.package_dir(package, &diff_id))?;
    Ok(diff_id)
}

/// Where the recipe says something of the staging tree that is not so.
fn faults(plan: &BuildPlan, all: &Manifest) -> Vec<String> {
    let missing = plan.modes.keys().filter(|path| all.get(path).is_none());
    let mut faults: Vec<String> = missing
        .map(|path| format!("`[modes]` has `{path}`, which was not installed: correct the path or take the line out"))
        .collect();
    for (package, globs) in &plan.outputs {
        let vain = unmatched(all, globs).into_iter().map(|pattern| {
            format!("{package} has `{pattern}` in `files`, which nothing matches: correct the pattern or take it out")
        });
        faults.extend(vain);
    }
    for entry in all.entries().iter().filter(|entry| entry.kind != EntryKind::Dir) {
        let rivals = plan.rivals(&entry.path);
        if let [first, second, ..] = rivals.as_slice() {
            let path = &entry.path;
            faults.push(format!(
                "`{path}` belongs to {first} and to {second}: make the globs of one `[[output]]` narrower"
            ));
        }
    }
    faults
}

/// Says which files were installed with a mode that they do not keep. That nobody may write one is no loss: root may.
fn note_modes(plan: &BuildPlan, manifest: &Manifest, dest: &Utf8Path, reporter: &Reporter) {
    let changed = |entry: &ManifestEntry| -> Option<String> {
        let meta = fs_err::symlink_metadata(dest.join(&entry.path)).ok()?;
        let mode = meta.permissions().mode() & 0o777;
        let is_file = matches!(entry.kind, EntryKind::File { .. });
        let is_usual = [0o644, 0o755, 0o444, 0o555].contains(&mode) || plan.modes.contains_key(&entry.path);
        (is_file && !is_usual).then(|| format!("{} {mode:04o} -> {:04o}", entry.path, entry.mode))
    };
    let changed: Vec<String> = manifest.entries().iter().filter_map(changed).collect();
    let Some(shown) = changed.get(..changed.len().min(5)).filter(|shown| !shown.is_empty()) else { return };
    let more =
        if changed.len() > shown.len() { format!(" and {} more", changed.len() - shown.len()) } else { String::new() };
    reporter.note(format!(
        "the store changes modes of {}: {}{more}; to keep one, write it into `[modes]`",
        plan.package,
        shown.join(", ")
    ));
}

fn labels(plan: &BuildPlan, package: &PkgName) -> std::collections::BTreeMap<String, String> {
    let label = |name: &str, value: &str| (format!("org.opencontainers.image.{name}"), value.to_owned());
    [label("title", package.as_str()), label("version", &plan.version), label("licenses", &plan.license)].into()
}

/// Writes an OCI layout with one layer, the files of `manifest` below `files`, into a new directory of `scratch`. Gives diff
/// id, directory and the digest of the OCI manifest.
pub fn write_layout(
    scratch: &Utf8Path,
    files: &Utf8Path,
    manifest: &Manifest,
    mut image: oci::Image,
) -> Result<(Digest, Utf8PathBuf, Digest)> {
    let layout = tempfile::Builder::new().prefix("layout-").tempdir_in(scratch)?.keep();
    let layout =
        Utf8PathBuf::from_path_buf(layout).map_err(|path| anyhow::anyhow!("{} is not UTF-8", path.display()))?;
    let blobs = layout.join("blobs/sha256");
    fs_err::create_dir_all(&blobs)?;
    let layer = blobs.join("layer");
    let diff_id = tree::write_layer(files, manifest, image.epoch, &layer)?;
    image.layers = vec![LayerRef { diff_id, size: fs_err::metadata(&layer)?.len() }];
    fs_err::rename(&layer, layout.join(oci::blob_path(&diff_id)))?;
    let documents = image.layout()?;
    for document in &documents.documents {
        fs_err::write(layout.join(&document.path), &document.bytes)?;
    }
    fs_err::write(layout.join("manifest.json"), manifest.to_json()?)?;
    Ok((diff_id, layout, documents.manifest))
}

/// The entries of one package: its files, and the directories above them. A directory in which no package has anything
/// belongs to the package itself.
fn select(plan: &BuildPlan, package: &PkgName, all: &Manifest) -> Manifest {
    let filled: BTreeSet<&str> = all.entries().iter().flat_map(|entry| parents(&entry.path)).collect();
    let own = |path: &str| plan.owner(path) == package;
    let needed: BTreeSet<&str> = all
        .entries()
        .iter()
        .filter(|entry| entry.kind != EntryKind::Dir && own(&entry.path))
        .flat_map(|entry| parents(&entry.path))
        .collect();
    let keep = |entry: &&ManifestEntry| match entry.kind {
        EntryKind::Dir => {
            needed.contains(entry.path.as_str()) || (own(&entry.path) && !filled.contains(entry.path.as_str()))
        }
        _ => own(&entry.path),
    };
    Manifest::sorted(all.entries().iter().filter(keep).cloned().collect()).unwrap_or_default()
}

/// Runs every check over a tree, an inventory and the files below a directory. Warnings become notes; errors fail, all at once.
pub fn check_tree(
    what: &str,
    (manifest, files): (&Manifest, &Utf8Path),
    policy: &LintPolicy,
    build_root: &str,
    store: &Store,
    reporter: &Reporter,
) -> Result<()> {
    let subject = Subject {
        build_root: build_root.to_owned(),
        host_paths: vec![store.root().to_string()],
        hostnames: vec![rustix::system::uname().nodename().to_string_lossy().into_owned()],
        dates: lint::needles::date_forms(clock::now()),
    };
    let findings = lint::run(manifest, &tree::Directory::new(files), &subject, policy)
        .with_context(|| format!("checking the files of {what}"))?;
    let (errors, warnings): (Vec<_>, Vec<_>) = findings.iter().partition(|finding| finding.severity == Severity::Error);
    warnings.iter().for_each(|finding| reporter.note(format!("{what}: {finding}")));
    if errors.is_empty() {
        return Ok(());
    }
    let list = errors.iter().map(|finding| format!("\n{finding}")).collect::<String>();
    Err(Exit::Build.error(format!("{what} failed {} of its files:{list}", counted(errors.len(), "check"))))
}
