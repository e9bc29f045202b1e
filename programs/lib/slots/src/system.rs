//! Slots, and the systems in them.

use std::fmt;

/// One of the two places for a system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Slot {
    /// The first partition.
    A,
    /// The second.
    B,
}

impl Slot {
    /// Both.
    pub const BOTH: [Self; 2] = [Self::A, Self::B];

    /// The other one.
    pub const fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }
}

/// `A`, `B`.
impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::A => "A",
            Self::B => "B",
        })
    }
}

/// A system as an update names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct System {
    /// Its version, for people.
    pub version: String,
    /// Raised when older systems must not run any more.
    pub generation: u64,
    /// The Authenticode digest of its image, in hexadecimal digits.
    pub digest: String,
}
