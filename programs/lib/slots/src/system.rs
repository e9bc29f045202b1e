//! Slots, and the systems in them.

use std::fmt;

use crate::pe::{self, NoProgram};

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

impl System {
    /// The system in a unified image: its digest, and what its section `.osrel` says.
    ///
    /// # Errors
    /// When it is no such image.
    pub fn of(image: &[u8]) -> Result<Self, NoProgram> {
        let program = pe::parse(image)?;
        let release = program.content(image, ".osrel").and_then(|bytes| std::str::from_utf8(bytes).ok());
        let release = release.ok_or(NoProgram("it has no section `.osrel`"))?;
        if program.content(image, ".linux").is_none() || program.content(image, ".initrd").is_none() {
            return Err(NoProgram("it has no kernel or no initramfs"));
        }
        let value = |key: &str| {
            let line = release.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
            line.map(|value| value.trim_matches('"').to_owned())
        };
        if value("ID").as_deref() != Some("ashlar") {
            return Err(NoProgram("it is another distribution's"));
        }
        Ok(Self {
            version: value("VERSION_ID").ok_or(NoProgram("its section `.osrel` names no version"))?,
            // Images from before there were generations.
            generation: value("ASHLAR_GENERATION").and_then(|number| number.parse().ok()).unwrap_or(0),
            digest: pe::digest(image)?.iter().map(|byte| format!("{byte:02x}")).collect(),
        })
    }
}
