//! The plans of an ISO's stages, and what these make. Each plan begins with what the stage before it made.

mod medium;
mod overlay;
mod root;
mod stage;

use std::collections::BTreeMap;

pub use self::medium::MediumPlan;
pub use self::overlay::OverlayPlan;
pub use self::root::RootPlan;
pub use self::stage::{Common, StagePlan};
use super::Input;
use crate::base::digest::Digest;
use crate::base::name::PkgName;

/// What the stages of an ISO made, as far as they ran.
#[derive(Debug, Clone)]
pub struct IsoBuild {
    /// Input key of the last stage that ran.
    pub key: Digest,
    /// Packages, by their diff ids.
    pub packages: BTreeMap<PkgName, Digest>,
    /// Files, by the names that [`StagePlan::outputs`] gives, in the order of the stages.
    pub files: Vec<(&'static str, Digest)>,
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
        Self { key: Digest::of(""), packages: BTreeMap::new(), files: Vec::new() }
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

    /// A file that a stage made.
    ///
    /// # Errors
    /// When none that ran makes one of this name.
    pub fn output(&self, name: &'static str) -> Result<Digest, Missing> {
        let file = self.files.iter().find(|(file, _)| *file == name);
        file.map(|(_, digest)| *digest).ok_or(Missing::Output(name))
    }

    /// Takes over what a stage made: the digests that were recorded under the names of its outputs.
    ///
    /// # Errors
    /// When one was not recorded.
    pub fn take(
        &mut self,
        plan: &dyn StagePlan,
        key: Digest,
        outputs: &BTreeMap<String, Digest>,
    ) -> Result<(), Missing> {
        self.key = key;
        for name in plan.outputs() {
            self.files.push((name, outputs.get(*name).copied().ok_or(Missing::Output(name))?));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
