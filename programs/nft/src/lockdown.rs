//! The fallback ruleset: it drops everything but the loopback.

/// Loaded by `nft lockdown`.
pub const TEXT: &str = include_str!("lockdown.nft");
