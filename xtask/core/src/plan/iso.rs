//! The plans of an ISO's stages. Each begins with what the stage before it made.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{CONTRACT, Input, Keyed};
use crate::base::digest::Digest;
use crate::base::name::Epoch;
use crate::model::hardening::{RootFile, apparmor};
use crate::model::image::IsoProfile;
use crate::model::iso;
use crate::model::mounts::{WritableMount, writable};

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

/// AppArmor's profiles, compiled by our own parser for our own kernel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PolicyPlan {
    /// The texts.
    pub sources: apparmor::Sources,
    /// The package of the compiler.
    pub parser: Input,
    /// The package of the loader, which must be able to read what was compiled.
    pub loader: Input,
    /// The commands.
    pub script: &'static str,
}

impl PolicyPlan {
    /// What `sources` are compiled by.
    pub fn new(sources: apparmor::Sources, parser: Input, loader: Input) -> Self {
        Self { sources, parser, loader, script: apparmor::SCRIPT }
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
    script: &'static str,
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
            script: iso::ROOT_SCRIPT,
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
        steps.extend(iso::ROOT_SCRIPT.lines().map(|line| format!("run {line}")));
        steps.push(format!("write the initramfs with /init of {}", self.init));
        steps.extend(iso::INITRAMFS_SCRIPT.lines().map(|line| format!("run {line}")));
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
    seed: Digest,
    epoch: Epoch,
    script: &'static str,
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
            seed: common.seed,
            epoch: Epoch::RELEASE,
            script: iso::ISO_SCRIPT,
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
        steps.extend(iso::ISO_SCRIPT.lines().map(|line| format!("run {line}")));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::digest::Digest;

    fn input(name: &str) -> Input {
        Input { name: name.parse().unwrap(), diff_id: Digest::of(name) }
    }

    fn profile() -> IsoProfile {
        IsoProfile {
            version: "1".to_owned(),
            root: vec!["busybox".to_owned()],
            modes: [("etc/secret".to_owned(), "0600".to_owned())].into(),
            cmdline: vec!["quiet".to_owned(), "lockdown=integrity".to_owned()],
            foreign_services: vec!["elsewhere".to_owned()],
            ..IsoProfile::default()
        }
    }

    fn plans(common: Common<'_>) -> [StagePlan; 3] {
        let file = RootFile { text: "kernel.dmesg_restrict = 1\n".to_owned(), mode: 0o644 };
        let sources = apparmor::Sources {
            profiles: [("web".into(), "profile web /usr/bin/web {}\n".to_owned())].into(),
            features: "caps {}\n".to_owned(),
            refusals: String::new(),
        };
        let policy = PolicyPlan::new(sources, input("apparmor-parser"), input("apparmor-load"));
        let root = vec![input("busybox")];
        let files = [("etc/sysctl.conf".to_owned(), file)].into();
        let overlay = [("etc/motd".to_owned(), Digest::of("welcome"))].into();
        [
            StagePlan::Root(RootPlan::new(common, root.clone(), files, Some(policy))),
            StagePlan::Overlay(OverlayPlan::new(common, Digest::of("root"), root, input("init"), overlay, 1)),
            StagePlan::Medium(MediumPlan::new(
                common,
                input("linux"),
                input("systemd-stub"),
                input("grub-bios"),
                Digest::of("initramfs"),
            )),
        ]
    }

    #[test]
    fn plans_and_steps_are_pinned() {
        let profile = profile();
        let common = Common { variant: "tiny", name: "tiny", profile: &profile, seed: Digest::of("seed") };
        for plan in plans(common) {
            let keyed = plan.keyed(common);
            let text = format!("{}\nkey {}\n{}\n\n{}", keyed.label, keyed.key, keyed.text, plan.steps().join("\n"));
            insta::assert_snapshot!(keyed.label.replace('.', "-"), text);
        }
    }

    #[test]
    fn a_variant_has_labels_of_its_own() {
        let profile = profile();
        let plain = Common { variant: "tiny", name: "tiny", profile: &profile, seed: Digest::of("seed") };
        let without = Common { variant: "tiny-without-4-ssh", ..plain };
        for (plan, other) in plans(plain).iter().zip(plans(without)) {
            assert_eq!(plan.keyed(plain).key, other.keyed(without).key);
            assert_ne!(plan.keyed(plain).label, other.keyed(without).label);
        }
    }

    #[test]
    fn every_input_is_in_the_key() {
        let profile = profile();
        let common = Common { variant: "tiny", name: "tiny", profile: &profile, seed: Digest::of("seed") };
        let others = [
            IsoProfile { cmdline: vec!["quiet".to_owned()], ..profile.clone() },
            IsoProfile { modes: BTreeMap::new(), ..profile.clone() },
            IsoProfile { foreign_services: Vec::new(), ..profile.clone() },
            IsoProfile { version: "2".to_owned(), ..profile.clone() },
        ];
        let keys = |common: Common<'_>| plans(common).map(|plan| plan.keyed(common).key);
        for other in &others {
            assert_ne!(keys(common), keys(Common { profile: other, ..common }), "{other:?}");
        }
        let other = keys(Common { seed: Digest::of("another"), ..common });
        assert!(keys(common).iter().zip(other).all(|(a, b)| *a != b));
    }
}
