//! The inventory of a tree: every path with its mode, kind, size and digest, sorted by the bytes of the path.
//!
//! A manifest is what layers are written from, what checks look at and what rebuilds are compared by. Its JSON form has one
//! entry per line so that a changed file is a changed line. It holds no owner and no time: all are 0 and the epoch.
//! Walking a file system to make one is `xtask/src/host/tree.rs`.

mod links;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Serialize;

use crate::base::digest::Digest;

/// The JSON form's version.
const SCHEMA: u32 = 1;

/// The mode of a directory that no package declares.
pub const DIR_MODE: u32 = 0o755;

/// The inventory of a tree.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Manifest {
    entries: Vec<ManifestEntry>,
}

/// One path of a tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ManifestEntry {
    /// Path relative to the root, no leading slash, components separated by one slash.
    pub path: String,
    /// Permission bits, at most `0o7777`. Symlinks have `0o777`.
    #[serde(with = "octal")]
    pub mode: u32,
    /// What the path is.
    pub kind: EntryKind,
    /// What the file says about itself when it is ELF.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub elf: Option<ElfFacts>,
}

/// What a path is. It has no form for devices, sockets and fifos: they never enter a layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum EntryKind {
    /// A directory.
    Dir,
    /// A regular file.
    File {
        /// Length in bytes.
        size: u64,
        /// sha256 of the content.
        sha256: Digest,
    },
    /// A symbolic link.
    Symlink {
        /// The link's text, as is.
        target: String,
    },
}

/// What a linker decided about an ELF file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ElfFacts {
    /// What sort of ELF file it is.
    pub form: ElfForm,
    /// The relocation table is mapped read-only, and all symbols are bound at start.
    pub full_relro: bool,
    /// `PT_GNU_STACK` is there and not executable.
    pub nx_stack: bool,
    /// A segment is writable and executable at once.
    pub writable_code: bool,
    /// The program interpreter, when the file wants one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interpreter: Option<String>,
    /// Shared libraries it asks for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub needed: Vec<String>,
    /// `DT_RPATH` or `DT_RUNPATH`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_path: Option<String>,
    /// A symbol of the stack protector is visible. Stripped static programs show none, so this is for information.
    pub canary_symbol: bool,
}

/// The sorts of ELF files that checks tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ElfForm {
    /// `ET_EXEC`: runs at a fixed address.
    FixedExecutable,
    /// A position-independent program.
    Pie,
    /// A shared library, musl's loader included.
    Shared,
    /// An object file.
    Relocatable,
    /// Anything else, core files for example.
    Other,
}

impl EntryKind {
    /// One word for messages and comparison.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Dir => "directory",
            Self::File { .. } => "file",
            Self::Symlink { .. } => "symlink",
        }
    }
}

/// Why a manifest is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// A path that could leave the tree or be written in two ways.
    #[error("`{path}` is not a path inside a tree: {reason}")]
    Path {
        /// The path as given.
        path: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The same path twice.
    #[error("`{0}` is listed twice")]
    Duplicate(String),
    /// Not in byte order.
    #[error("`{second}` is listed after `{first}`, but entries are sorted by the bytes of their paths")]
    Unsorted {
        /// The earlier line.
        first: String,
        /// The later line.
        second: String,
    },
    /// Something below a file or symlink.
    #[error("`{child}` lies below `{parent}`, which is a {kind}")]
    BelowNonDirectory {
        /// The path that cannot exist.
        child: String,
        /// The path that is not a directory.
        parent: String,
        /// What it is instead.
        kind: &'static str,
    },
    /// More than permission bits.
    #[error("`{path}` has mode {mode:o}; a mode has at most four octal digits")]
    Mode {
        /// The path.
        path: String,
        /// The mode as given.
        mode: u32,
    },
    /// A link without a target.
    #[error("the symlink `{0}` has an empty target or one with a NUL byte")]
    Target(String),
    /// Not the JSON form.
    #[error("not a manifest: {0}")]
    Json(String),
}

