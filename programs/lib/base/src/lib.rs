//! What our programs have in common, without system calls of its own.
//!
//! - [`accounts`]: `/etc/passwd` and `/etc/group`;
//! - [`capability`]: names of capabilities;
//! - [`json`]: quoting of texts;
//! - [`syslog`]: lines for `/dev/log`.

pub mod accounts;
pub mod capability;
pub mod json;
pub mod syslog;
