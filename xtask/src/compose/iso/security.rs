//! The stage `security`: the root tree of the profile's packages and the files of the layers of defence, with every check passed.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;

use anyhow::{Context as _, Result};
use ashlar_core::base::name::Epoch;
use ashlar_core::model::hardening::{apparmor, isolation};
use ashlar_core::plan::iso::{IsoBuild, RootPlan};
use ashlar_core::plan::policy::PolicyPlan;
use ashlar_core::verify::lint::LintPolicy;
use camino::Utf8Path;

use super::builder::{Files, IsoBuilder, Planned, WithMaker};
use crate::build::collect;
use crate::compose::{policy, root};
use crate::host::beneath::Beneath;
use crate::host::invalid::invalid;
use crate::host::{checkout, tree};

/// The plan, with the packages that were built.
pub fn plan(builder: &IsoBuilder<'_>, made: &IsoBuild) -> Result<Box<dyn Planned>> {
    let policy = |sources: &apparmor::Sources| -> Result<PolicyPlan> {
        Ok(PolicyPlan::new(sources.clone(), made.input("apparmor-parser")?, made.input("apparmor-load")?))
    };
    let policy = builder.policy.as_ref().map(policy).transpose()?;
    let (root, files) = (made.inputs(&builder.profile.root_names())?, builder.hardening.files.clone());
    let plan = RootPlan::new(builder.common()?, root, files, policy);
    Ok(Box::new(WithMaker { plan, make }))
}

/// Carries the plan out in the empty directory `dir`.
fn make(builder: &IsoBuilder<'_>, plan: &RootPlan, dir: &Utf8Path) -> Result<Files> {
    let session = builder.session;
    let files = dir.join("root");
    let merged = root::compose(session.store(), &plan.inputs, &files)?;
    // Scanning normalises modes; what the packages declare is in their manifests.
    let mut modes: BTreeMap<_, _> = merged.entries().iter().map(|entry| (entry.path.clone(), entry.mode)).collect();
    let mut tree = Beneath::open(&files)?;
    for (path, file) in &plan.files {
        write_new(&mut tree, path, &file.text)?;
        modes.insert(path.clone(), file.mode);
    }
    if let Some(profiles) = &plan.policy {
        write_new(&mut tree, apparmor::POLICY, policy::compile(profiles, session, dir)?)?;
        modes.insert(apparmor::POLICY.to_owned(), 0o600);
        // An image with the program that tries the profiles has the table of what it tries.
        if files.join(apparmor::TRY).exists() {
            write_new(&mut tree, apparmor::REFUSALS, &profiles.sources.refusals)?;
        }
    }
    let found = isolation::unconfined(&builder.hardening, &scripts(&tree, &files)?, &plan.foreign);
    if !found.is_empty() {
        return Err(invalid(&builder.repository.root, &found));
    }
    let manifest = tree::scan(&files)?.with_modes(&modes);
    let build_root = session.variations(0).root;
    let reporter = session.reporter();
    let subject = (&manifest, files.as_path());
    collect::check_tree("the root tree", subject, &LintPolicy::default(), &build_root, session.store(), reporter)?;
    let layer = dir.join("root.tar");
    tree::write_layer(&files, &manifest, Epoch::RELEASE, &layer)?;
    Ok(vec![("root", layer)])
}

/// The service scripts of a root, by name. A link among them is followed as the system would, so never out of the root.
fn scripts(tree: &Beneath, root: &Utf8Path) -> Result<BTreeMap<String, String>> {
    let folder = Utf8Path::new("etc/init.d");
    let names = if root.join(folder).exists() { checkout::list(root, folder)?.names } else { BTreeSet::new() };
    let text =
        |name: &String| -> Result<String> { Ok(std::io::read_to_string(tree.read_as_root(&folder.join(name))?)?) };
    names.into_iter().map(|name| Ok((name.clone(), text(&name)?))).collect()
}

/// A file that no package has: one with two owners would be a package that ignores the layer's data.
fn write_new(tree: &mut Beneath, path: &str, content: impl AsRef<[u8]>) -> Result<()> {
    let file = tree.create_new(Utf8Path::new(path))?;
    let mut file =
        file.with_context(|| format!("{path} comes from hardening/ and from a package: take it out of the package"))?;
    Ok(file.write_all(content.as_ref())?)
}
