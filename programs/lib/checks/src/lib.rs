//! Checks of the running system: the build of an image writes them (`/usr/lib/ashlar/checks`), and `ashlar-audit` reads
//! them.
//!
//! A block is `[layer id]` and lines `key=value`; a repeated key is a list. A check has a kind and the keys of that
//! kind, which [`KINDS`] lists with their reader. A new kind needs an entry there, a [`Probe`], an arm in
//! `ashlar-audit/src/run.rs`, and a function in `ashlar-audit/src/evaluate`.

mod check;
mod read;
mod write;

pub use check::*;
pub use read::{KINDS, Kind, ParseError, parse};
pub use write::{Block, write};
