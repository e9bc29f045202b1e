//! Ashlar's decisions, as values computed without effects.
//!
//! Everything here takes text or values and gives values: recipes, graphs, plans, keys, layers, checks. Nothing here starts a
//! process, opens a file, reads a clock or the environment; `xtask/src/host` does that. See ARCHITECTURE.md for the map.
#![forbid(unsafe_code)]

pub mod cargo_lock;
pub mod command;
pub mod deb822;
pub mod diag;
pub mod digest;
pub mod event;
pub mod glob;
pub mod graph;
pub mod hosttools;
pub mod kconfig;
pub mod ledger;
pub mod name;
pub mod plan;
pub mod recipe;
pub mod seed;
pub mod shape;
pub mod toolchain;
pub mod tree;
