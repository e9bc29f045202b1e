//! The content of a checkout, validated: recipes and their graph, the toolchain and the seed it starts from, images, ISO profiles,
//! hardening, host tools.

pub mod graph;
pub mod hardening;
pub mod hosttools;
pub mod image;
pub mod iso;
pub mod mounts;
pub mod outdated;
mod place;
pub mod profile;
pub mod recipe;
pub mod sandbox;
pub mod seed;
pub mod toolchain;
pub mod tree;
