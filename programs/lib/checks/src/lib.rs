//! Checks of the running system: the build of an image writes them (`/usr/lib/ashlar/checks`), and `ashlar-audit` reads
//! them.
//!
//! A block is `[layer id]` and lines `key=value`; a repeated key is a list. A check has a kind and the keys of that
//! kind, which [`KINDS`] lists. A new kind needs a line there, a [`Probe`], and its observation in `ashlar-audit`.

mod check;
mod read;
mod write;

pub use check::*;
pub use read::{ParseError, parse};
pub use write::{Block, write};
