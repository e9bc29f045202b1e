//! Layers: our own tar, so that a digest depends on no other program's version.
//!
//! One spelling only: ustar headers, PAX records where ustar cannot say it, owner 0 without names, every time the epoch,
//! parents before children, two zero blocks at the end. The reader takes untrusted bytes and refuses every other spelling.
//! Reading and writing files is `xtask/src/host/tree.rs`.

mod header;
pub mod reader;
mod writer;

pub use header::BLOCK;
pub use reader::{LayerEntry, LayerError, LayerKind, LayerReader, Reason, read_manifest};
pub use writer::{LayerWriter, write};

use std::fmt::Write as _;
use std::io::Read as _;

use crate::base::digest::Digest;

/// The layer as annotated text: offset, kind, mode and facts of every entry, up to the error when there is one.
pub fn dump(bytes: &[u8]) -> String {
    let mut out = String::new();
    let mut reader = LayerReader::new(bytes);
    loop {
        let line = match reader.next_entry() {
            Ok(None) => {
                let _infallible =
                    writeln!(out, "{:08x} end, two zero blocks; {}", reader.offset() - 1024, Digest::of(bytes).oci());
                return out;
            }
            Ok(Some(entry)) => describe(&entry, &mut reader),
            Err(error) => Err(error),
        };
        match line {
            Ok(line) => out.push_str(&line),
            Err(error) => {
                let _infallible = writeln!(out, "{error}");
                return out;
            }
        }
    }
}

fn describe(entry: &LayerEntry, reader: &mut LayerReader<&[u8]>) -> Result<String, LayerError> {
    let LayerEntry { path, mode, mtime, offset, .. } = entry;
    let pax = if entry.extended { " pax" } else { "" };
    let start = format!("{offset:08x} {:<7} {mode:04o} @{mtime}{pax}", entry.kind.word());
    Ok(match &entry.kind {
        LayerKind::Dir => format!("{start} {path}/\n"),
        LayerKind::Symlink { target } => format!("{start} {path} -> {target}\n"),
        LayerKind::File { size } => {
            let mut content = Vec::new();
            let at = reader.offset();
            reader.content().read_to_end(&mut content).map_err(|error| LayerError::new(at, Reason::Io(error)))?;
            format!("{start} {path} {size} bytes sha256:{}\n", Digest::of(&content).short())
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::name::Epoch;
    use crate::formats::manifest::{EntryKind, Manifest, ManifestEntry};
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    type Tree = BTreeMap<String, (ManifestEntry, Vec<u8>)>;

    fn tree(entries: Vec<(ManifestEntry, &[u8])>) -> (Manifest, Tree) {
        let manifest = Manifest::sorted(entries.iter().map(|(entry, _)| entry.clone()).collect()).unwrap();
        let tree = entries.into_iter().map(|(entry, bytes)| (entry.path.clone(), (entry, bytes.to_vec()))).collect();
        (manifest, tree)
    }

    fn pack(manifest: &Manifest, tree: &Tree) -> Vec<u8> {
        write(manifest, Epoch(1_000_000_000), Vec::new(), |entry| Ok(Box::new(&tree[&entry.path].1[..]))).unwrap()
    }

    fn sample() -> Vec<u8> {
        let long = format!("usr/{}/{}", "d".repeat(90), "f".repeat(90));
        let longer = format!("usr/{}", "é".repeat(80));
        let (manifest, tree) = tree(vec![
            (ManifestEntry::symlink("bin", "usr/bin"), b""),
            (ManifestEntry::file("usr/bin/hello", 0o755, b"hello"), b"hello"),
            (ManifestEntry::file("usr/empty", 0o644, b""), b""),
            (ManifestEntry::file(long, 0o644, b"x"), b"x"),
            (ManifestEntry::symlink(longer, "t".repeat(101)), b""),
        ]);
        pack(&manifest, &tree)
    }

    #[test]
    fn layout_is_pinned() {
        let bytes = sample();
        insta::assert_snapshot!(dump(&bytes));
        assert_eq!(bytes.len() % BLOCK, 0);
    }

    #[test]
    fn manifest_is_read_back_with_parents() {
        let bytes = sample();
        let manifest = read_manifest(&bytes[..]).unwrap();
        assert_eq!(manifest.entries().iter().filter(|entry| entry.kind == EntryKind::Dir).count(), 3);
        let EntryKind::File { size, sha256 } = manifest.get("usr/bin/hello").unwrap().kind.clone() else { panic!() };
        assert_eq!((size, sha256), (5, Digest::of("hello")));
    }

    #[test]
    fn flipped_bytes_are_noticed() {
        // The reader accepts one spelling only, so a changed byte is either refused or yields another tree.
        let good = sample();
        let expected = read_manifest(&good[..]).unwrap();
        for at in (0..good.len()).step_by(3) {
            let mut bad = good.clone();
            bad[at] ^= 0x11;
            assert_ne!(read_manifest(&bad[..]).ok().as_ref(), Some(&expected), "byte {at}");
        }
    }

    #[test]
    fn every_truncation_is_refused() {
        let good = sample();
        for len in (0..good.len()).step_by(97) {
            assert!(read_manifest(&good[..len]).is_err(), "{len}");
        }
        let mut longer = good.clone();
        longer.push(0);
        assert!(dump(&longer).contains("after the end"), "{}", dump(&longer));
    }

    fn any_tree() -> impl Strategy<Value = Vec<(String, u32, Option<String>, Vec<u8>)>> {
        let path = "[a-c]{1,2}(/([a-cé]{1,60}|[a-c-]{1,3})){0,4}";
        let target = proptest::option::of("[a-z./]{1,120}");
        let content = proptest::collection::vec(any::<u8>(), 0..1100);
        proptest::collection::vec((path, 0u32..0o10000, target, content), 0..10)
    }

    proptest! {
        #[test]
        fn read_undoes_write(items in any_tree()) {
            let mut tree = Tree::new();
            for (path, mode, target, content) in items {
                let entry = match target {
                    Some(target) => ManifestEntry::symlink(path.clone(), target),
                    None => ManifestEntry::file(path.clone(), mode, &content),
                };
                let mut next = tree.clone();
                next.insert(path, (entry, content));
                // Trees with something below a file are impossible; leave such an item out.
                if Manifest::sorted(next.values().map(|(entry, _)| entry.clone()).collect()).is_ok() {
                    tree = next;
                }
            }
            let manifest = Manifest::sorted(tree.values().map(|(entry, _)| entry.clone()).collect()).unwrap();
            let bytes = pack(&manifest, &tree);
            prop_assert_eq!(read_manifest(&bytes[..]).unwrap(), manifest.with_parents());
        }

        #[test]
        fn reader_never_panics(junk in proptest::collection::vec(any::<u8>(), 0..3000)) {
            let _text = dump(&junk);
        }

        #[test]
        fn reader_never_panics_on_damage(at in 0usize..6000, with in proptest::collection::vec(any::<u8>(), 1..40)) {
            let mut bytes = sample();
            let at = at % bytes.len();
            for (offset, byte) in with.into_iter().enumerate() {
                if let Some(place) = bytes.get_mut(at + offset) {
                    *place = byte;
                }
            }
            let _text = dump(&bytes);
        }
    }
}
