//! Ashlar's decisions, as values computed without effects.
//!
//! Everything here takes text or values and gives values: recipes, graphs, plans, keys, layers, checks. Nothing here starts a
//! process, opens a file, reads a clock or the environment; `xtask/src/host` does that. The modules are floors: each uses those
//! above it in this list and no other. See ARCHITECTURE.md for the map.
#![forbid(unsafe_code)]

pub mod base;
pub mod formats;
pub mod model;
pub mod plan;
pub mod verify;
