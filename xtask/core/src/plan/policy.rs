//! The plan of AppArmor's policy, which the stage `security` of an ISO compiles.

use serde::Serialize;

use super::Input;
use crate::model::hardening::apparmor;

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