impl Manifest {
    /// A manifest of entries that are already in order.
    pub fn new(entries: Vec<ManifestEntry>) -> Result<Self, ManifestError> {
        let mut kinds: BTreeMap<&str, &EntryKind> = BTreeMap::new();
        let mut last: Option<&str> = None;
        for entry in &entries {
            check_entry(entry)?;
            if let Some(last) = last {
                if last == entry.path {
                    return Err(ManifestError::Duplicate(entry.path.clone()));
                }
                if last > entry.path.as_str() {
                    return Err(ManifestError::Unsorted { first: last.to_owned(), second: entry.path.clone() });
                }
            }
            for parent in parents(&entry.path) {
                if let Some(kind) = kinds.get(parent).filter(|kind| !matches!(kind, EntryKind::Dir)) {
                    return Err(ManifestError::BelowNonDirectory {
                        child: entry.path.clone(),
                        parent: parent.to_owned(),
                        kind: kind.word(),
                    });
                }
            }
            kinds.insert(&entry.path, &entry.kind);
            last = Some(&entry.path);
        }
        Ok(Self { entries })
    }

    /// A manifest of entries in any order.
    pub fn sorted(mut entries: Vec<ManifestEntry>) -> Result<Self, ManifestError> {
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        Self::new(entries)
    }

    /// The entries, sorted by path.
    pub fn entries(&self) -> &[ManifestEntry] {
        &self.entries
    }

    /// The entry of a path.
    pub fn get(&self, path: &str) -> Option<&ManifestEntry> {
        let at = self.entries.binary_search_by(|entry| entry.path.as_str().cmp(path)).ok()?;
        self.entries.get(at)
    }

    /// Sum of the sizes of all files, in bytes.
    pub fn size(&self) -> u64 {
        self.entries.iter().map(|entry| if let EntryKind::File { size, .. } = entry.kind { size } else { 0 }).sum()
    }

    /// The same with every parent directory listed, mode 0755 where no mode is declared.
    pub fn with_parents(mut self) -> Self {
        let listed: BTreeSet<&str> = self.entries.iter().map(|entry| entry.path.as_str()).collect();
        let missing: BTreeSet<String> = self
            .entries
            .iter()
            .flat_map(|entry| parents(&entry.path))
            .filter(|parent| !listed.contains(parent))
            .map(str::to_owned)
            .collect();
        self.entries.extend(missing.into_iter().map(ManifestEntry::dir));
        self.entries.sort_by(|a, b| a.path.cmp(&b.path));
        self
    }

    /// The same entries with the permission bits that `modes` declares for their paths.
    pub fn with_modes(mut self, modes: &std::collections::BTreeMap<String, u32>) -> Self {
        for entry in &mut self.entries {
            if let Some(mode) = modes.get(&entry.path) {
                entry.mode = *mode;
            }
        }
        self
    }

    /// The JSON form: one entry per line, ends with a newline.
    pub fn to_json(&self) -> Result<String, ManifestError> {
        let mut out = format!("{{\"schema\":{SCHEMA},\"entries\":[");
        for (index, entry) in self.entries.iter().enumerate() {
            let line = serde_json::to_string(entry).map_err(|error| ManifestError::Json(error.to_string()))?;
            out.push_str(if index == 0 { "\n" } else { ",\n" });
            out.push_str(&line);
        }
        out.push_str("\n]}\n");
        Ok(out)
    }
}

impl ManifestEntry {
    /// A directory with mode 0755.
    pub fn dir(path: impl Into<String>) -> Self {
        Self { path: path.into(), mode: DIR_MODE, kind: EntryKind::Dir, elf: None }
    }

    /// A file with the digest of `content`.
    pub fn file(path: impl Into<String>, mode: u32, content: &[u8]) -> Self {
        let kind = EntryKind::File { size: content.len() as u64, sha256: Digest::of(content) };
        Self { path: path.into(), mode, kind, elf: None }
    }

    /// A symlink.
    pub fn symlink(path: impl Into<String>, target: impl Into<String>) -> Self {
        Self { path: path.into(), mode: 0o777, kind: EntryKind::Symlink { target: target.into() }, elf: None }
    }
}

impl fmt::Display for ElfForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::FixedExecutable => "fixed-address program",
            Self::Pie => "position-independent program",
            Self::Shared => "shared library",
            Self::Relocatable => "object file",
            Self::Other => "other ELF file",
        })
    }
}

/// The directories above `path`, outermost first: `a` and `a/b` for `a/b/c`.
pub fn parents(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').map(|(at, _)| &path[..at])
}

