//! What a supervisor is told when it begins.

use super::respawn::Policy;
use crate::launch::Launch;
use crate::paths::Paths;
use crate::schedule::Step;
use std::path::PathBuf;
use std::time::Duration;

/// The settings of a supervisor.
pub struct Charge {
    /// Where everything is.
    pub paths: Paths,
    /// Whose daemon it is.
    pub service: String,
    /// Where the supervisor's own number is.
    pub pidfile: PathBuf,
    /// When it is started again.
    pub policy: Policy,
    /// How it is asked whether it is well.
    pub health: Option<Health>,
    /// How it is ended.
    pub stop: Vec<Step>,
    /// How it is started.
    pub launch: Launch,
}

/// The health check of a service.
#[derive(Clone, Copy, Debug)]
pub struct Health {
    /// Between two questions.
    pub every: Duration,
    /// Before the first one.
    pub first: Duration,
}
