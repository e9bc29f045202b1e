//! The stage `iso`: unified kernel image, EFI system partition, medium.

use anyhow::{Context as _, Result};
use ashlar_core::base::event::size;
use ashlar_core::base::name::Epoch;
use ashlar_core::formats::uki::{self, Uki};
use ashlar_core::model::iso::{self as layout, Parts};
use ashlar_core::plan::iso::{IsoBuild, MediumPlan};
use camino::{Utf8Path, Utf8PathBuf};

use super::builder::{Files, IsoBuilder, Planned, WithMaker};
use crate::compose::image_tools;
use crate::exit::Exit;

/// The unified kernel image, under the name by which firmware starts it.
const IMAGE: &str = "BOOTX64.EFI";

/// The plan, with the initramfs that the stage `overlay` made.
pub fn plan(builder: &IsoBuilder<'_>, made: &IsoBuild) -> Result<Box<dyn Planned>> {
    Ok(Box::new(WithMaker { plan: medium_plan(builder, made)?, make }))
}

fn medium_plan(builder: &IsoBuilder<'_>, made: &IsoBuild) -> Result<MediumPlan> {
    let initramfs = made.output("initramfs")?;
    let (linux, stub, grub) = (made.input("linux")?, made.input("systemd-stub")?, made.input("grub-bios")?);
    Ok(MediumPlan::new(builder.common()?, linux, stub, grub, initramfs))
}

/// The same medium in the empty directory `dir`, with a unified kernel image that is signed: `sign` does that. Nothing else differs,
/// so that without the signature it is the medium that everybody can build.
pub fn signed(
    builder: &IsoBuilder<'_>,
    made: &IsoBuild,
    dir: &Utf8Path,
    sign: &dyn Fn(&[u8]) -> Result<Vec<u8>>,
) -> Result<Utf8PathBuf> {
    let plan = medium_plan(builder, made)?;
    let image = assemble(builder, &plan)?;
    let bytes = sign(&image.bytes).context("signing the unified kernel image")?;
    write(builder, &plan, &Uki { bytes, ..image }, dir)
}

/// Carries the plan out in the empty directory `dir`.
fn make(builder: &IsoBuilder<'_>, plan: &MediumPlan, dir: &Utf8Path) -> Result<Files> {
    let iso = write(builder, plan, &assemble(builder, plan)?, dir)?;
    Ok(vec![("iso", iso), ("uki", dir.join(IMAGE))])
}

fn assemble(builder: &IsoBuilder<'_>, plan: &MediumPlan) -> Result<Uki> {
    let kernel = builder.file_of(&plan.linux, "usr/lib/linux/bzImage")?;
    let stub = builder.file_of(&plan.stub, "usr/lib/systemd/boot/efi/linuxx64.efi.stub")?;
    let initrd = fs_err::read(builder.session.store().artifact(&plan.initramfs))?;
    let sections: [(&str, &[u8]); 4] = [
        (".osrel", plan.os_release.as_bytes()),
        (".cmdline", plan.cmdline.as_bytes()),
        (".linux", &kernel),
        (".initrd", &initrd),
    ];
    uki::assemble(&stub, &sections).context("assembling the unified kernel image")
}

fn write(builder: &IsoBuilder<'_>, plan: &MediumPlan, image: &Uki, dir: &Utf8Path) -> Result<Utf8PathBuf> {
    let parts = Parts::of(image).context("the unified image lacks a section")?;
    fs_err::write(dir.join(IMAGE), &image.bytes)?;
    fs_err::write(dir.join("grub.cfg"), layout::grub_cfg(&parts, &plan.cmdline))?;
    for name in ["eltorito.img", "boot_hybrid.img"] {
        fs_err::write(dir.join(name), builder.file_of(&plan.grub, &format!("usr/lib/grub/i386-pc/{name}"))?)?;
    }
    let esp = layout::esp_kib(image.bytes.len() as u64).map_err(anyhow::Error::msg)?;
    image_tools::run(builder.session, "iso", dir, &layout::iso_script(esp, Epoch::RELEASE))?;
    let iso = dir.join("ashlar.iso");
    let bytes = fs_err::metadata(&iso)?.len();
    if let Some(limit) = builder.profile.max_size.filter(|limit| bytes > *limit) {
        let file = builder.profile.file();
        return Err(Exit::Build.error(format!(
            "the ISO is {} and `max_size` in {file} is {}; raise it with a reason, or find what grew",
            size(bytes),
            size(limit)
        )));
    }
    Ok(iso)
}
