//! Ashlar's decisions, as values computed without effects.
//!
//! Everything here takes text or values and gives values: recipes, graphs, plans, keys, layers, checks. Nothing here starts a
//! process, opens a file, reads a clock or the environment; `xtask/src/host` does that. See ARCHITECTURE.md for the map.
#![forbid(unsafe_code)]

pub mod archive;
pub mod cargo_lock;
pub mod check;
pub mod cloud;
pub mod command;
pub mod compare;
pub mod console;
pub mod cost;
pub mod cpio;
pub mod deb822;
pub mod diag;
pub mod digest;
pub mod event;
pub mod glob;
pub mod grade;
pub mod graph;
pub mod hardening;
pub mod hosttools;
pub mod image;
pub mod iso;
pub mod kconfig;
pub mod layer;
pub mod ledger;
pub mod manifest;
pub mod name;
pub mod oci;
pub mod peer;
pub mod plan;
pub mod qemu;
pub mod recipe;
pub mod sandbox;
pub mod sbom;
pub mod scenario;
pub mod seed;
pub mod shape;
pub mod ssh;
pub mod stranger;
pub mod surface;
pub mod timeline;
pub mod toolchain;
pub mod tree;
pub mod uki;
pub mod wire;
