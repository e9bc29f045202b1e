//! Promises about the running system, as the build of an image writes them (`/usr/lib/ashlar/checks`) and `ashlar-audit` reads them.
//!
//! A block is `[layer id]` and lines `key=value`; a key that comes twice is a list. A check has a kind and the kind's keys, which
//! [`KINDS`] lists. A new kind is a line there, a [`Probe`], and what `ashlar-audit` does to look.

mod check;
mod read;
mod write;

pub use check::*;
pub use read::{Odd, parse};
pub use write::{Block, write};
