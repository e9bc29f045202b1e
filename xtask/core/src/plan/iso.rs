//! The plans of an ISO's stages, and what these make. Each plan begins with what the stage before it made.

use std::collections::BTreeMap;

use serde::Serialize;

use super::policy::PolicyPlan;
use super::{CONTRACT, Input, Keyed};
use crate::base::digest::Digest;
use crate::base::name::{Epoch, PkgName};
use crate::formats::uki;
use crate::model::hardening::RootFile;
use crate::model::iso;
use crate::model::mounts::{WritableMount, writable};
use crate::model::profile::IsoProfile;

/// What is the same for all stages of an ISO.
#[derive(Debug, Clone, Copy)]
pub struct Common<'a> {
    /// The profile, and the layers that it is built without: the name of the ISO.
    pub variant: &'a str,
    /// Name of the profile.
    pub name: &'a str,
    /// The profile.
    pub profile: &'a IsoProfile,
    /// Content digest of the seed env, whose tools write images.
    pub seed: Digest,
}

impl Common<'_> {
    fn label(&self, stage: &str) -> String {
        format!("iso.{}.{stage}", self.variant)
    }
}

/// The stage `security`: the root tree of the profile's packages and the files of the layers of defence.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RootPlan {
    contract: u32,
    stage: &'static str,
    /// Packages of the root, in the order they are unpacked.
    pub inputs: Vec<Input>,
    /// Files of the layers, by path.
    pub files: BTreeMap<String, RootFile>,
    /// None when the profile is built without AppArmor's layer.
    pub policy: Option<PolicyPlan>,
    /// Services that need no profile of their own.
    pub foreign: Vec<String>,
    seed: Digest,
    epoch: Epoch,
}

impl RootPlan {
    /// The plan of a root.
    pub fn new(
        common: Common<'_>,
        inputs: Vec<Input>,
        files: BTreeMap<String, RootFile>,
        policy: Option<PolicyPlan>,
    ) -> Self {
        let foreign = common.profile.foreign_services.clone();
        let (seed, epoch) = (common.seed, Epoch::RELEASE);
        Self { contract: CONTRACT, stage: "security", inputs, files, policy, foreign, seed, epoch }
    }

    /// As the store has it.
    pub fn keyed(&self, common: Common<'_>) -> Keyed {
        Keyed::sorted(common.label(self.stage), self)
    }

    /// What will be done, one line each.
    pub fn steps(&self) -> Vec<String> {
        let mut steps: Vec<String> = self.inputs.iter().map(Input::unpacked).collect();
        steps.push(format!("write {} files of the layers of defence", self.files.len()));
        if let Some(policy) = &self.policy {
            steps.push(format!("compile {} AppArmor profiles by {}", policy.sources.profiles.len(), policy.parser));
        }
        steps.push("check that every service is confined; lint the tree; write its layer".to_owned());
        steps
    }
}

/// The stage `overlay`: the profile's own files over the root, the root's image, and the initramfs that starts it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OverlayPlan {
    contract: u32,
    stage: &'static str,
    /// The layer of the stage `security`.
    pub root: Digest,
    /// The package of `/init`.
    pub init: Input,
    seed: Digest,
    /// Files of the overlay, by path.
    pub overlay: BTreeMap<String, Digest>,
    modes: BTreeMap<String, String>,
    epoch: Epoch,
    scripts: [&'static str; 2],
    // What the inventory says beside the root's own files.
    profile: String,
    /// Packages of the root: whose each file is.
    pub packages: Vec<Input>,
    writable: Vec<WritableMount>,
    form: u32,
}

impl OverlayPlan {
    /// The plan of the image over the layer `root`; `form` is the form of the inventory.
    pub fn new(
        common: Common<'_>,
        root: Digest,
        packages: Vec<Input>,
        init: Input,
        overlay: BTreeMap<String, Digest>,
        form: u32,
    ) -> Self {
        Self {
            contract: CONTRACT,
            stage: "overlay",
            root,
            init,
            seed: common.seed,
            overlay,
            modes: common.profile.modes.clone(),
            epoch: Epoch::RELEASE,
            scripts: [iso::ROOT_SCRIPT, iso::INITRAMFS_SCRIPT],
            profile: common.name.to_owned(),
            packages,
            writable: writable(),
            form,
        }
    }

    /// As the store has it.
    pub fn keyed(&self, common: Common<'_>) -> Keyed {
        Keyed::sorted(common.label(self.stage), self)
    }

    /// What will be done, one line each.
    pub fn steps(&self) -> Vec<String> {
        let mut steps = vec![format!("unpack the root {}", self.root.short())];
        steps.extend(
            self.overlay.keys().map(|path| format!("put overlay/{path} of the profile {} over it", self.profile)),
        );
        steps.push("write the inventory".to_owned());
        let [root, initramfs] = self.scripts;
        steps.extend(root.lines().map(|line| format!("run {line}")));
        steps.push(format!("write the initramfs with /init of {}", self.init));
        steps.extend(initramfs.lines().map(|line| format!("run {line}")));
        steps
    }
}

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
            os_release: iso::os_release(&common.profile.version),
            image: uki::FORM,
            seed: common.seed,
            epoch: Epoch::RELEASE,
            script: iso::ISO_SCRIPT,
            menu: iso::MENU,
        }
    }

    /// As the store has it.
    pub fn keyed(&self, common: Common<'_>) -> Keyed {
        Keyed::sorted(common.label(self.stage), self)
    }

    /// What will be done, one line each.
    pub fn steps(&self) -> Vec<String> {
        let mut steps = vec![
            format!("join kernel {} and initramfs {} to {}", self.linux, self.initramfs.short(), self.stub),
            format!("with the command line {}", self.cmdline),
            format!("write the menu of {}", self.grub),
        ];
        steps.extend(self.script.lines().map(|line| format!("run {line}")));
        steps
    }
}

