//! A NoCloud volume: its two documents, resolved into a [`Config`](crate::config::Config).
//!
//! It reads a part of cloud-init's format, with the same meaning. It reports and ignores unknown keys. A key whose
//! absence would surprise, or that would weaken the system, invalidates the whole volume.
//!
//! * [`document`]: the documents' keys.
//! * [`user`]: one entry of `users`.
//! * [`extra`]: `write_files` and `runcmd`, where the command line allows them.
//! * [`fields`]: text and lists out of YAML.

mod document;
mod extra;
mod fields;
#[cfg(test)]
mod tests;
mod user;

pub use document::resolve;
#[cfg(test)]
pub use tests::facts as facts_of_tests;

/// The documents as found on the volume.
#[derive(Debug, Default, Clone)]
pub struct Documents {
    /// `meta-data`
    pub meta_data: Option<Vec<u8>>,
    /// `user-data`
    pub user_data: Option<Vec<u8>>,
    /// Whether the volume has a `network-config`.
    pub network_config: bool,
}
