//! Constants of the kernel's interface that both reader and writer use.

/// Flags of a set, NFT_SET_…
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

/// NFT_DATA_VERDICT: the data type of verdict maps.
pub const VERDICT: u32 = 0xffff_ff00;
