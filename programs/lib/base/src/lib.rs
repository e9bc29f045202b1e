//! Code that our programs share, without system calls.
//!
//! - [`accounts`]: `/etc/passwd` and `/etc/group`;
//! - [`capability`]: names of capabilities;
//! - [`json`]: quoting of strings;
//! - [`options`]: what is wrong with a command line;
//! - [`syslog`]: lines for `/dev/log`.

pub mod accounts;
pub mod capability;
pub mod json;
pub mod options;
pub mod syslog;
