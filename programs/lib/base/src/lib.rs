//! Code that our programs share, without system calls.
//!
//! - [`accounts`]: `/etc/passwd` and `/etc/group`;
//! - [`capability`]: names of capabilities;
//! - [`findings`]: mistakes in a text, with their places;
//! - [`json`]: quoting of strings;
//! - [`options`]: what is wrong with a command line;
//! - [`syslog`]: lines for `/dev/log`.

pub mod accounts;
pub mod capability;
pub mod findings;
pub mod json;
pub mod options;
pub mod syslog;
