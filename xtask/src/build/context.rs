//! Inputs of a build beside its plan.

use ashlar_core::plan::Variations;
use camino::Utf8Path;

use crate::host::jobserver::Jobserver;
use crate::host::store::Store;
use crate::report::Reporter;

/// What a build needs beside its plan.
#[derive(Debug, Clone, Copy)]
pub struct BuildContext<'a> {
    /// Where results go.
    pub store: &'a Store,
    /// The unpacked seed env.
    pub seed: &'a Utf8Path,
    /// The package's folder.
    pub folder: &'a Utf8Path,
    /// What varies in this build.
    pub variations: &'a Variations,
    /// Job tokens.
    pub jobserver: &'a Jobserver,
    /// Receives events.
    pub reporter: &'a Reporter,
    /// Temporary files of this run.
    pub scratch: &'a Utf8Path,
    /// Leave a failed build for `cargo xtask shell`.
    pub keep: bool,
    /// Leave out checks and tests: the result will be held against bytes that passed them.
    pub skip_checks: bool,
    /// Only for `bench sandbox`: without most of the sandbox.
    pub bare: bool,
}
