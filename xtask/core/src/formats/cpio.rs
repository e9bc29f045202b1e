//! cpio archives in the `newc` form, which the kernel unpacks as initramfs.
//!
//! Inode numbers count from one in the order given, owners are 0, times the epoch. A directory must come before what lies in
//! it, because the kernel creates nothing by itself. Compression is the caller's.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::base::name::Epoch;
use crate::formats::manifest::{check_path, parents};

/// Archives end at a multiple of this, in bytes.
const BLOCK: usize = 512;
/// Magic and thirteen fields of eight hex digits.
const HEADER: usize = 6 + 13 * 8;
const MAGIC: &[u8] = b"070701";
const TRAILER: &str = "TRAILER!!!";
/// The kernel's limit for names, in bytes with the NUL.
const PATH_MAX: usize = 4096;

/// One path of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Path relative to the root, no leading slash.
    pub path: String,
    /// Permission bits, at most `0o7777`.
    pub mode: u32,
    /// What it is.
    pub kind: NodeKind,
}

/// What a path of an archive is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NodeKind {
    /// A directory.
    Dir,
    /// A file with its bytes, less than 4 GiB.
    File(Vec<u8>),
    /// A symbolic link with its text.
    Symlink(String),
    /// A character device, `/dev/console` for example.
    CharDevice {
        /// Major number.
        major: u32,
        /// Minor number.
        minor: u32,
    },
}

/// Why an archive cannot be written or read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CpioError {
    /// A node that no archive can hold.
    #[error("`{path}` cannot be in an initramfs: {reason}")]
    Node {
        /// The path as given.
        path: String,
        /// What is wrong.
        reason: String,
    },
    /// Bytes that are not an archive.
    #[error("not a newc archive at byte {offset}: {reason}")]
    Form {
        /// Where.
        offset: usize,
        /// What is wrong.
        reason: &'static str,
    },
}

/// The archive of `nodes`, in their order.
pub fn write(nodes: &[Node], epoch: Epoch) -> Result<Vec<u8>, CpioError> {
    let mut out = Vec::new();
    let mut seen = BTreeMap::new();
    for (index, node) in nodes.iter().enumerate() {
        admit(node, &mut seen)?;
        let header = Header {
            inode: index as u32 + 1,
            mode: node.kind.type_bits() | node.mode,
            links: if node.kind == NodeKind::Dir { 2 } else { 1 },
            // Sixteen years beyond the field's end nobody will use newc; a wrapped time would be wrong silently.
            mtime: u32::try_from(epoch.0).unwrap_or(u32::MAX),
            device: if let NodeKind::CharDevice { major, minor } = node.kind { (major, minor) } else { (0, 0) },
        };
        header.put(&mut out, &node.path, node.kind.bytes());
    }
    Header { inode: 0, mode: 0, links: 1, mtime: 0, device: (0, 0) }.put(&mut out, TRAILER, b"");
    out.resize(out.len().next_multiple_of(BLOCK), 0);
    Ok(out)
}

fn admit<'a>(node: &'a Node, seen: &mut BTreeMap<&'a str, bool>) -> Result<(), CpioError> {
    let refuse = |reason: String| Err(CpioError::Node { path: node.path.clone(), reason });
    if let Err(error) = check_path(&node.path) {
        return refuse(error.to_string());
    }
    if node.path == TRAILER || node.path.len() >= PATH_MAX || node.mode > 0o7777 {
        return refuse(
            "the name ends the archive or is too long, or the mode has more than four octal digits".to_owned(),
        );
    }
    let bad_target = |target: &str| target.is_empty() || target.len() >= PATH_MAX || target.contains('\0');
    if matches!(&node.kind, NodeKind::Symlink(target) if bad_target(target)) {
        return refuse("its target is empty, too long or holds a NUL".to_owned());
    }
    if u32::try_from(node.kind.bytes().len()).is_err() {
        return refuse("it is 4 GiB or larger".to_owned());
    }
    if let Some(parent) = parents(&node.path).find(|parent| seen.get(parent) != Some(&true)) {
        return refuse(format!("its directory `{parent}` does not come before it"));
    }
    if seen.insert(&node.path, node.kind == NodeKind::Dir).is_some() {
        return refuse("it is listed twice".to_owned());
    }
    Ok(())
}

