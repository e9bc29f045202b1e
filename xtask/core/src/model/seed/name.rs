//! The name of a seed, and where its files are.

use std::fmt;
use std::str::FromStr;

use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize};

/// Where the seeds live, relative to the repository: a folder each.
pub const SEEDS: &str = "toolchain/seeds";

/// The name of a seed: of its folder below [`SEEDS`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SeedName(String);

/// Why a text is not a seed's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the name of a seed: use lower-case letters, digits and `-`")]
pub struct ParseSeedNameError(String);

impl SeedName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The folder of its files, relative to the repository.
    pub fn folder(&self) -> Utf8PathBuf {
        Utf8PathBuf::from(SEEDS).join(&self.0)
    }

    /// The definition, relative to the repository.
    pub fn def_file(&self) -> Utf8PathBuf {
        self.folder().join("seed.toml")
    }

    /// The lock, relative to the repository.
    pub fn lock_file(&self) -> Utf8PathBuf {
        self.folder().join("seed.lock")
    }

    /// The command that writes the lock.
    pub fn lock_command(&self) -> String {
        let option = if *self == Self::default() { String::new() } else { format!(" --seed {self}") };
        format!("cargo xtask seed lock{option}")
    }
}

/// The seed that the ledger's input keys are about.
impl Default for SeedName {
    fn default() -> Self {
        Self("debian".to_owned())
    }
}

impl FromStr for SeedName {
    type Err = ParseSeedNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let good = text.starts_with(|c: char| c.is_ascii_lowercase()) && text.len() <= 32 && text.chars().all(plain);
        if good { Ok(Self(text.to_owned())) } else { Err(ParseSeedNameError(text.to_owned())) }
    }
}

impl TryFrom<String> for SeedName {
    type Error = ParseSeedNameError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<SeedName> for String {
    fn from(name: SeedName) -> Self {
        name.0
    }
}

impl fmt::Display for SeedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_folders_and_nothing_else() {
        let zig: SeedName = "zig".parse().unwrap();
        assert_eq!(zig.def_file(), "toolchain/seeds/zig/seed.toml");
        assert_eq!(zig.lock_command(), "cargo xtask seed lock --seed zig");
        assert_eq!(SeedName::default().lock_command(), "cargo xtask seed lock");
        for bad in ["", "..", "a/b", "Zig", "-a", "1"] {
            assert!(bad.parse::<SeedName>().is_err(), "{bad}");
        }
    }
}
