use std::os::unix::fs::MetadataExt as _;

use super::*;
use ashlar_core::base::digest::Digest;
use proptest::prelude::*;

const FILE: EntryType = EntryType::Regular;
const DIR: EntryType = EntryType::Directory;
const LINK: EntryType = EntryType::Symlink;
const HARD: EntryType = EntryType::Link;

/// An entry: its name, its kind, and its content or target.
type Made<'a> = (&'a str, EntryType, &'a str);

fn tar_of(entries: &[Made<'_>]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (name, kind, text) in entries {
        let mut header = tar::Header::new_ustar();
        // Written raw: the library itself would refuse the hostile names.
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(*kind);
        header.set_mode(0o6755);
        header.set_uid(0);
        header.set_mtime(77);
        let (content, target) = if *kind == FILE { (*text, "") } else { ("", *text) };
        header.set_size(content.len() as u64);
        header.as_old_mut().linkname[..target.len()].copy_from_slice(target.as_bytes());
        header.set_cksum();
        tar.append(&header, content.as_bytes()).unwrap();
    }
    tar.into_inner().unwrap()
}

/// A tree to unpack into, and beside it what must never change: the rest of the host.
struct Host {
    _guard: tempfile::TempDir,
    dir: Utf8PathBuf,
    before: Vec<String>,
}

impl Host {
    fn new() -> Self {
        let guard = tempfile::tempdir().unwrap();
        let dir = Utf8Path::from_path(guard.path()).unwrap().to_owned();
        fs_err::create_dir_all(dir.join("host/inner")).unwrap();
        fs_err::write(dir.join("host/victim"), "secret").unwrap();
        fs_err::write(dir.join("host/inner/victim"), "secret").unwrap();
        let mut host = Self { _guard: guard, dir, before: Vec::new() };
        host.before = host.seen();
        host
    }

    fn root(&self) -> Utf8PathBuf {
        self.dir.join("root")
    }

    /// Everything beside the tree: kind, links, mode, change of the inode, and content.
    fn seen(&self) -> Vec<String> {
        let mut seen = Vec::new();
        let mut pending = vec![self.dir.join("host")];
        while let Some(path) = pending.pop() {
            let meta = path.symlink_metadata().unwrap();
            let content = if meta.is_file() { fs_err::read_to_string(&path).unwrap() } else { String::new() };
            let changed = (meta.ctime(), meta.ctime_nsec());
            seen.push(format!("{path} {:o} {} {changed:?} {content}", meta.mode(), meta.nlink()));
            if meta.is_dir() {
                pending.extend(path.read_dir_utf8().unwrap().map(|entry| entry.unwrap().into_path()));
            }
        }
        let beside = |entry: camino::Utf8DirEntry| entry.file_name().to_owned();
        let mut names: Vec<_> = self.dir.read_dir_utf8().unwrap().map(|entry| beside(entry.unwrap())).collect();
        names.retain(|name| !name.ends_with(".tar") && name != "root");
        names.sort();
        seen.extend(names);
        seen
    }

    fn unpack(&self, bytes: &[u8], include: &[&str], to: &str) -> Result<()> {
        let file = self.dir.join("a.tar");
        fs_err::write(&file, bytes).unwrap();
        let source = PlannedSource {
            sha256: Digest::of(""),
            file: "a.tar".to_owned(),
            strip: 1,
            include: include.iter().map(|&text| text.to_owned()).collect(),
            to: to.to_owned(),
        };
        let result = unpack_source(&file, &source, &self.root());
        assert_eq!(self.seen(), self.before, "the host was touched; the result was {result:?}");
        result
    }