impl NodeKind {
    /// The file type bits of `st_mode`.
    fn type_bits(&self) -> u32 {
        match self {
            Self::Dir => 0o040_000,
            Self::File(_) => 0o100_000,
            Self::Symlink(_) => 0o120_000,
            Self::CharDevice { .. } => 0o020_000,
        }
    }

    fn bytes(&self) -> &[u8] {
        match self {
            Self::File(bytes) => bytes,
            Self::Symlink(target) => target.as_bytes(),
            Self::Dir | Self::CharDevice { .. } => b"",
        }
    }
}

/// The fields that differ between nodes; the others are zero or follow from name and content.
struct Header {
    inode: u32,
    mode: u32,
    links: u32,
    mtime: u32,
    device: (u32, u32),
}

impl Header {
    fn put(&self, out: &mut Vec<u8>, name: &str, content: &[u8]) {
        let name_size = name.len() as u32 + 1;
        let (major, minor) = self.device;
        out.extend_from_slice(MAGIC);
        let fields = [
            self.inode,
            self.mode,
            0,
            0,
            self.links,
            self.mtime,
            content.len() as u32,
            0,
            0,
            major,
            minor,
            name_size,
            0,
        ];
        for field in fields {
            out.extend_from_slice(format!("{field:08X}").as_bytes());
        }
        out.extend_from_slice(name.as_bytes());
        out.push(0);
        out.resize(out.len().next_multiple_of(4), 0);
        out.extend_from_slice(content);
        out.resize(out.len().next_multiple_of(4), 0);
    }
}

/// A node read back, with what only dumps show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadNode {
    /// Where its header begins, in bytes.
    pub offset: usize,
    /// Its inode number.
    pub inode: u32,
    /// Its time in seconds since 1970.
    pub mtime: u32,
    /// The node.
    pub node: Node,
}

/// The nodes of an archive. Never panics, whatever the bytes.
pub fn read(bytes: &[u8]) -> Result<Vec<ReadNode>, CpioError> {
    let mut nodes = Vec::new();
    let mut offset = 0;
    loop {
        let fail = |reason| Err(CpioError::Form { offset, reason });
        let Some(header) = bytes.get(offset..offset + HEADER) else { return fail("the header is cut off") };
        if !header.starts_with(MAGIC) {
            return fail("the magic is not 070701");
        }
        let Some(fields) = header[6..].chunks(8).map(hex).collect::<Option<Vec<u32>>>() else {
            return fail("a field is not hexadecimal");
        };
        let [inode, mode, _, _, _, mtime, size, _, _, major, minor, name_size, _] = fields[..] else {
            return fail("a field is missing");
        };
        let name_start = offset + HEADER;
        let Some(name) = bytes.get(name_start..name_start + name_size as usize).and_then(|raw| raw.strip_suffix(b"\0"))
        else {
            return fail("the name is cut off");
        };
        let Ok(name) = std::str::from_utf8(name) else { return fail("the name is not UTF-8") };
        if name == TRAILER {
            return Ok(nodes);
        }
        let start = (name_start + name_size as usize).next_multiple_of(4);
        let Some(content) = bytes.get(start..start + size as usize) else { return fail("the content is cut off") };
        let kind = match (mode & 0o170_000, std::str::from_utf8(content)) {
            (0o040_000, _) => NodeKind::Dir,
            (0o100_000, _) => NodeKind::File(content.to_vec()),
            (0o120_000, Ok(target)) => NodeKind::Symlink(target.to_owned()),
            (0o020_000, _) => NodeKind::CharDevice { major, minor },
            _ => return fail("the file type is not used here"),
        };
        nodes.push(ReadNode { offset, inode, mtime, node: Node { path: name.to_owned(), mode: mode & 0o7777, kind } });
        offset = (start + size as usize).next_multiple_of(4);
    }
}

fn hex(field: &[u8]) -> Option<u32> {
    std::str::from_utf8(field)
        .ok()
        .filter(|text| !text.starts_with('+'))
        .and_then(|text| u32::from_str_radix(text, 16).ok())
}

