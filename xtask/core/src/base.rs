//! Types that everything else uses: names, digests, findings with place and remedy, events, commands as values, TOML tables
//! as structs.

pub mod command;
pub mod diag;
pub mod digest;
pub mod event;
pub mod glob;
pub mod name;
pub mod schema;
pub mod syntax;
