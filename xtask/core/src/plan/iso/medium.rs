//! The plan of the stage `iso`: the unified kernel image and the medium.

use serde::Serialize;

use super::stage::{Common, StagePlan};
use crate::base::digest::Digest;
use crate::base::name::Epoch;
use crate::formats::uki;
use crate::model::iso;
use crate::plan::{CONTRACT, Input, Keyed};

/// The stage `iso`: unified kernel image, EFI system partition, medium.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MediumPlan {
    contract: u32,
    stage: &'static str,
    /// The package of the kernel.
    pub linux: Input,
    /// The package of the EFI stub.
    pub stub: Input,
    /// The package of the boot loader for BIOS.
    pub grub: Input,
    /// The initramfs of the stage `overlay`.
    pub initramfs: Digest,
    /// The kernel's command line.
    pub cmdline: String,
    /// The text of `.osrel`.
    pub os_release: String,
    /// The form of the unified kernel image.
    image: u32,
    seed: Digest,
    epoch: Epoch,
    script: &'static str,
    menu: &'static str,
}

impl MediumPlan {
    /// The plan of the medium with `initramfs`.
    pub fn new(common: Common<'_>, linux: Input, stub: Input, grub: Input, initramfs: Digest) -> Self {
        Self {
            contract: CONTRACT,
            stage: "iso",
            linux,
            stub,
            grub,
            initramfs,
            cmdline: common.profile.cmdline.join(" "),
            os_release: iso::os_release(&common.profile.version, common.profile.generation.unwrap_or(1)),
            image: uki::FORM,
            seed: common.seed,
            epoch: Epoch::RELEASE,
            script: iso::ISO_SCRIPT,
            menu: iso::MENU,
        }
    }
}

impl StagePlan for MediumPlan {
    fn outputs(&self) -> &'static [&'static str] {
        &["uki", "iso"]
    }

    fn keyed(&self, common: Common<'_>) -> Keyed {
        Keyed::sorted(common.label(self.stage), self)
    }

    fn steps(&self) -> Vec<String> {
        let mut steps = vec![
            format!("join kernel {} and initramfs {} to {}", self.linux, self.initramfs.short(), self.stub),
            format!("with the command line {}", self.cmdline),
            format!("write the menu of {}", self.grub),
        ];
        steps.extend(self.script.lines().map(|line| format!("run {line}")));
        steps
    }
}
