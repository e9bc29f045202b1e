//! What the boot tests do, as data: a machine, and the conversation that is held with it. `set.rs` holds the scenarios
//! themselves.
//!
//! A scenario becomes a [`Script`] for the console's automaton; the answers come back to be evaluated. Effects are in
//! `xtask/src/host/{vm,ssh}.rs`, the command in `xtask/src/task/boot_test.rs`.

mod accounts;
mod audited;
mod conversation;
mod exhaustion;
mod machine;
mod outside;
mod services;
mod set;
mod steps;

pub use accounts::{ADMIN, HOST, PASSWORD, PASSWORD_HASH};
pub use conversation::{Item, Scenario, USUAL};
pub use machine::{Clock, NetLink, Setup};
pub use set::{NAMES, NoScenario, SETTLED, named};

#[cfg(test)]
mod tests;
