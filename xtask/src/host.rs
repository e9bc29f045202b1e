//! Every effect has one home here. Tasks compose these; the core never sees them.

pub mod archive;
pub mod beneath;
pub mod checkout;
pub mod clock;
pub mod container;
pub mod crates;
pub mod deb;
pub mod exec;
pub mod fetch;
pub mod graders;
pub mod jobserver;
pub mod load;
pub mod lock;
pub mod mirror;
pub mod peer;
pub mod qmp;
pub mod repository;
pub mod seed;
pub mod segment;
pub mod ssh;
pub mod store;
pub mod tools;
pub mod tree;
pub mod unpack;
pub mod vm;
pub mod work;
