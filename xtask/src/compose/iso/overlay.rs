//! The stage `overlay`: the profile's files over the root; the image of the root; the initramfs that starts it.

use std::collections::BTreeMap;

use anyhow::Result;
use ashlar_core::base::name::Epoch;
use ashlar_core::formats::cpio::{self, Node, NodeKind};
use ashlar_core::formats::layer;
use ashlar_core::formats::manifest::EntryKind;
use ashlar_core::model::iso::{INITRAMFS_SCRIPT, ROOT_SCRIPT};
use ashlar_core::plan::iso::{IsoBuild, OverlayPlan};
use ashlar_core::verify::inventory::{FORM, PROFILE};
use camino::Utf8Path;

use super::builder::{Files, IsoBuilder, Planned, WithMaker};
use crate::compose::{image_tools, inventory};
use crate::host::beneath::Beneath;
use crate::host::{checkout, tree};

/// The plan, over the root that the stage `security` made.
pub fn plan(builder: &IsoBuilder<'_>, made: &IsoBuild) -> Result<Box<dyn Planned>> {
    let layer = made.output("root")?;
    let (packages, init) = (made.inputs(&builder.profile.root_names())?, made.input("init")?);
    let files = builder.overlay_files()?;
    let plan = OverlayPlan::new(builder.common()?, layer, packages, init, files, FORM);
    Ok(Box::new(WithMaker { plan, make }))
}

/// Carries the plan out in the empty directory `dir`.
fn make(builder: &IsoBuilder<'_>, plan: &OverlayPlan, dir: &Utf8Path) -> Result<Files> {
    let (session, profile) = (builder.session, &builder.profile);
    let (files, base) = (dir.join("root"), session.store().artifact(&plan.root));
    tree::unpack_layer(&base, plan.root, &files)?;
    // mkfs reads modes from the disk, and unpacking leaves every directory writable.
    let manifest = layer::reader::read_manifest(fs_err::File::open(&base)?)?;
    for entry in manifest.entries().iter().filter(|entry| entry.kind == EntryKind::Dir) {
        set_mode(&files.join(&entry.path), entry.mode)?;
    }
    let mut tree = Beneath::open(&files)?;
    for (path, file) in builder.overlay()? {
        copy_over(&builder.repository.root.join(file), &mut tree, Utf8Path::new(&path))?;
    }
    for (path, mode) in profile.octal_modes() {
        tree.set_mode(Utf8Path::new(&path), mode)?;
    }
    let mut modes: BTreeMap<_, _> = manifest.entries().iter().map(|entry| (entry.path.clone(), entry.mode)).collect();
    // Files of the overlay come with modes of their own.
    modes.retain(|path, _| !plan.overlay.contains_key(path));
    let mut owners = inventory::owners(session.store(), &plan.packages)?;
    owners.extend(plan.overlay.keys().map(|path| (path.clone(), PROFILE.to_owned())));
    let whole = tree::scan(&files)?.with_modes(&modes).with_modes(&profile.octal_modes());
    let profiles = builder.policy.as_ref().map(|sources| sources.attachments()).unwrap_or_default();
    let checks = &builder.hardening.checks;
    let text = inventory::text_of(&builder.variant.profile, (&whole, &files), &owners, checks, &profiles)?;
    fs_err::write(dir.join("inventory.txt"), text)?;
    image_tools::run(session, "overlay", dir, ROOT_SCRIPT)?;
    let init = builder.file_of(&plan.init, "usr/lib/initramfs/init")?;
    let image = fs_err::read(dir.join("root.erofs"))?;
    fs_err::write(dir.join("initramfs.cpio"), initramfs(init, image)?)?;
    image_tools::run(session, "initramfs", dir, INITRAMFS_SCRIPT)?;
    Ok(vec![("initramfs", dir.join("initramfs.cpio.zst")), ("inventory", dir.join("inventory.txt"))])
}

/// The profile's file replaces the package's.
fn copy_over(from: &Utf8Path, tree: &mut Beneath, path: &Utf8Path) -> Result<()> {
    let mut source = checkout::open(from)?;
    let executable = std::os::unix::fs::PermissionsExt::mode(&source.metadata()?.permissions()) & 0o100 != 0;
    std::io::copy(&mut source, &mut tree.create(path)?)?;
    tree.set_mode(path, if executable { 0o755 } else { 0o644 })
}

fn initramfs(init: Vec<u8>, image: Vec<u8>) -> Result<Vec<u8>> {
    let node = |path: &str, mode, kind| Node { path: path.to_owned(), mode, kind };
    let nodes = [
        node("dev", 0o755, NodeKind::Dir),
        node("dev/console", 0o600, NodeKind::CharDevice { major: 5, minor: 1 }),
        node("init", 0o755, NodeKind::File(init)),
        node("root.erofs", 0o600, NodeKind::File(image)),
    ];
    Ok(cpio::write(&nodes, Epoch::RELEASE)?)
}

fn set_mode(path: &Utf8Path, mode: u32) -> Result<()> {
    Ok(fs_err::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode))?)
}