/// The archive as annotated text, one node per line.
pub fn dump(bytes: &[u8]) -> String {
    let nodes = match read(bytes) {
        Ok(nodes) => nodes,
        Err(error) => return format!("{error}\n"),
    };
    let mut out = String::new();
    for ReadNode { offset, inode, mtime, node: Node { path, mode, kind } } in nodes {
        let what = match kind {
            NodeKind::Dir => format!("dir     {mode:04o} {path}/"),
            NodeKind::File(bytes) => {
                let digest = crate::base::digest::Digest::of(&bytes);
                format!("file    {mode:04o} {path} {} bytes sha256:{}", bytes.len(), digest.short())
            }
            NodeKind::Symlink(target) => format!("symlink {mode:04o} {path} -> {target}"),
            NodeKind::CharDevice { major, minor } => format!("char    {mode:04o} {path} {major}:{minor}"),
        };
        let _infallible = writeln!(out, "{offset:08x} #{inode} @{mtime} {what}");
    }
    let _infallible = writeln!(out, "{:08x} end", bytes.len());
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn node(path: &str, mode: u32, kind: NodeKind) -> Node {
        Node { path: path.to_owned(), mode, kind }
    }

    fn sample() -> Vec<Node> {
        vec![
            node("dev", 0o755, NodeKind::Dir),
            node("dev/console", 0o600, NodeKind::CharDevice { major: 5, minor: 1 }),
            node("init", 0o755, NodeKind::File(b"#!init".to_vec())),
            node("etc", 0o755, NodeKind::Dir),
            node("etc/mtab", 0o777, NodeKind::Symlink("/proc/mounts".to_owned())),
        ]
    }

    #[test]
    fn layout_is_pinned() {
        let bytes = write(&sample(), Epoch(7)).unwrap();
        assert_eq!(bytes.len() % 512, 0);
        insta::assert_snapshot!(dump(&bytes));
        assert!(bytes.starts_with(b"07070100000001000041ED"));
        let read: Vec<Node> = read(&bytes).unwrap().into_iter().map(|read| read.node).collect();
        assert_eq!(read, sample());
    }

    #[test]
    fn refuses_what_the_kernel_would_drop() {
        let message = |nodes: &[Node]| write(nodes, Epoch(0)).unwrap_err().to_string();
        let dir = |path: &str| node(path, 0o755, NodeKind::Dir);
        assert!(message(&[dir("a/b")]).contains("`a` does not come before"));
        assert!(message(&[dir("a"), dir("a")]).contains("twice"));
        assert!(message(&[dir("/a")]).contains("absolute"));
        assert!(message(&[dir(TRAILER)]).contains("ends the archive"));
        assert!(message(&[node("a", 0o777, NodeKind::Symlink(String::new()))]).contains("target is empty"));
        assert!(
            message(&[node("a", 0o777, NodeKind::Symlink("b".into())), dir("a/b")]).contains("does not come before")
        );
    }

    #[test]
    fn damage_is_named() {
        let good = write(&sample(), Epoch(7)).unwrap();
        assert!(dump(&good[..50]).contains("at byte 0: the header is cut off"));
        let mut bad = good.clone();
        bad[8] = b'x';
        assert!(dump(&bad).contains("not hexadecimal"));
        bad[8] = b'0';
        bad[20] = b'6';
        bad[18] = b'0';
        assert!(dump(&bad).contains("file type"), "{}", dump(&bad));
    }

    proptest! {
        #[test]
        fn read_undoes_write(contents in proptest::collection::vec((0u32..0o10000, proptest::collection::vec(any::<u8>(), 0..50)), 0..9)) {
            let nodes: Vec<Node> = contents
                .into_iter()
                .enumerate()
                .map(|(index, (mode, bytes))| node(&format!("f{}", "x".repeat(index)), mode, NodeKind::File(bytes)))
                .collect();
            let back: Vec<Node> = read(&write(&nodes, Epoch(1)).unwrap()).unwrap().into_iter().map(|read| read.node).collect();
            prop_assert_eq!(back, nodes);
        }

        #[test]
        fn never_panics(junk in proptest::collection::vec(any::<u8>(), 0..400), at in 0usize..600) {
            let _text = dump(&junk);
            let mut bytes = write(&sample(), Epoch(7)).unwrap();
            for (offset, byte) in junk.into_iter().take(20).enumerate() {
                if let Some(place) = bytes.get_mut(at + offset) {
                    *place = byte;
                }
            }
            let _text = dump(&bytes);
        }
    }
}
