//! The ruleset for when there is no other: closed, not open.

/// Loaded by `nft close`.
pub const TEXT: &str = include_str!("closed.nft");
