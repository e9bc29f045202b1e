//! Real directories, GNU-style hazards, damaged layers.

use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use ashlar_core::formats::layer::read_manifest;
use ashlar_core::verify::lint::Contents as _;

use super::*;

struct Sandbox {
    _guard: tempfile::TempDir,
    root: camino::Utf8PathBuf,
}

fn sandbox() -> Sandbox {
    let guard = tempfile::tempdir().unwrap();
    let root = camino::Utf8PathBuf::try_from(guard.path().to_path_buf()).unwrap();
    Sandbox { _guard: guard, root }
}

impl Sandbox {
    fn file(&self, path: &str, mode: u32, content: &str) {
        let path = self.root.join(path);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(&path, content).unwrap();
        fs_err::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    fn sample() -> Self {
        let sandbox = sandbox();
        sandbox.file("in/usr/bin/hello", 0o711, "hello");
        sandbox.file("in/usr/share/é", 0o600, "");
        fs_err::create_dir(sandbox.root.join("in/empty")).unwrap();
        fs_err::hard_link(sandbox.root.join("in/usr/bin/hello"), sandbox.root.join("in/usr/bin/hallo")).unwrap();
        symlink("usr/bin", sandbox.root.join("in/bin")).unwrap();
        sandbox
    }
}

#[test]
fn a_tree_survives_the_way_through_a_layer() {
    let sandbox = Sandbox::sample();
    let (from, layer, to) = (sandbox.root.join("in"), sandbox.root.join("layer"), sandbox.root.join("out"));
    let manifest = scan(&from).unwrap();
    let modes: Vec<(&str, u32)> = manifest.entries().iter().map(|entry| (entry.path.as_str(), entry.mode)).collect();
    assert_eq!(
        modes,
        [
            ("bin", 0o777),
            ("empty", 0o755),
            ("usr", 0o755),
            ("usr/bin", 0o755),
            ("usr/bin/hallo", 0o755),
            ("usr/bin/hello", 0o755),
            ("usr/share", 0o755),
            ("usr/share/é", 0o644),
        ]
    );
    let digest = write_layer(&from, &manifest, Epoch::RELEASE, &layer).unwrap();
    let bytes = fs_err::read(&layer).unwrap();
    assert_eq!(Digest::of(&bytes), digest);
    assert_eq!(read_manifest(&bytes[..]).unwrap(), manifest);
    assert_eq!(read_file(&layer, digest, "usr/bin/hello").unwrap(), b"hello");
    assert!(read_file(&layer, digest, "usr/bin/none").unwrap_err().to_string().contains("no /usr/bin/none"));
    assert!(read_file(&layer, Digest::of("other"), "usr/bin/hello").unwrap_err().is::<DamagedEntry>());
    unpack_layer(&layer, digest, &to).unwrap();
    assert_eq!(scan(&to).unwrap(), manifest);
    let modified = fs_err::metadata(to.join("usr/bin/hello")).unwrap().modified().unwrap();
    assert_eq!(modified.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs(), Epoch::RELEASE.0);
    // Another copy of the tree, made in another order, gives the same bytes.
    let again = write_layer(&to, &scan(&to).unwrap(), Epoch::RELEASE, &sandbox.root.join("again")).unwrap();
    assert_eq!(again, digest);
}

#[test]
fn everything_refused_is_named_at_once() {
    let sandbox = sandbox();
    sandbox.file("su", 0o4755, "");
    rustix::fs::mkfifoat(rustix::fs::CWD, sandbox.root.join("fifo").as_str(), rustix::fs::Mode::RWXU).unwrap();
    let name = std::ffi::OsString::from_vec(b"\xff".to_vec());
    fs_err::write(sandbox.root.as_std_path().join(name), "").unwrap();
    let error = scan(&sandbox.root).unwrap_err().to_string();
    for part in ["/su: mode 4755", "/fifo: a fifo cannot be packaged", "not UTF-8"] {
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn a_damaged_layer_leaves_nothing_behind() {
    let sandbox = Sandbox::sample();
    let (from, layer, to) = (sandbox.root.join("in"), sandbox.root.join("layer"), sandbox.root.join("out"));
    let digest = write_layer(&from, &scan(&from).unwrap(), Epoch::RELEASE, &layer).unwrap();
    let good = fs_err::read(&layer).unwrap();
    for at in [0, 600, good.len() / 2, good.len() - 1] {
        let mut bad = good.clone();
        bad[at] ^= 1;
        fs_err::write(&layer, bad).unwrap();
        let error = unpack_layer(&layer, digest, &to).unwrap_err();
        assert_eq!(error.downcast_ref::<DamagedEntry>().map(|damaged| damaged.expected), Some(digest), "{error:#}");
        assert!(!to.exists());
    }
    fs_err::write(&layer, &good[..700]).unwrap();
    assert!(unpack_layer(&layer, digest, &to).unwrap_err().is::<DamagedEntry>());
}

#[test]
fn packages_share_directories_and_nothing_else() {
    let sandbox = sandbox();
    let pack = |name: &str, path: &str| {
        sandbox.file(&format!("{name}/{path}"), 0o644, name);
        let root = sandbox.root.join(name);
        let layer = sandbox.root.join(format!("{name}.layer"));
        let digest = write_layer(&root, &scan(&root).unwrap(), Epoch(0), &layer).unwrap();
        (layer, digest)
    };
    let to = sandbox.root.join("to");
    let unpack = |(layer, digest): (camino::Utf8PathBuf, Digest)| unpack_layer(&layer, digest, &to);
    unpack(pack("a", "usr/lib/a")).unwrap();
    unpack(pack("b", "usr/lib/b")).unwrap();
    let error = format!("{:#}", unpack(pack("c", "usr/lib/a")).unwrap_err());
    assert!(error.contains("`usr/lib/a` is there already"), "{error}");
    assert_eq!(fs_err::read_to_string(to.join("usr/lib/a")).unwrap(), "a");
    symlink("/etc", to.join("etc")).unwrap();
    let error = format!("{:#}", unpack(pack("d", "etc/passwd-d")).unwrap_err());
    assert!(error.contains("not a directory"), "{error}");
}

#[test]
fn contents_are_read_without_following_links() {
    let sandbox = Sandbox::sample();
    let directory = Directory::new(&sandbox.root.join("in"));
    assert_eq!(&*directory.read("usr/bin/hello").unwrap(), b"hello");
    assert!(directory.read("bin/hello").is_err());
    assert!(directory.read("empty").is_err());
    assert!(scan(&sandbox.root.join("in/bin")).is_err());
    let manifest = Manifest::new(vec![ManifestEntry::file("usr/bin/hello", 0o755, b"other")]).unwrap().with_parents();
    let out = sandbox.root.join("layer");
    let error = write_layer(&sandbox.root.join("in"), &manifest, Epoch(0), &out).unwrap_err();
    assert!(format!("{error:#}").contains("changed while it was packed"));
    assert!(!out.exists());
}
