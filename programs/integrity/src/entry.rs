//! A path's state as the baseline knows it. No effects.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

/// No baseline and no specification has more entries.
pub const MOST_PATHS: usize = 100_000;

/// Entries by path. Paths are absolute, without `.`, `..` and empty parts; `/` is the directory that all are in.
pub type State = BTreeMap<Vec<u8>, Entry>;

/// What a path is; only the first three are ever opened or followed to where they lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A file with content.
    File,
    /// A directory.
    Dir,
    /// A symbolic link.
    Link,
    /// A device read and written in blocks.
    Block,
    /// A device read and written in bytes.
    Char,
    /// A pipe with a name.
    Fifo,
    /// A socket with a name.
    Socket,
}

impl Kind {
    /// Every one.
    pub const ALL: [Self; 7] = [Self::File, Self::Dir, Self::Link, Self::Block, Self::Char, Self::Fifo, Self::Socket];

    /// In messages and, as mtree(5) has it, in the baseline.
    pub fn name(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Dir => "dir",
            Self::Link => "link",
            Self::Block => "block",
            Self::Char => "char",
            Self::Fifo => "fifo",
            Self::Socket => "socket",
        }
    }
}

/// A SHA-256. There may be very many, so it is kept as it is and not as text.
pub type Sum = [u8; 32];

/// What is in a path, or why that is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// It has none; or it is a directory, and what is in it has entries of its own.
    None,
    /// Of a file.
    Digest(Sum),
    /// Where a link leads.
    Target(Vec<u8>),
    /// Number of a device.
    Device {
        /// Which driver.
        major: u32,
        /// Which of its devices.
        minor: u32,
    },
    /// It could not be read.
    Unreadable,
    /// A file past the limit.
    TooLong,
    /// A directory with more in it, or deeper, than is looked at.
    TooMany,
}

impl Content {
    /// A word for what is not known of the content.
    pub fn gap(&self) -> Option<&'static str> {
        match self {
            Self::Unreadable => Some("unreadable"),
            Self::TooLong => Some("too-long"),
            Self::TooMany => Some("too-many"),
            Self::None | Self::Digest(_) | Self::Target(_) | Self::Device { .. } => None,
        }
    }
}

/// The extended attributes of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attributes {
    /// It has none.
    None,
    /// Of all of them.
    Digest(Sum),
    /// They could not be read.
    Unreadable,
}

impl Attributes {
    /// As a word; none where there are none.
    pub fn word(self) -> Option<String> {
        match self {
            Self::None => None,
            Self::Digest(sum) => Some(hex(&sum)),
            Self::Unreadable => Some("unreadable".to_owned()),
        }
    }
}

/// One path's state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What it is.
    pub kind: Kind,
    /// Permission bits, setuid and its like included.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Bytes of a file, else 0.
    pub size: u64,
    /// What is in it.
    pub content: Content,
    /// Its extended attributes.
    pub attributes: Attributes,
}

/// SHA-256 of bytes.
pub fn digest(bytes: &[u8]) -> Sum {
    Sha256::digest(bytes).into()
}

/// Bytes in hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The directories that lead to a path, from `/` on.
pub fn ancestors(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    let slashes = path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at.max(1));
    slashes.filter(|end| *end < path.len()).filter_map(|end| path.get(..end))
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use testkit::fuzz::Random;

    /// Any state that a scan could find.
    pub fn any(random: &mut Random) -> State {
        (0..random.below(8)).map(|_| (any_path(random), any_entry(random))).collect()
    }

    fn any_path(random: &mut Random) -> Vec<u8> {
        let mut path = Vec::new();
        for _ in 0..random.below(4) {
            let mut name = random.bytes(4);
            name.retain(|byte| !matches!(byte, 0 | b'/'));
            if !matches!(name.as_slice(), b"" | b"." | b"..") {
                path.push(b'/');
                path.extend(name);
            }
        }
        if path.is_empty() {
            path.push(b'/');
        }
        path
    }

    fn any_entry(random: &mut Random) -> Entry {
        let kind = Kind::ALL[random.below(7)];
        let content = match (kind, random.below(4)) {
            (Kind::File | Kind::Link, 0) => Content::Unreadable,
            (Kind::File, 1) => Content::TooLong,
            (Kind::File, _) => Content::Digest(digest(&random.bytes(4))),
            (Kind::Link, _) => Content::Target(random.bytes(6).into_iter().map(|byte| byte.max(1)).collect()),
            (Kind::Dir, 0) => Content::TooMany,
            (Kind::Block | Kind::Char, minor) => {
                Content::Device { major: random.below(300) as u32, minor: minor as u32 }
            }
            (Kind::Dir | Kind::Fifo | Kind::Socket, _) => Content::None,
        };
        Entry {
            kind,
            mode: random.below(0o10000) as u32,
            uid: random.below(3) as u32,
            gid: random.below(3) as u32,
            size: if kind == Kind::File { random.below(9) as u64 } else { 0 },
            content,
            attributes: match random.below(6) {
                0 => Attributes::Unreadable,
                1 => Attributes::Digest(digest(&random.bytes(2))),
                _ => Attributes::None,
            },
        }
    }

    #[test]
    fn the_way_to_a_path() {
        let way = |path: &'static str| -> Vec<&[u8]> { ancestors(path.as_bytes()).collect() };
        assert_eq!(way("/"), [] as [&[u8]; 0]);
        assert_eq!(way("/etc"), [b"/"]);
        assert_eq!(way("/home/ada/.ssh"), [&b"/"[..], b"/home", b"/home/ada"]);
    }

    #[test]
    fn digests_are_sha256() {
        assert_eq!(hex(&digest(b"abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
