use super::*;
use crate::store;
use crate::testing::{dir_of_root, entry, layout, linked, tar};
use testkit::TempDir;

/// A directory with a store, and a place outside it.
struct Machine(TempDir);

impl Machine {
    /// The same with an empty store; the place outside must stay as it is.
    fn with_store(name: &str) -> Option<Self> {
        let room = dir_of_root(name)?;
        fs::create_dir(room.join("store")).unwrap();
        fs::create_dir(room.join("outside")).unwrap();
        fs::write(room.join("outside/secret"), "kept").unwrap();
        Some(Self(room))
    }

    fn load(&self, layers: &[Vec<u8>]) -> Outcome<Image> {
        drop(fs::remove_dir_all(self.0.join("image")));
        layout(&self.0.join("image"), layers);
        self.load_wanted(None)
    }

    fn load_wanted(&self, wanted: Option<&Digest>) -> Outcome<Image> {
        load(&self.0.join("image"), &Store::open(&self.0.join("store"))?, wanted)
    }

    fn is_untouched(&self) -> bool {
        let names: Vec<_> =
            fs::read_dir(self.0.join("outside")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names == ["secret"] && fs::read_to_string(self.0.join("outside/secret")).unwrap() == "kept"
    }
}

#[test]
fn layers_whiteouts_and_bits() {
    let Some(room) = Machine::with_store("layers") else { return };
    let lower = tar(&[
        linked(b"usr/bin", b'5', b"", 0o755, b""),
        linked(b"bin", b'2', b"usr/bin", 0o777, b""),
        linked(b"usr/bin/su", b'0', b"", 0o4755, b"set"),
        entry(b"gone", b'0', b"x"),
        entry(b"etc/old", b'0', b"x"),
        linked(b"dev/sda", b'3', b"", 0o666, b""),
    ]);
    let upper = tar(&[
        entry(b"bin/tool", b'0', b"through the link"),
        entry(b".wh.gone", b'0', b""),
        entry(b"etc/new", b'0', b"x"),
        entry(b"etc/.wh..wh..opq", b'0', b""),
    ]);
    let root = room.load(&[lower, upper]).unwrap().root;
    assert_eq!(fs::read_to_string(root.join("usr/bin/tool")).unwrap(), "through the link");
    assert_eq!(fs::metadata(root.join("usr/bin/su")).unwrap().permissions().mode() & 0o7777, 0o755);
    for gone in ["gone", "etc/old", "dev/sda"] {
        assert!(!root.join(gone).exists(), "{gone}");
    }
    assert!(root.join("etc/new").exists());
}

#[test]
fn nothing_leaves_the_root() {
    let Some(room) = Machine::with_store("escapes") else { return };
    let outside = room.0.join("outside");
    let outside = outside.to_str().unwrap().as_bytes();
    let link = |text: &[u8]| linked(b"door", b'2', text, 0o777, b"");
    for target in [outside.to_vec(), b"../../outside".to_vec(), b"/../../../..".to_vec()] {
        // A write through the link stays below the root, at the same path.
        let through =
            tar(&[link(&target), entry(b"door/secret", b'0', b"stolen"), linked(b"door/fifo", b'6', b"", 0, b"")]);
        drop(room.load(&[through]));
        let whiteout =
            tar(&[link(&target), entry(b"door/.wh.secret", b'0', b""), entry(b"door/.wh..wh..opq", b'0', b"")]);
        drop(room.load(&[whiteout]));
        // A file over the link replaces the link.
        drop(room.load(&[tar(&[
            link(&target),
            entry(b"door", b'0', b"stolen"),
            linked(b"hard", b'1', b"door/secret", 0, b""),
        ])]));
        assert!(room.is_untouched());
    }
    for bad in [&b"../x"[..], b"a/../../x", b".wh...", b".wh..", b"a\xff/.."] {
        assert!(room.load(&[tar(&[entry(bad, b'0', b"x")])]).is_err(), "{bad:?}");
    }
    assert!(room.load(&[tar(&[linked(b"a", b'1', b"../outside/secret", 0, b"")])]).is_err());
    let looped = tar(&[linked(b"a", b'2', b"b", 0, b""), linked(b"b", b'2', b"a", 0, b""), entry(b"a/x", b'0', b"")]);
    assert!(room.load(&[looped]).unwrap_err().0.contains("too many symbolic links"));
    let left: Vec<_> = fs::read_dir(room.0.join("store")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().ends_with(".partial")), "{left:?}");
}

