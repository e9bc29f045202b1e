//! The plan of the stage `overlay`: the image of the root, and the initramfs.

use std::collections::BTreeMap;

use serde::Serialize;

use super::stage::{Common, StagePlan};
use crate::base::digest::Digest;
use crate::base::name::Epoch;
use crate::model::iso;
use crate::model::mounts::{WritableMount, writable};
use crate::plan::{CONTRACT, Input, Keyed};

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
}

impl StagePlan for OverlayPlan {
    fn outputs(&self) -> &'static [&'static str] {
        &["inventory", "initramfs"]
    }

    fn keyed(&self, common: Common<'_>) -> Keyed {
        Keyed::sorted(common.label(self.stage), self)
    }

    fn steps(&self) -> Vec<String> {
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
