//! The stage `iso`: unified kernel image, EFI system partition, medium.

use anyhow::{Context as _, Result};
use ashlar_core::base::event::size;
use ashlar_core::base::name::Epoch;
use ashlar_core::formats::uki;
use ashlar_core::model::iso::{self as layout, Parts};
use ashlar_core::plan::iso::{IsoBuild, MediumPlan};
use camino::Utf8Path;

use super::builder::{Files, IsoBuilder, Planned, WithMaker};
use crate::compose::image_tools;
use crate::exit::Exit;

/// The plan, with the initramfs that the stage `overlay` made.
pub fn plan(builder: &IsoBuilder<'_>, made: &IsoBuild) -> Result<Box<dyn Planned>> {
    let initramfs = made.output("initramfs")?;
    let (linux, stub, grub) = (made.input("linux")?, made.input("systemd-stub")?, made.input("grub-bios")?);
    let plan = MediumPlan::new(builder.common()?, linux, stub, grub, initramfs);
    Ok(Box::new(WithMaker { plan, make }))
}

/// Carries the plan out in the empty directory `dir`.
fn make(builder: &IsoBuilder<'_>, plan: &MediumPlan, dir: &Utf8Path) -> Result<Files> {
    let kernel = builder.file_of(&plan.linux, "usr/lib/linux/bzImage")?;
    let stub = builder.file_of(&plan.stub, "usr/lib/systemd/boot/efi/linuxx64.efi.stub")?;
    let initrd = fs_err::read(builder.session.store().artifact(&plan.initramfs))?;
    let sections: [(&str, &[u8]); 4] = [
        (".osrel", plan.os_release.as_bytes()),
        (".cmdline", plan.cmdline.as_bytes()),
        (".linux", &kernel),
        (".initrd", &initrd),
    ];
    let image = uki::assemble(&stub, &sections).context("assembling the unified kernel image")?;
    let parts = Parts::of(&image).context("the unified image lacks a section")?;
    fs_err::write(dir.join("BOOTX64.EFI"), &image.bytes)?;
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
    Ok(vec![("iso", iso), ("uki", dir.join("BOOTX64.EFI"))])
}
