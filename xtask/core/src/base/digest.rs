//! sha256 as a type: the identity of sources, layers, inputs and outputs.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::Digest as _;

/// Hex digits of a sha256.
const HEX: usize = 64;

/// A sha256 value. Written and read as 64 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

/// Why a text is not a digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a sha256: expected 64 lower-case hex digits, found {found}")]
pub struct ParseDigestError {
    text: String,
    found: String,
}

impl Digest {
    /// The sha256 of `bytes`.
    pub fn of(bytes: impl AsRef<[u8]>) -> Self {
        let mut hasher = Hasher::default();
        hasher.update(bytes.as_ref());
        hasher.finish()
    }

    /// The first twelve hex digits: enough to tell entries apart in messages and file names.
    pub fn short(&self) -> String {
        self.to_string()[..12].to_owned()
    }

    /// `sha256:<hex>`, the form OCI documents use.
    pub fn oci(&self) -> String {
        format!("sha256:{self}")
    }

    /// The digest with these bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The raw 32 bytes.
    pub fn bytes(&self) -> [u8; 32] {
        self.0
    }

    /// The hex digits, written into `place`: plans name thousands of digests, and formatting each byte is slow.
    fn hex<'a>(&self, place: &'a mut [u8; HEX]) -> &'a str {
        const DIGITS: [u8; 16] = *b"0123456789abcdef";
        for (pair, byte) in place.chunks_exact_mut(2).zip(self.0) {
            pair.copy_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
        }
        // Digits are ASCII.
        std::str::from_utf8(place).unwrap_or_default()
    }
}

/// Streaming sha256.
#[derive(Clone, Default)]
pub struct Hasher(sha2::Sha256);

impl Hasher {
    /// Adds bytes to the hash.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest of everything added.
    pub fn finish(self) -> Digest {
        Digest(self.0.finalize().into())
    }
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hasher(sha256)")
    }
}

impl std::io::Write for Hasher {
    fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
        self.update(buf);
        Ok(buf.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.hex(&mut [0; HEX]))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

impl FromStr for Digest {
    type Err = ParseDigestError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = |found: String| ParseDigestError { text: text.to_owned(), found };
        if text.chars().count() != HEX {
            return Err(error(format!("{} characters", text.chars().count())));
        }
        let mut bytes = [0u8; 32];
        for (position, c) in text.chars().enumerate() {
            let nibble = match c {
                '0'..='9' => c as u8 - b'0',
                'a'..='f' => c as u8 - b'a' + 10,
                _ => return Err(error(format!("`{c}` at position {position}"))),
            };
            bytes[position / 2] = bytes[position / 2] << 4 | nibble;
        }
        Ok(Self(bytes))
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.hex(&mut [0; HEX]))
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_value_and_round_trip() {
        let empty = Digest::of("");
        assert_eq!(empty.to_string(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_eq!(empty.to_string().parse(), Ok(empty));
        assert_eq!(empty.short(), "e3b0c44298fc");
        assert_eq!(empty.oci().len(), 71);
    }

    #[test]
    fn refuses_what_is_not_a_digest() {
        assert!("abc".parse::<Digest>().unwrap_err().to_string().contains("3 characters"));
        let upper = "E".repeat(64);
        assert!(upper.parse::<Digest>().unwrap_err().to_string().contains("`E` at position 0"));
        let wide = "é".repeat(64);
        assert!(wide.parse::<Digest>().is_err());
    }
}
