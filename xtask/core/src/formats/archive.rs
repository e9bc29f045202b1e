//! Archives of other people: which entries are unpacked and where they go, and how much of an archive is believed.
//!
//! A right sha256 says that an archive is the one that was pinned, not that it means well. Effects are the shell's
//! (`xtask/src/host/archive.rs` reads, `xtask/src/host/beneath.rs` writes).

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};

/// How large an archive may be. The limits are about five times what the largest pinned source has: LLVM with 1.8 GB in 160,000
/// entries, 17 components and 190 bytes of path, and 11 bytes for each compressed one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes after decompression.
    pub bytes: u64,
    /// Bytes after decompression for each compressed byte, beyond the first [`Limits::RATIO_FREE`] bytes.
    pub ratio: u64,
    /// Entries, whether they are unpacked or not.
    pub entries: u64,
    /// Components of a path.
    pub depth: usize,
    /// Bytes of a path.
    pub path: usize,
    /// Bytes of what stands before one entry: its header, long names, and extensions. A reader keeps them in memory.
    pub header: u64,
}

impl Limits {
    /// What foreign archives are held to.
    pub const FOREIGN: Self =
        Self { bytes: 8 << 30, ratio: 100, entries: 800_000, depth: 64, path: 1024, header: 1 << 20 };
    /// So much an archive may hold whatever its ratio: small ones of test data compress well.
    pub const RATIO_FREE: u64 = 64 << 20;

    /// How many bytes a file of `compressed` bytes may unpack to, and which limit says so.
    pub fn stream(&self, compressed: u64) -> (u64, Exceeded) {
        let by_ratio = Self::RATIO_FREE.saturating_add(compressed.saturating_mul(self.ratio));
        if by_ratio < self.bytes {
            (by_ratio, Exceeded::Ratio { limit: self.ratio, compressed })
        } else {
            (self.bytes, Exceeded::Bytes { limit: self.bytes })
        }
    }
}

/// A limit that an archive exceeds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}; {}", self.what(), Self::REMEDY)]
#[allow(missing_docs, reason = "`limit` is the limit")]
pub enum Exceeded {
    /// [`Limits::bytes`].
    Bytes { limit: u64 },
    /// [`Limits::ratio`], for an archive of so many bytes.
    Ratio { limit: u64, compressed: u64 },
    /// [`Limits::entries`].
    Entries { limit: u64 },
    /// [`Limits::depth`], by this path.
    Depth { limit: usize, path: String },
    /// [`Limits::path`], by the path that begins so.
    Path { limit: usize, begin: String },
    /// [`Limits::header`].
    Header { limit: u64 },
}

impl Exceeded {
    const REMEDY: &str = "is this the file that upstream published? If upstream's is really so, raise the limit in \
                          xtask/core/src/formats/archive.rs";

    fn what(&self) -> String {
        match self {
            Self::Bytes { limit } => format!("it unpacks to more than {limit} bytes (limit `bytes`)"),
            Self::Ratio { limit, compressed } => {
                format!("its {compressed} bytes unpack to more than {limit} times as many (limit `ratio`)")
            }
            Self::Entries { limit } => format!("it has more than {limit} entries (limit `entries`)"),
            Self::Depth { limit, path } => {
                format!("the path {path} has more than {limit} components (limit `depth`)")
            }
            Self::Path { limit, begin } => {
                format!("the path that begins with {begin:?} has more than {limit} bytes (limit `path`)")
            }
            Self::Header { limit } => {
                format!("an entry's names and extensions have more than {limit} bytes (limit `header`)")
            }
        }
    }
}

/// The entries of one archive, counted while they are read.
#[derive(Debug)]
pub struct Tally {
    limits: Limits,
    entries: u64,
}

impl Tally {
    /// Nothing read yet.
    pub fn new(limits: Limits) -> Self {
        Self { limits, entries: 0 }
    }

    /// Counts an entry.
    ///
    /// # Errors
    /// When it is one too many, or its path too long or too deep.
    pub fn entry(&mut self, path: &Utf8Path) -> Result<(), Exceeded> {
        let Limits { entries, depth, path: length, .. } = self.limits;
        self.entries += 1;
        if self.entries > entries {
            return Err(Exceeded::Entries { limit: entries });
        }
        if path.as_str().len() > length {
            return Err(Exceeded::Path { limit: length, begin: path.as_str().chars().take(60).collect() });
        }
        if path.components().count() > depth {
            return Err(Exceeded::Depth { limit: depth, path: path.to_string() });
        }
        Ok(())
    }
}

