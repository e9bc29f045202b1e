//! A NoCloud volume: its two documents, resolved into a [`Config`](crate::config::Config).
//!
//! It reads a part of cloud-init's format, with the same meaning. It reports and ignores unknown keys. A key whose
//! absence would surprise, or that would weaken the system, invalidates the whole volume.
//!
//! * [`document`]: the documents' keys.
//! * [`documents`]: the documents as found.
//! * [`user`]: one entry of `users`.
//! * [`extra`]: `write_files` and `runcmd`, where the command line allows them.
//! * [`fields`]: text and lists out of YAML.

mod document;
mod documents;
mod extra;
mod fields;
#[cfg(test)]
mod tests;
mod user;

pub use document::resolve;
pub use documents::Documents;
#[cfg(test)]
pub use tests::facts as facts_of_tests;
