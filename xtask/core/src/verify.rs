//! Analyses of finished trees: lints, the difference of two builds, and the inventory of an image.

pub mod compare;
pub mod inventory;
pub mod lint;
pub mod table;