/// Where the entry `path` goes, relative to the target directory: `strip` leading components dropped, and only
/// below the prefixes `include` when there are any. `None` for an entry outside of them.
///
/// # Errors
/// Says why when the path is absolute or has a `..` component.
pub fn place(path: &Utf8Path, strip: u32, include: &[String]) -> Result<Option<Utf8PathBuf>, String> {
    let mut parts = Vec::new();
    for component in path.components() {
        match component {
            Utf8Component::Normal(name) => parts.push(name),
            Utf8Component::CurDir => {}
            _ => return Err(format!("the path {path} leaves the source tree")),
        }
    }
    let Some(inner) = parts.get(strip as usize..).filter(|inner| !inner.is_empty()) else { return Ok(None) };
    let inner: Utf8PathBuf = inner.iter().collect();
    let wanted = include.is_empty() || include.iter().any(|prefix| inner.starts_with(prefix));
    Ok(wanted.then_some(inner))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn placed(path: &str, include: &[&str]) -> Result<Option<String>, String> {
        let include: Vec<String> = include.iter().map(|&prefix| prefix.to_owned()).collect();
        place(Utf8Path::new(path), 1, &include).map(|place| place.map(Utf8PathBuf::into_string))
    }

    #[test]
    fn places() {
        for (path, include, expected) in [
            ("p/a/x", &[][..], Some("a/x")),
            ("./p//a/./x/", &[], Some("a/x")),
            ("p", &[], None),
            ("p/", &[], None),
            ("p/a/x", &["a"], Some("a/x")),
            ("p/ab/x", &["a"], None),
        ] {
            assert_eq!(placed(path, include), Ok(expected.map(str::to_owned)), "{path}");
        }
        for bad in ["/p/a", "p/../../a", "../p/a", "p/a/.."] {
            assert!(placed(bad, &[]).unwrap_err().contains("leaves the source tree"), "{bad}");
        }
    }

    #[test]
    fn every_limit_says_which_it_is_and_what_to_do() {
        let limits = Limits { bytes: 1 << 40, ratio: 2, entries: 2, depth: 3, path: 20, header: 9 };
        let told = |path: &str| Tally::new(limits).entry(Utf8Path::new(path)).map_err(|error| error.to_string());
        assert_eq!(told("a/b/c"), Ok(()));
        let mut lines = vec![told("a/b/c/d").unwrap_err(), told("a-name-of-21-letters-").unwrap_err()];
        let mut tally = Tally::new(limits);
        let third = ["a", "b", "c"].map(|path| tally.entry(Utf8Path::new(path)));
        assert!(third[0].is_ok() && third[1].is_ok());
        lines.push(third[2].as_ref().unwrap_err().to_string());
        lines.push(limits.stream(10).1.to_string());
        lines.push(Limits { bytes: 7, ..limits }.stream(10).1.to_string());
        lines.push(Exceeded::Header { limit: limits.header }.to_string());
        insta::assert_snapshot!(lines.join("\n"));
    }

    #[test]
    fn small_archives_may_be_of_zeros_and_large_ones_may_not() {
        assert_eq!(Limits::FOREIGN.stream(0).0, Limits::RATIO_FREE);
        assert_eq!(Limits::FOREIGN.stream(1000).0, Limits::RATIO_FREE + 100_000);
        assert_eq!(Limits::FOREIGN.stream(u64::MAX), (8 << 30, Exceeded::Bytes { limit: 8 << 30 }));
    }

    proptest! {
        #[test]
        fn a_placed_path_is_a_name_below(path in "[./a-b]{0,24}", strip in 0u32..4) {
            if let Ok(Some(inner)) = place(Utf8Path::new(&path), strip, &[]) {
                prop_assert!(inner.components().all(|part| matches!(part, Utf8Component::Normal(_))));
                prop_assert!(inner.components().next().is_some());
            }
        }
    }
}
