//! SHA-256 digests: their notation, and streams hashed while they are read.

use std::fmt;
use std::io::{self, Read};

use sha2::{Digest as _, Sha256};

use crate::problem::{Outcome, problem};

/// A digest, written as `sha256:` and 64 lower-case hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Digest(String);

impl Digest {
    /// Parses the notation. Refuses other algorithms, which this program cannot verify.
    pub fn parse(text: &str) -> Outcome<Self> {
        let Some(hex) = text.strip_prefix("sha256:") else {
            return problem(format!("digest `{text:.80}` is not a sha256 digest; no other kind is read"));
        };
        if hex.len() != 64 || !hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            return problem(format!("digest `{text:.80}` is not 64 lower-case hexadecimal digits"));
        }
        Ok(Self(hex.to_owned()))
    }

    /// The digest of bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self::from_hash(Sha256::new_with_prefix(bytes))
    }

    fn from_hash(hash: Sha256) -> Self {
        Self(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// The digits alone.
    pub fn hex(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "sha256:{}", self.0)
    }
}

/// A stream that is hashed and counted while it is read. Reading beyond its limit is an error.
pub struct Hashed<R> {
    inner: R,
    hash: Sha256,
    count: u64,
    most: u64,
}

impl<R: Read> Hashed<R> {
    /// Allows at most `most` bytes.
    pub fn new(inner: R, most: u64) -> Self {
        Self { inner, hash: Sha256::new(), count: 0, most }
    }

    /// Reads the rest, and returns digest and length of the whole.
    pub fn finish(mut self) -> io::Result<(Digest, u64)> {
        io::copy(&mut self, &mut io::sink())?;
        Ok((Digest::from_hash(self.hash), self.count))
    }
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.hash.update(&buffer[..count]);
        self.count += count as u64;
        if self.count > self.most {
            return Err(io::Error::other(format!("it is longer than the {} bytes it may have", self.most)));
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling() {
        let empty = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(Digest::of(b"").to_string(), empty);
        assert_eq!(Digest::parse(empty).unwrap(), Digest::of(b""));
        for bad in ["sha512:00", "sha256:", "sha256:../../etc/passwd", &empty.to_uppercase(), &format!("{empty}0")] {
            assert!(Digest::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn streams_have_a_limit() {
        let (digest, length) = Hashed::new(&b"stone"[..], 5).finish().unwrap();
        assert_eq!((digest, length), (Digest::of(b"stone"), 5));
        assert!(Hashed::new(&b"stones"[..], 5).finish().is_err());
    }
}
