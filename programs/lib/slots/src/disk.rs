//! Disks as values.

/// A disk's size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disk {
    /// Bytes of a sector: 512, or 4096.
    pub sector: u32,
    /// How many there are.
    pub sectors: u64,
}

/// Bytes and where they go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// Offset in bytes.
    pub at: u64,
    /// The bytes, whole sectors.
    pub bytes: Vec<u8>,
}
