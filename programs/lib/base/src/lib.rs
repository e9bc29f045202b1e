//! Code that our programs share, without system calls.
//!
//! - [`accounts`]: `/etc/passwd` and `/etc/group`;
//! - [`capability`]: names of capabilities;
//! - [`json`]: quoting of strings;
//! - [`syslog`]: lines for `/dev/log`.

pub mod accounts;
pub mod capability;
pub mod json;
pub mod syslog;