/// Refuses paths that leave the tree or have more than one spelling.
pub fn check_path(path: &str) -> Result<(), ManifestError> {
    let reason = if path.is_empty() {
        "it is empty"
    } else if path.starts_with('/') {
        "it is absolute"
    } else if path.contains('\0') {
        "it holds a NUL byte"
    } else if path.split('/').any(str::is_empty) {
        "it has an empty component"
    } else if path.split('/').any(|part| part == "..") {
        "it contains `..`"
    } else if path.split('/').any(|part| part == ".") {
        "it contains `.`"
    } else {
        return Ok(());
    };
    Err(ManifestError::Path { path: path.to_owned(), reason })
}

/// Refuses what no layer can hold.
pub fn check_entry(entry: &ManifestEntry) -> Result<(), ManifestError> {
    check_path(&entry.path)?;
    if entry.mode > 0o7777 {
        return Err(ManifestError::Mode { path: entry.path.clone(), mode: entry.mode });
    }
    match &entry.kind {
        EntryKind::Symlink { target } if target.is_empty() || target.contains('\0') => {
            Err(ManifestError::Target(entry.path.clone()))
        }
        _ => Ok(()),
    }
}

/// Modes are written as four octal digits, the way people read them.
mod octal {
    use serde::Serializer;

    pub fn serialize<S: Serializer>(mode: &u32, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{mode:04o}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Manifest {
        let mut program = ManifestEntry::file("usr/bin/hello", 0o755, b"\x7fELF");
        program.elf = Some(ElfFacts {
            form: ElfForm::Pie,
            full_relro: true,
            nx_stack: true,
            writable_code: false,
            interpreter: None,
            needed: Vec::new(),
            run_path: None,
            canary_symbol: false,
        });
        let entries = vec![
            ManifestEntry::symlink("bin", "usr/bin"),
            ManifestEntry::dir("usr/bin"),
            program,
            ManifestEntry::file("usr/share/\"é\"", 0o644, b""),
        ];
        Manifest::new(entries).unwrap().with_parents()
    }

    #[test]
    fn json_has_one_entry_per_line() {
        let json = sample().to_json().unwrap();
        insta::assert_snapshot!(json);
        assert_eq!(Manifest::default().to_json().unwrap(), "{\"schema\":1,\"entries\":[\n]}\n");
    }

    #[test]
    fn parents_are_added_once_and_found() {
        let manifest = sample();
        let paths: Vec<&str> = manifest.entries().iter().map(|entry| entry.path.as_str()).collect();
        assert_eq!(paths, ["bin", "usr", "usr/bin", "usr/bin/hello", "usr/share", "usr/share/\"é\""]);
        assert_eq!(manifest.clone().with_parents(), manifest);
        assert_eq!(manifest.get("usr").unwrap().mode, 0o755);
        assert_eq!((manifest.get("lib"), manifest.size()), (None, 4));
    }

    #[test]
    fn refuses_bad_paths() {
        for (path, reason) in [
            ("", "empty"),
            ("/etc", "absolute"),
            ("a/../b", "`..`"),
            ("./a", "`.`"),
            ("a//b", "empty component"),
            ("a/", "empty component"),
            ("a\0", "NUL"),
        ] {
            let error = Manifest::new(vec![ManifestEntry::dir(path)]).unwrap_err().to_string();
            assert!(error.contains(reason), "{path}: {error}");
        }
    }

    #[test]
    fn refuses_disorder_and_impossible_trees() {
        let message = |entries: Vec<ManifestEntry>| Manifest::new(entries).unwrap_err().to_string();
        assert!(message(vec![ManifestEntry::dir("b"), ManifestEntry::dir("a")]).contains("`a` is listed after `b`"));
        assert!(message(vec![ManifestEntry::dir("a"), ManifestEntry::dir("a")]).contains("twice"));
        assert!(
            message(vec![ManifestEntry::symlink("a", "b"), ManifestEntry::dir("a/x")])
                .contains("below `a`, which is a symlink")
        );
        assert!(message(vec![ManifestEntry::file("a", 0o10_0644, b"")]).contains("mode 100644"));
        assert!(message(vec![ManifestEntry::symlink("a", "")]).contains("empty target"));
        assert!(Manifest::sorted(vec![ManifestEntry::dir("b"), ManifestEntry::dir("a")]).is_ok());
    }

    #[test]
    fn words() {
        assert_eq!(ElfForm::Pie.to_string(), "position-independent program");
    }
}