/// The plan of one stage.
#[derive(Debug, Clone, PartialEq)]
pub enum StagePlan {
    /// Stage `security`.
    Root(RootPlan),
    /// Stage `overlay`.
    Overlay(OverlayPlan),
    /// Stage `iso`.
    Medium(MediumPlan),
}

impl StagePlan {
    /// As the store has it.
    pub fn keyed(&self, common: Common<'_>) -> Keyed {
        match self {
            Self::Root(plan) => plan.keyed(common),
            Self::Overlay(plan) => plan.keyed(common),
            Self::Medium(plan) => plan.keyed(common),
        }
    }

    /// What will be done, one line each.
    pub fn steps(&self) -> Vec<String> {
        match self {
            Self::Root(plan) => plan.steps(),
            Self::Overlay(plan) => plan.steps(),
            Self::Medium(plan) => plan.steps(),
        }
    }

    /// The names of the files that it makes.
    pub fn outputs(&self) -> &'static [&'static str] {
        match self {
            Self::Root(_) => &["root"],
            Self::Overlay(_) => &["initramfs", "inventory"],
            Self::Medium(_) => &["iso", "uki"],
        }
    }
}

/// What the stages of an ISO made, as far as they ran.
#[derive(Debug, Clone)]
pub struct IsoBuild {
    /// Input key of the last stage that ran.
    pub key: Digest,
    /// Packages, by their diff ids.
    pub packages: BTreeMap<PkgName, Digest>,
    /// The layer of the root.
    pub root: Option<Digest>,
    /// Files of the stage `overlay`.
    pub overlay: Option<Overlay>,
    /// Files of the stage `iso`.
    pub medium: Option<Medium>,
}

/// What the stage `overlay` makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Overlay {
    /// The initramfs, with the image of the root in it.
    pub initramfs: Digest,
    /// The text about what the image holds and opens.
    pub inventory: Digest,
}

/// What the stage `iso` makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Medium {
    /// The unified kernel image.
    pub uki: Digest,
    /// The ISO.
    pub iso: Digest,
}

/// Something that a stage needs is not there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Missing {
    /// A package.
    #[error("{0} was not built")]
    Package(String),
    /// An output of a stage that ran.
    #[error("no `{0}` was recorded")]
    Output(&'static str),
}

impl IsoBuild {
    /// Nothing yet.
    pub fn start() -> Self {
        Self { key: Digest::of(""), packages: BTreeMap::new(), root: None, overlay: None, medium: None }
    }

    /// A package that was built, by what it is.
    ///
    /// # Errors
    /// When it was not.
    pub fn input(&self, name: &str) -> Result<Input, Missing> {
        let package = self.packages.iter().find(|(package, _)| package.as_str() == name);
        let (name, diff_id) = package.ok_or_else(|| Missing::Package(name.to_owned()))?;
        Ok(Input { name: name.clone(), diff_id: *diff_id })
    }

    /// Packages that were built, in their order.
    ///
    /// # Errors
    /// When one was not.
    pub fn inputs(&self, names: &[PkgName]) -> Result<Vec<Input>, Missing> {
        names.iter().map(|name| self.input(name.as_str())).collect()
    }

    /// Takes over what a stage made: the digests that were recorded under the names of [`StagePlan::outputs`].
    ///
    /// # Errors
    /// When one was not recorded.
    pub fn take(&mut self, plan: &StagePlan, key: Digest, outputs: &BTreeMap<String, Digest>) -> Result<(), Missing> {
        let output = |name: &'static str| outputs.get(name).copied().ok_or(Missing::Output(name));
        self.key = key;
        match plan {
            StagePlan::Root(_) => self.root = Some(output("root")?),
            StagePlan::Overlay(_) => {
                self.overlay = Some(Overlay { initramfs: output("initramfs")?, inventory: output("inventory")? });
            }
            StagePlan::Medium(_) => self.medium = Some(Medium { uki: output("uki")?, iso: output("iso")? }),
        }
        Ok(())
    }

    /// The files that were made, from the inside out, with their names.
    pub fn files(&self) -> Vec<(&'static str, Digest)> {
        let mut files: Vec<_> = self.root.map(|root| ("root", root)).into_iter().collect();
        if let Some(overlay) = self.overlay {
            files.extend([("inventory", overlay.inventory), ("initramfs", overlay.initramfs)]);
        }
        if let Some(medium) = self.medium {
            files.extend([("unified image", medium.uki), ("iso", medium.iso)]);
        }
        files
    }
}

#[cfg(test)]
mod tests;
