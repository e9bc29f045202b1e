use super::*;
use crate::testing::{entry, layout, linked, repeat, tar};

/// A room of its own below the temporary directory, gone afterwards; `outside` must stay as it is.
struct Room(PathBuf);

impl Room {
    fn new(name: &str) -> Self {
        let room = std::env::temp_dir().join(format!("container-{name}-{}", std::process::id()));
        drop(fs::remove_dir_all(&room));
        fs::create_dir_all(room.join("store")).unwrap();
        fs::create_dir_all(room.join("outside")).unwrap();
        fs::write(room.join("outside/secret"), "kept").unwrap();
        Self(room)
    }

    fn load(&self, layers: &[Vec<u8>]) -> Outcome<Image> {
        drop(fs::remove_dir_all(self.0.join("image")));
        layout(&self.0.join("image"), layers);
        load(&self.0.join("image"), &self.0.join("store"))
    }

    fn is_untouched(&self) -> bool {
        let names: Vec<_> =
            fs::read_dir(self.0.join("outside")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names == ["secret"] && fs::read_to_string(self.0.join("outside/secret")).unwrap() == "kept"
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

/// Only root can give files away.
#[allow(clippy::print_stdout)] // what was not tested belongs into the record of the run
fn is_root() -> bool {
    let own = std::env::temp_dir().join(format!("container-owner-{}", std::process::id()));
    fs::write(&own, "").unwrap();
    let can = lchown(&own, Some(1), Some(1)).is_ok();
    fs::remove_file(&own).unwrap();
    if !can {
        println!("skipped: not root, so owners cannot be set");
    }
    can
}

#[test]
fn layers_whiteouts_and_bits() {
    if !is_root() {
        return;
    }
    let room = Room::new("layers");
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
    if !is_root() {
        return;
    }
    let room = Room::new("escapes");
    let outside = room.0.join("outside");
    let outside = outside.to_str().unwrap().as_bytes();
    let link = |text: &[u8]| linked(b"door", b'2', text, 0o777, b"");
    for target in [outside.to_vec(), b"../../outside".to_vec(), b"/../../../..".to_vec()] {
        // Written through the link: ends inside, at the same path below the root.
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
    let room = Room::new("verified");
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
        assert!(load(&path, &room.0.join("store")).unwrap_err().0.contains("damaged or forged"), "{blob:?}");
        fs::write(&blob, &whole).unwrap();
    }
    load(&path, &room.0.join("store")).unwrap();
}

/// Random layers out of names that lead to each other.
#[test]
fn random_layers_stay_inside() {
    if !is_root() {
        return;
    }
    let room = Room::new("random");
    let outside = room.0.join("outside");
    let names: [&[u8]; 8] = [b"a", b"b", b"a/b", b"b/secret", b"a/.wh.b", b"a/secret", b".wh.a", b"a/.wh..wh..opq"];
    let links: [&[u8]; 6] = [b"..", b"../..", b"/", b"a", b"../../../outside", outside.to_str().unwrap().as_bytes()];
    let kinds = *b"012560";
    repeat(12, |noise| {
        let entries: Vec<_> = (0..noise.below(9) + 1)
            .map(|_| {
                let (name, link) = (names[noise.below(names.len())], links[noise.below(links.len())]);
                linked(name, kinds[noise.below(kinds.len())], link, 0o7777, b"")
            })
            .collect();
        drop(room.load(&[tar(&entries)]));
        assert!(room.is_untouched(), "{entries:?}");
        drop(fs::remove_dir_all(room.0.join("store")));
        fs::create_dir_all(room.0.join("store")).unwrap();
    });
}