    /// Unpacks, and gives the error.
    fn refusal(&self, entries: &[Made<'_>]) -> String {
        match self.unpack(&tar_of(entries), &[], ".") {
            Ok(()) => panic!("unpacked: {entries:?}"),
            Err(error) => format!("{error:#}").replace(self.dir.as_str(), "/work"),
        }
    }
}

#[test]
fn strips_filters_and_keeps_times() {
    let host = Host::new();
    let tar = tar_of(&[("p/a/x", FILE, "1"), ("p/b/y", FILE, "2"), ("top", FILE, "3"), ("p/a/z", HARD, "p/a/x")]);
    host.unpack(&tar, &["a"], ".").unwrap();
    let root = host.root();
    assert_eq!(fs_err::read_to_string(root.join("a/x")).unwrap(), "1");
    assert!(!root.join("b").exists() && !root.join("top").exists());
    let meta = |path: &str| fs_err::metadata(root.join(path)).unwrap();
    assert_eq!((meta("a/x").mtime(), meta("a/x").nlink()), (77, 2));
    assert_eq!(meta("a/x").ino(), meta("a/z").ino());
}

#[test]
fn a_later_entry_replaces_an_earlier_one() {
    let host = Host::new();
    let tar = tar_of(&[
        ("p/x", FILE, "old"),
        ("p/y", HARD, "p/x"),
        ("p/x", FILE, "new"),
        ("p/l", LINK, "/work/host/victim"),
        ("p/l", FILE, "file"),
        ("p/x", HARD, "p/x"),
    ]);
    host.unpack(&tar, &[], ".").unwrap();
    let text = |path: &str| fs_err::read_to_string(host.root().join(path)).unwrap();
    assert_eq!([text("x"), text("y"), text("l")], ["new", "old", "file"].map(str::to_owned));
}

/// Whatever the header says: no set-user-ID bit, no owner but ours.
#[test]
fn special_bits_are_dropped() {
    let host = Host::new();
    host.unpack(&tar_of(&[("p/d", DIR, ""), ("p/x", FILE, "1")]), &[], ".").unwrap();
    for path in ["d", "x"] {
        assert_eq!(fs_err::metadata(host.root().join(path)).unwrap().mode() & 0o7000, 0, "{path}");
    }
}

/// `p/etc` leads to the host; a hard link by way of it would *be* the host's file, for the build to write.
#[test]
fn a_hard_link_through_a_planted_link_reaches_nothing() {
    for target in ["{dir}/host", "../host", "../../../../../../../../../../../../../..{dir}/host"] {
        let host = Host::new();
        let target = target.replace("{dir}", host.dir.as_str());
        let told = host.refusal(&[("p/etc", LINK, &target), ("p/mine", HARD, "p/etc/victim")]);
        assert!(told.contains("/work/root/etc/victim passes through a link"), "{told}");
        assert!(!host.root().join("mine").exists());
    }
    // A link to a link to the host, and a directory of the archive's own beneath.
    let host = Host::new();
    let told = host.refusal(&[
        ("p/a/b/up", LINK, "../.."),
        ("p/etc", LINK, "a/b/up/../host"),
        ("p/mine", HARD, "p/etc/inner/victim"),
    ]);
    assert!(told.contains("passes through a link"), "{told}");
}

#[test]
fn a_hard_link_names_a_file_of_the_archive() {
    let host = Host::new();
    let absolute = host.dir.join("host/victim");
    let refused = [
        vec![("p/x", HARD, absolute.as_str())],
        vec![("p/x", HARD, "p/../host/victim")],
        vec![("p/x", HARD, "../host/victim")],
        vec![("p/l", LINK, "../host/victim"), ("p/x", HARD, "p/l")],
        vec![("p/d", DIR, ""), ("p/x", HARD, "p/d")],
        vec![("p/x", HARD, "p/later"), ("p/later", FILE, "")],
        vec![("p/x", HARD, "")],
        vec![("p/x", HARD, "p")],
    ];
    insta::assert_snapshot!(refused.map(|entries| host.refusal(&entries)).join("\n"));
}

#[test]
fn nothing_is_unpacked_through_a_planted_link() {
    let host = Host::new();
    let refused = [
        vec![("p/d", LINK, "../host"), ("p/d/evil", FILE, "x")],
        vec![("p/d", LINK, "../host"), ("p/d/evil", LINK, "x")],
        vec![("p/d", LINK, "../host"), ("p/d/evil/deeper", DIR, "")],
        // The name of a directory is that of a link.
        vec![("p/d", LINK, "../host"), ("p/d", DIR, ""), ("p/d/evil", FILE, "x")],
        // The directory was a real one for its first file.
        vec![("p/e/x", FILE, ""), ("p/e", LINK, "../host"), ("p/e/evil", FILE, "x")],
        // … a file, then a link, then a file again.
        vec![("p/f", FILE, ""), ("p/f", LINK, "../host"), ("p/f/evil", FILE, "")],
    ];
    insta::assert_snapshot!(refused.map(|entries| host.refusal(&entries)).join("\n"));
}

#[test]
fn names_that_leave_the_tree_are_refused() {
    let host = Host::new();
    for name in ["p/../../evil", "/p/evil", "../p/evil", "p/a/../../../host/evil"] {
        for kind in [FILE, DIR, LINK, HARD] {
            let told = host.refusal(&[(name, kind, "p/x")]);
            assert!(told.contains("leaves the source tree"), "{name}: {told}");
        }
    }
}

#[test]
fn devices_and_fifos_are_refused() {
    for kind in [EntryType::Char, EntryType::Block, EntryType::Fifo, EntryType::Continuous] {
        let host = Host::new();
        let told = host.refusal(&[("p/x", FILE, ""), ("p/node", kind, "")]);
        assert!(told.contains("at its entry p/node: it is neither file, directory nor link"), "{told}");
        assert!(host.root().join("node").symlink_metadata().is_err());
    }
}

/// The first source plants a link where the second one is to be unpacked.
#[test]
fn a_second_source_does_not_follow_the_first() {
    for (planted, to) in [("p/sub", "sub"), ("p/sub", "sub/deeper"), ("p/a/sub", "a/sub")] {
        let host = Host::new();
        let target = host.dir.join("host");
        host.unpack(&tar_of(&[(planted, LINK, target.as_str())]), &[], ".").unwrap();
        let error = host.unpack(&tar_of(&[("q/evil", FILE, "x")]), &[], to).unwrap_err();
        assert!(format!("{error:#}").contains("passes through a link"), "{error:#}");
    }
    // A hard link of the second source stays below its `to`, and is not made to what a link of the first leads to.
    let host = Host::new();
    host.unpack(&tar_of(&[("p/sub/l", LINK, "../../host"), ("p/sub/own", FILE, "1")]), &[], ".").unwrap();
    assert!(host.unpack(&tar_of(&[("q/x", HARD, "q/l/victim")]), &[], "sub").is_err());
    host.unpack(&tar_of(&[("q/x", HARD, "q/own")]), &[], "sub").unwrap();
    assert_eq!(fs_err::metadata(host.root().join("sub/own")).unwrap().nlink(), 2);
}

#[test]
fn a_recipe_that_unpacks_nothing_or_half_a_link_is_told() {
    let host = Host::new();
    let error = host.unpack(&tar_of(&[("p/x", FILE, "x")]), &["nothing"], ".").unwrap_err();
    assert!(error.to_string().contains("check `strip` and `include`"));
    let error = host.unpack(&tar_of(&[("p/x", FILE, "x"), ("p/y", HARD, "p/x")]), &["y"], ".").unwrap_err();
    assert!(format!("{error:#}").contains("hard link to p/x, which `strip` and `include` leave out"), "{error:#}");
}

/// Names and targets out of which archives are made that try to get at the host in ways nobody has thought of.
fn names() -> impl Strategy<Value = String> {
    let part = prop::sample::select(vec!["a", "b", "c", "victim", "..", "."]);
    prop::collection::vec(part, 1..4).prop_map(|parts| format!("p/{}", parts.join("/")))
}

fn targets() -> impl Strategy<Value = String> {
    let out = ["../host", "../host/victim", "../../host", "..", "/", ".", "{dir}/host", "{dir}/host/inner", "{dir}"];
    prop_oneof![
        prop::sample::select(out.to_vec()).prop_map(str::to_owned),
        names(),
        names().prop_map(|n| n[2..].into())
    ]
}

fn archives() -> impl Strategy<Value = Vec<(String, EntryType, String)>> {
    let kind = prop::sample::select(vec![FILE, DIR, LINK, LINK, HARD, HARD]);
    prop::collection::vec((names(), kind, targets()), 1..12)
}

/// Each entry in an archive of its own, so that one that is refused does not end the attempt.
fn attempt(host: &Host, entries: &[(String, EntryType, String)], to: &str) {
    for (name, kind, target) in entries {
        let target = target.replace("{dir}", host.dir.as_str());
        // Refused or done: what counts is that the host is as it was, which `unpack` asserts.
        drop(host.unpack(&tar_of(&[(name, *kind, &target)]), &[], to));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn no_archive_touches_what_is_beside_the_tree(first in archives(), second in archives(), to in names()) {
        let host = Host::new();
        attempt(&host, &first, ".");
        attempt(&host, &second, to[2..].trim_start_matches("../"));
    }

    #[test]
    fn damaged_archives_are_refused_or_harmless(
        entries in archives(),
        damage in prop::collection::vec((0usize..1024, any::<u8>()), 0..8),
    ) {
        let host = Host::new();
        let made: Vec<Made<'_>> = entries.iter().map(|(name, kind, target)| (&**name, *kind, &**target)).collect();
        let mut bytes = tar_of(&made);
        let length = bytes.len();
        for (at, byte) in damage {
            bytes[at % length] = byte;
        }
        drop(host.unpack(&bytes, &[], "."));
    }
}
