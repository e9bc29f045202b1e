//! Packages made here, good and hostile.

use ashlar_core::base::digest::Digest;
use camino::Utf8PathBuf;
use tar::EntryType;

use super::*;

/// Path, kind, mode, and content or link target.
pub type File<'a> = (&'a str, EntryType, u32, &'a str);

fn tarball(entries: &[File<'_>]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (name, kind, mode, content) in entries {
        let mut header = tar::Header::new_gnu();
        // Written raw: the library itself would refuse the hostile names.
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(*kind);
        header.set_mode(*mode);
        header.set_mtime(1);
        let body = if *kind == EntryType::Regular { content.as_bytes() } else { b"" };
        if *kind != EntryType::Regular {
            header.as_old_mut().linkname[..content.len()].copy_from_slice(content.as_bytes());
        }
        header.set_size(body.len() as u64);
        header.set_cksum();
        tar.append(&header, body).unwrap();
    }
    tar.into_inner().unwrap()
}

/// A .deb with that control file and those entries.
pub fn deb(control: &str, entries: &[File<'_>]) -> Vec<u8> {
    let data = ruzstd::encoding::compress_to_vec(&tarball(entries)[..], ruzstd::encoding::CompressionLevel::Fastest);
    let control = tarball(&[("./control", EntryType::Regular, 0o644, control)]);
    let mut out = ar::MAGIC.to_vec();
    for (name, data) in [("debian-binary", b"2.0\n".to_vec()), ("control.tar", control), ("data.tar.zst", data)] {
        out.extend(format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n", 0, 0, 0, "100644", data.len()).bytes());
        out.extend(&data);
        if data.len() % 2 == 1 {
            out.push(b'\n');
        }
    }
    out
}

struct Bench {
    _guard: tempfile::TempDir,
    dir: Utf8PathBuf,
}

impl Bench {
    fn new() -> Self {
        let guard = tempfile::tempdir().unwrap();
        let dir = Utf8Path::from_path(guard.path()).unwrap().to_owned();
        fs_err::create_dir(dir.join("tree")).unwrap();
        Self { _guard: guard, dir }
    }

    fn tree(&self) -> Utf8PathBuf {
        self.dir.join("tree")
    }

    fn write(&self, name: &str, entries: &[File<'_>]) -> Utf8PathBuf {
        let path = self.dir.join(format!("{name}.deb"));
        fs_err::write(&path, deb(&format!("Package: {name}\nVersion: 1\n"), entries)).unwrap();
        path
    }
}

fn pin(name: &str) -> Pin<'_> {
    Pin { name, version: "1" }
}

const FILE: EntryType = EntryType::Regular;
const DIR: EntryType = EntryType::Directory;
const LINK: EntryType = EntryType::Symlink;

/// Unpacks one package and gives the tree's text or the whole error.
fn one(entries: &[File<'_>], drop: &[String]) -> Result<String, String> {
    let bench = Bench::new();
    let root = bench.tree();
    let unpacker = Unpacker::new(&root, drop);
    let result = unpacker.unpack(pin("a"), &bench.write("a", entries)).and_then(|()| unpacker.finish());
    assert!(!bench.dir.join("evil").exists());
    result.map(|tree| tree.print()).map_err(|error| format!("{error:#}"))
}

#[test]
fn merges_drops_and_normalises() {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    let bench = Bench::new();
    let root = bench.tree();
    let drop = ["usr/share/doc/**".to_owned()];
    let unpacker = Unpacker::new(&root, &drop);
    let entries = [
        ("./", DIR, 0o700, ""),
        ("./bin/", DIR, 0o777, ""),
        ("./bin/su", FILE, 0o4755, "x"),
        ("./lib/libz.so", LINK, 0o777, "libz.so.1"),
        ("./usr/share/doc/a/copyright", FILE, 0o644, "c"),
        ("./usr/bin/hard", EntryType::Link, 0o755, "./bin/su"),
        ("./usr/empty/", DIR, 0o700, ""),
        ("./usr/lib/data", FILE, 0o600, "yy"),
    ];
    unpacker.unpack(pin("a"), &bench.write("a", &entries)).unwrap();
    unpacker.link("usr/bin/awk", "su").unwrap();
    assert!(unpacker.link("usr/bin/awk", "su").unwrap_err().to_string().contains("exists already"));
    let tree = unpacker.finish().unwrap();
    let (x, yy) = (Digest::of("x"), Digest::of("yy"));
    let expected = format!(
        "d usr\nd usr/bin\nl usr/bin/awk -> su\nf 755 {x} 1 usr/bin/hard\nf 755 {x} 1 usr/bin/su\nd usr/empty\nd usr/lib\n\
         f 644 {yy} 2 usr/lib/data\nl usr/lib/libz.so -> libz.so.1\n"
    );
    assert_eq!(tree.print(), expected);
    let meta = fs_err::metadata(root.join("usr/bin/su")).unwrap();
    assert_eq!(meta.permissions().mode() & 0o7777, 0o755);
    assert_eq!(meta.mtime(), 1_767_225_600);
    assert_eq!(fs_err::metadata(root.join("usr")).unwrap().mtime(), 1_767_225_600);
    assert_eq!(fs_err::metadata(root.join("usr/empty")).unwrap().permissions().mode() & 0o7777, 0o755);
}

#[test]
fn refuses_to_leave_the_tree() {
    for (entries, why) in [
        (vec![("../evil", FILE, 0o644, "x")], "`..` component"),
        (vec![("/evil", FILE, 0o644, "x")], "is absolute"),
        (vec![("./usr/x", LINK, 0o777, "../../evil")], "points above the root"),
        (vec![("./usr/d", LINK, 0o777, "/tmp"), ("./usr/d/evil", FILE, 0o644, "x")], "in another package"),
        (vec![("./usr/d", LINK, 0o777, ".."), ("./usr/d/evil", FILE, 0o644, "x")], "in another package"),
        (vec![("./usr/h", EntryType::Link, 0o777, "../evil")], "`..` component"),
        (vec![("./usr/h", EntryType::Link, 0o777, "./usr/none")], "which was not unpacked"),
        (vec![("./dev/null", EntryType::Char, 0o666, "")], "neither file, directory nor link"),
    ] {
        let error = one(&entries, &[]).unwrap_err();
        assert!(error.contains(why), "{error}");
        assert!(error.starts_with("unpacking package a 1 ("), "{error}");
    }
}

#[test]
fn the_inside_must_be_what_the_lock_says() {
    let bench = Bench::new();
    let root = bench.tree();
    let file = bench.write("other", &[("./usr/x", FILE, 0o644, "x")]);
    let error = format!("{:#}", Unpacker::new(&root, &[]).unpack(pin("a"), &file).unwrap_err());
    assert!(error.contains("it is other 1; the lock is wrong"), "{error}");
    assert!(!root.join("usr").exists());
    let cut = fs_err::read(&file).unwrap();
    fs_err::write(&file, &cut[..cut.len() - 20]).unwrap();
    let error = format!("{:#}", Unpacker::new(&root, &[]).unpack(pin("other"), &file).unwrap_err());
    assert!(error.contains("the file is truncated"), "{error}");
}

#[test]
fn same_content_twice_is_fine_and_other_content_is_not() {
    let bench = Bench::new();
    let root = bench.tree();
    let unpacker = Unpacker::new(&root, &[]);
    let both = |b: &str| {
        let first = bench.write("a", &[("./usr/x", FILE, 0o644, "1"), ("./lib/l", LINK, 0o777, "x")]);
        let second = bench.write("b", &[("./usr/x", FILE, 0o644, b), ("./usr/lib/l", LINK, 0o777, "x")]);
        (first, second)
    };
    let (a, b) = both("1");
    unpacker.unpack(pin("b"), &b).unwrap();
    unpacker.unpack(pin("a"), &a).unwrap();
    assert_eq!(unpacker.finish().unwrap().weight(), (1, 1));
    let other = Bench::new();
    let root = other.tree();
    let unpacker = Unpacker::new(&root, &[]);
    let (a, b) = both("2");
    unpacker.unpack(pin("b"), &b).unwrap();
    unpacker.unpack(pin("a"), &a).unwrap();
    let error = unpacker.finish().unwrap_err().to_string();
    assert!(error.contains("usr/x differs between a and b") && error.contains("`drop`"), "{error}");
}

#[test]
fn dropped_paths_may_be_anything() {
    let drop = ["dev/**".to_owned()];
    assert_eq!(one(&[("./dev/null", EntryType::Char, 0o666, "")], &drop).unwrap(), "");
}
