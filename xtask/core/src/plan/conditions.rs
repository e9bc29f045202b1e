//! How a build is run on one machine. Nothing here is part of an input key, and nothing here may change an output;
//! `verify-repro` builds twice under [`Conditions::standard`] and [`Conditions::varied`] to prove it.

use serde::Serialize;

/// The circumstances of one build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Conditions {
    /// The directory inside the container that holds `src`, `obj`, `home`, `vendor`.
    pub root: String,
    /// Host name inside the container.
    pub hostname: String,
    /// `TZ`.
    pub timezone: String,
    /// `LC_ALL`.
    pub locale: String,
    /// umask of the phases, octal digits.
    pub umask: String,
    /// Processors the build may use; all when absent.
    pub cpus: Option<Vec<usize>>,
    /// Whether the work directory is on tmpfs, whose directories list files in another order than a disk's.
    pub tmpfs: bool,
}

impl Conditions {
    /// The build contract's own conditions.
    pub fn standard() -> Self {
        Self {
            root: "/build".to_owned(),
            hostname: "ashlar".to_owned(),
            timezone: "UTC".to_owned(),
            locale: "C".to_owned(),
            umask: "022".to_owned(),
            cpus: None,
            tmpfs: false,
        }
    }

    /// Everything different that the contract allows to be different; all processors when no one is named.
    pub fn varied(cpu: Option<usize>, tmpfs: bool) -> Self {
        Self {
            root: "/another/place/to-build".to_owned(),
            hostname: "elsewhere".to_owned(),
            timezone: "Pacific/Kiritimati".to_owned(),
            locale: "et_EE.UTF-8".to_owned(),
            umask: "077".to_owned(),
            cpus: cpu.map(|cpu| vec![cpu]),
            tmpfs,
        }
    }
}
