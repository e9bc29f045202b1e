//! Boot tests as data: a machine, and the conversation with it. `set.rs` has the scenarios themselves.
//!
//! A scenario becomes a [`Script`] for the console's automaton; its answers come back for evaluation. Effects are in
//! `xtask/src/host/{vm,ssh}.rs`, the command in `xtask/src/task/boot_test.rs`.

mod accounts;
mod audited;
mod containers;
mod conversation;
mod exhaustion;
mod installed;
mod machine;
mod outside;
mod secure_boot;
mod services;
mod set;
mod steps;

pub use accounts::{ADMIN, HOST, PASSWORD, PASSWORD_HASH};
pub use conversation::{Item, Scenario, USUAL};
pub use machine::{Clock, NetLink, PARTS, RefusedMedium, SecureBoot, Setup};
pub use set::{NAMES, NoScenario, SETTLED, Target, named, names};

#[cfg(test)]
mod tests;
