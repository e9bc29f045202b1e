//! Names and small vocabulary that many modules share: packages, phases, architectures, the epoch.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The name of a package: lower-case letters, digits, `+`, `-`, `.`; begins with a letter or digit; at most 64 characters.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PkgName(String);

/// Why a text is not a package name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a package name: use lower-case letters, digits, `+`, `-`, `.`, beginning with a letter or digit")]
pub struct ParseNameError(String);

impl PkgName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PkgName {
    type Err = ParseNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let first = text.chars().next().is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
        let rest = text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '+' | '-' | '.'));
        if first && rest && text.len() <= 64 { Ok(Self(text.to_owned())) } else { Err(ParseNameError(text.to_owned())) }
    }
}

impl fmt::Display for PkgName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for PkgName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

impl Serialize for PkgName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for PkgName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// The steps of a build, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Changes to the unpacked sources beyond patches.
    Prepare,
    /// Detection and configuration.
    Configure,
    /// Compilation.
    Build,
    /// Upstream's own tests.
    Check,
    /// Writes the staging tree.
    Install,
}

impl Phase {
    /// All phases in the order they run.
    pub const ALL: [Self; 5] = [Self::Prepare, Self::Configure, Self::Build, Self::Check, Self::Install];

    /// The name as written in recipes and log files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Prepare => "prepare",
            Self::Configure => "configure",
            Self::Build => "build",
            Self::Check => "check",
            Self::Install => "install",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A target architecture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Arch {
    /// 64-bit x86.
    #[serde(rename = "x86_64")]
    X86_64,
}

impl Arch {
    /// The name used in paths, triples and the ledger.
    pub fn as_str(self) -> &'static str {
        "x86_64"
    }

    /// The name OCI documents use.
    pub fn oci(self) -> &'static str {
        "amd64"
    }

    /// The compiler's target triple.
    pub fn triple(self) -> &'static str {
        "x86_64-unknown-linux-musl"
    }
}

impl FromStr for Arch {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "x86_64" => Ok(Self::X86_64),
            other => Err(format!("`{other}` is not a supported architecture; supported: x86_64")),
        }
    }
}

/// `SOURCE_DATE_EPOCH`: the only time that enters a build, in seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Epoch(pub u64);

impl Epoch {
    /// The epoch of this release of Ashlar: 2026-01-01T00:00:00Z. It changes with a release, never with a build.
    pub const RELEASE: Self = Self(1_767_225_600);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for good in ["zlib", "gtk+", "7zip", "a.b-c"] {
            assert_eq!(good.parse::<PkgName>().unwrap().as_str(), good);
        }
        for bad in ["", "Zlib", "-x", "a b", "a/b", "é", &"a".repeat(65)] {
            assert!(bad.parse::<PkgName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn arch_names() {
        assert_eq!("x86_64".parse::<Arch>(), Ok(Arch::X86_64));
        assert!("riscv64".parse::<Arch>().unwrap_err().contains("supported: x86_64"));
        assert_eq!((Arch::X86_64.oci(), Arch::X86_64.as_str()), ("amd64", "x86_64"));
    }
}
