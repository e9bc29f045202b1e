//! What a stage of an ISO is to those that run it.

use std::fmt;

use crate::base::digest::Digest;
use crate::model::profile::IsoProfile;
use crate::plan::Keyed;

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
    /// What people call the plan of a stage.
    pub fn label(&self, stage: &str) -> String {
        format!("iso.{}.{stage}", self.variant)
    }
}

/// The plan of one stage.
pub trait StagePlan: fmt::Debug {
    /// The names of the files that it makes, from the inside out.
    fn outputs(&self) -> &'static [&'static str];

    /// As the store has it.
    fn keyed(&self, common: Common<'_>) -> Keyed;

    /// What will be done, one line each.
    fn steps(&self) -> Vec<String>;
}