#[test]
fn every_blob_is_verified() {
    let Some(room) = Machine::with_store("verified") else { return };
    let path = room.0.join("image");
    layout(&path, &[tar(&[])]);
    let blobs: Vec<_> = fs::read_dir(path.join("blobs/sha256")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(blobs.len(), 3);
    for blob in blobs {
        let whole = fs::read(&blob).unwrap();
        let mut damaged = whole.clone();
        let last = damaged.len() - 1;
        damaged[last] ^= 1;
        fs::write(&blob, &damaged).unwrap();
        assert!(room.load_wanted(None).unwrap_err().0.contains("damaged or forged"), "{blob:?}");
        fs::write(&blob, &whole).unwrap();
    }
    room.load_wanted(None).unwrap();
}

/// The image at a path may differ from the expected one.
#[test]
fn another_image_than_asked_for() {
    let Some(room) = Machine::with_store("pinned") else { return };
    let meant = room.load(&[tar(&[entry(b"a", b'0', b"meant")])]).unwrap().digest;
    room.load_wanted(Some(&meant)).unwrap();
    drop(fs::remove_dir_all(room.0.join("image")));
    let other = layout(&room.0.join("image"), &[tar(&[entry(b"a", b'0', b"other")])]);
    let refused = room.load_wanted(Some(&meant)).unwrap_err().0;
    assert!(refused.contains(&format!("is image {other}, not the requested {meant}")), "{refused}");
    // The refusal comes before unpacking.
    assert_eq!(store::images(&room.0.join("store")).unwrap(), [meant.hex()]);
}

/// Accounts are read from the image, wherever its links point.
#[test]
fn accounts_of_an_image_are_not_those_of_the_machine() {
    let Some(room) = Machine::with_store("accounts") else { return };
    let outside = room.0.join("outside/secret");
    let link = |text: &[u8]| linked(b"etc/passwd", b'2', text, 0o777, b"");
    for target in
        [outside.to_str().unwrap().as_bytes(), b"../../../outside/secret", b"/proc/self/environ", b"/dev/null"]
    {
        let accounts = room.load(&[tar(&[link(target)])]).unwrap().accounts();
        assert_eq!(accounts.unwrap().passwd, "", "{:?}", String::from_utf8_lossy(target));
    }
    let inside = [
        entry(b"usr/lib/passwd", b'0', b"web:x:1:1::/:\n"),
        link(b"/usr/lib/passwd"),
        entry(b"etc/group", b'0', b"web:x:1:\n"),
    ];
    let accounts = room.load(&[tar(&inside)]).unwrap().accounts().unwrap();
    assert_eq!((accounts.passwd.as_str(), accounts.group.as_str()), ("web:x:1:1::/:\n", "web:x:1:\n"));
    let none = room.load(&[tar(&[entry(b"etc", b'0', b"")])]).unwrap().accounts().unwrap();
    assert_eq!((none.passwd.as_str(), none.group.as_str()), ("", ""));
    for bad in [
        vec![linked(b"etc/passwd", b'5', b"", 0o755, b"")],
        vec![link(b"passwd")],
        vec![entry(b"etc/passwd", b'0', &vec![b'x'; 1_100_000])],
    ] {
        assert!(room.load(&[tar(&bad)]).unwrap().accounts().is_err());
    }
}

/// Random layers made of names that lead to each other.
#[test]
fn random_layers_stay_inside() {
    let Some(room) = Machine::with_store("random") else { return };
    let outside = room.0.join("outside");
    let names: [&[u8]; 8] = [b"a", b"b", b"a/b", b"b/secret", b"a/.wh.b", b"a/secret", b".wh.a", b"a/.wh..wh..opq"];
    let links: [&[u8]; 6] = [b"..", b"../..", b"/", b"a", b"../../../outside", outside.to_str().unwrap().as_bytes()];
    let kinds = *b"012560";
    testkit::fuzz::repeat(12, crate::FUZZ_ALPHABET, |random| {
        let entries: Vec<_> = (0..random.below(9) + 1)
            .map(|_| {
                let (name, link) = (names[random.below(names.len())], links[random.below(links.len())]);
                linked(name, kinds[random.below(kinds.len())], link, 0o7777, b"")
            })
            .collect();
        drop(room.load(&[tar(&entries)]));
        assert!(room.is_untouched(), "{entries:?}");
        drop(fs::remove_dir_all(room.0.join("store")));
        fs::create_dir_all(room.0.join("store")).unwrap();
    });
}
