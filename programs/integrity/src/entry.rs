//! The state of a path in a baseline. No effects.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

/// The largest number of entries of a baseline or specification.
pub const MAX_PATHS: usize = 100_000;

/// Entries by path. Paths are absolute, without `.`, `..` and empty parts; `/` is the root.
pub type State = BTreeMap<Vec<u8>, Entry>;

/// The type of a file; only the first three are ever opened or followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A file with content.
    File,
    /// A directory.
    Dir,
    /// A symbolic link.
    Link,
    /// A block device.
    Block,
    /// A character device.
    Char,
    /// A named pipe.
    Fifo,
    /// A Unix socket.
    Socket,
}

impl Kind {
    /// All types.
    pub const ALL: [Self; 7] = [Self::File, Self::Dir, Self::Link, Self::Block, Self::Char, Self::Fifo, Self::Socket];

    /// The word in messages and in the baseline, as in mtree(5).
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

/// A SHA-256. There may be very many, so it is stored in binary.
pub type Sum = [u8; 32];

/// The content of a path, or why it is unknown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// It has no content; or it is a directory, whose entries are separate.
    None,
    /// SHA-256 of a file.
    Digest(Sum),
    /// Target of a link.
    Target(Vec<u8>),
    /// Number of a device.
    Device {
        /// Major number.
        major: u32,
        /// Minor number.
        minor: u32,
    },
    /// It could not be read.
    Unreadable,
    /// The file exceeds the limit.
    TooLong,
    /// A directory with more or deeper entries than the limit.
    TooMany,
}

impl Content {
    /// A word for unknown content.
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
    /// SHA-256 of all of them.
    Digest(Sum),
    /// They could not be read.
    Unreadable,
}

impl Attributes {
    /// As a word; `None` if it has none.
    pub fn word(self) -> Option<String> {
        match self {
            Self::None => None,
            Self::Digest(sum) => Some(hex(&sum)),
            Self::Unreadable => Some("unreadable".to_owned()),
        }
    }
}

/// The state of one path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its type.
    pub kind: Kind,
    /// Permission bits, setuid and its like included.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Size of a file in bytes, else 0.
    pub size: u64,
    /// Its content.
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

/// The parents of a path, from `/` on.
pub fn ancestors(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    let slashes = path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at.max(1));
    slashes.filter(|end| *end < path.len()).filter_map(|end| path.get(..end))
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use testkit::fuzz::Random;

    /// A random state that a scan could find.
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
