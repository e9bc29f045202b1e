//! The calls to the kernel and to the C library that std does not have, as safe functions.
//!
//! The only crate with unsafe code. What `rustix` has goes through it; the rest is `libc`. Nothing here decides anything: errors are the
//! kernel's, and who may do what is the caller's affair.
//!
//! Used all over, so their names stand at the root:
//! - `process`: fork, wait, signals to others, environment;
//! - `signal`: signals to this process;
//! - `files`: paths beneath a directory, locks, descriptors, attributes;
//! - `terminal`: its width, its foreground, its modes;
//! - `rights`: users, capabilities, limits;
//! - `machine`: clock, name, log, power; `regex`: the C library's.
//!
//! Used by few:
//! - [`attempt`]: calls that the kernel should refuse;
//! - [`block`]: block devices;
//! - [`loop_device`], [`mount`];
//! - [`netlink`], [`seccomp`], [`socket`], [`watchdog`].

pub mod attempt;
pub mod block;
mod files;
pub mod loop_device;
mod machine;
pub mod mount;
pub mod netlink;
mod process;
mod regex;
mod result;
mod rights;
pub mod seccomp;
mod signal;
pub mod socket;
mod terminal;
pub mod watchdog;

pub use files::*;
pub use machine::*;
pub use process::*;
pub use regex::Regex;
pub use rights::*;
pub use signal::*;
pub use terminal::*;
