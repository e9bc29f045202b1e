//! Numbers of the kernel's interface that are both written and read.

/// Bits of a set's flags, NFT_SET_…
pub mod set {
    pub const ANONYMOUS: u32 = 1;
    pub const CONSTANT: u32 = 2;
    pub const INTERVAL: u32 = 4;
    pub const MAP: u32 = 8;
    pub const TIMEOUT: u32 = 0x10;
    pub const EVAL: u32 = 0x20;
    pub const OBJECT: u32 = 0x40;
    pub const CONCAT: u32 = 0x80;
}

/// NFT_DATA_VERDICT: the type of what a map of verdicts gives.
pub const VERDICT: u32 = 0xffff_ff00;
