//! The plan of the stage `security`: the root tree.

use std::collections::BTreeMap;

use serde::Serialize;

use super::stage::{Common, StagePlan};
use crate::base::digest::Digest;
use crate::base::name::Epoch;
use crate::model::hardening::RootFile;
use crate::plan::policy::PolicyPlan;
use crate::plan::{CONTRACT, Input, Keyed};

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
}

impl StagePlan for RootPlan {
    fn outputs(&self) -> &'static [&'static str] {
        &["root"]
    }

    fn keyed(&self, common: Common<'_>) -> Keyed {
        Keyed::sorted(common.label(self.stage), self)
    }

    fn steps(&self) -> Vec<String> {
        let mut steps: Vec<String> = self.inputs.iter().map(Input::unpacked).collect();
        steps.push(format!("write {} files of the layers of defence", self.files.len()));
        if let Some(policy) = &self.policy {
            steps.push(format!("compile {} AppArmor profiles by {}", policy.sources.profiles.len(), policy.parser));
        }
        steps.push("check that every service is confined; lint the tree; write its layer".to_owned());
        steps
    }
}
