//! A seed of two packages, in a store that has them, without a network.

use std::os::unix::fs::PermissionsExt as _;

use tar::EntryType;

use super::*;
use crate::host::deb::tests::deb;

#[derive(Default)]
struct Notes(Mutex<Vec<String>>);

impl FetchEvents for Notes {
    fn progress(&self, _: &str, _: u64, _: Option<u64>) {}
    fn note(&self, text: &str) {
        self.0.lock().unwrap().push(text.to_owned());
    }
    fn done(&self, _: &str, _: u64) {}
}

struct Bench {
    _guard: tempfile::TempDir,
    store: Utf8PathBuf,
    seed: ResolvedSeed,
    notes: Notes,
}

impl Bench {
    fn new() -> Self {
        let guard = tempfile::tempdir().unwrap();
        let store = Utf8Path::from_path(guard.path()).unwrap().to_owned();
        let distfiles = store.join("distfiles/sha256");
        fs_err::create_dir_all(&distfiles).unwrap();
        let mut text = String::from(
            "schema = 1\n[release]\nsuite = 's'\nversion = ''\ndate = ''\ninrelease = 'HASH'\npackages = {}\n",
        )
        .replace("HASH", &Digest::of("").to_string());
        let file = EntryType::Regular;
        for (name, entries) in [
            ("a", vec![("./bin/tool", file, 0o755, "tool"), ("./usr/share/doc/a", file, 0o644, "doc")]),
            ("b", vec![("./usr/lib/data", file, 0o600, "data"), ("./usr/lib/link", EntryType::Symlink, 0o777, "data")]),
        ] {
            let bytes = deb(&format!("Package: {name}\nVersion: 1\n"), &entries);
            let (sha256, size) = (Digest::of(&bytes), bytes.len());
            fs_err::write(distfiles.join(sha256.to_string()), bytes).unwrap();
            text.push_str(&format!(
                "[[package]]\nname = '{name}'\nversion = '1'\npool = 'pool/{name}.deb'\nsha256 = '{sha256}'\nsize = {size}\n"
            ));
        }
        let def = format!(
            "suite = 's'\ncomponents = ['main']\narch = 'amd64'\nsnapshot = 'x'\nsigned-by = ['{}']\npackages = ['a', 'b']\n\
             drop = ['usr/share/doc/**']\nlinks = {{ 'usr/bin/also' = 'tool' }}\n",
            "A".repeat(40)
        );
        let name = SeedName::default();
        let (def, lock) = (SeedDef::parse(&def, &name).unwrap(), SeedLock::parse(&text, &name).unwrap());
        Self { _guard: guard, store, seed: ResolvedSeed::of(&def, &lock), notes: Notes::default() }
    }

    fn ensure(&self) -> Result<Seed> {
        let fetcher = Fetcher::new(&self.store, Mirrors::default(), true, &self.notes)?;
        ensure(&self.store, self.seed.clone(), &fetcher)
    }

    fn distfile(&self) -> Utf8PathBuf {
        self.store.join("distfiles/sha256").join(self.seed.packages[0].sha256.to_string())
    }
}

#[test]
fn the_tree_and_its_digest_are_known() {
    let bench = Bench::new();
    let leftover = Utf8PathBuf::from(format!("{}.new", folder(&bench.store, &bench.seed)));
    fs_err::create_dir_all(leftover.join("tree/usr/half")).unwrap();
    let seed = bench.ensure().unwrap();
    let expected = format!(
        "l bin -> usr/bin\nl lib -> usr/lib\nl lib64 -> usr/lib64\nl sbin -> usr/sbin\nd usr\nd usr/bin\nl usr/bin/also -> tool\n\
         f 755 {} 4 usr/bin/tool\nd usr/lib\nf 644 {} 4 usr/lib/data\nl usr/lib/link -> data\n",
        Digest::of("tool"),
        Digest::of("data")
    );
    assert_eq!(fs_err::read_to_string(seed.dir().join("manifest")).unwrap(), expected);
    assert_eq!(seed.digest, Digest::of(expected));
    assert!(!leftover.exists() && damage(&seed.dir(), &seed.digest).unwrap().is_empty());
    // Another process with the same lock needs no package any more.
    fs_err::remove_file(bench.distfile()).unwrap();
    assert_eq!(bench.ensure().unwrap().digest, seed.digest);
}

#[test]
fn a_lock_that_says_another_tree_is_refused() {
    let mut bench = Bench::new();
    bench.seed.tree = Some(Digest::of("other"));
    let error = bench.ensure().unwrap_err().to_string();
    assert!(error.contains("seed.lock says") && error.contains("cargo xtask seed lock"), "{error}");
}

#[test]
fn damage_is_found_named_and_repaired() {
    let bench = Bench::new();
    let tree = bench.ensure().unwrap().tree;
    let harm = |seed: &Seed| {
        fs_err::write(tree.join("usr/bin/tool"), "t0ol").unwrap();
        fs_err::set_permissions(tree.join("usr/lib/data"), std::fs::Permissions::from_mode(0o755)).unwrap();
        fs_err::remove_file(tree.join("usr/lib/link")).unwrap();
        fs_err::write(tree.join("usr/new"), "").unwrap();
        damage(&seed.dir(), &seed.digest).unwrap()
    };
    let seed = bench.ensure().unwrap();
    assert_eq!(
        harm(&seed),
        [
            "usr/bin/tool was changed",
            "usr/lib/data was changed",
            "usr/lib/link is missing",
            "usr/new does not belong there"
        ]
    );
    assert_eq!(seed.verified(&bench.notes).unwrap(), tree);
    assert!(damage(&seed.dir(), &seed.digest).unwrap().is_empty());
    let notes = bench.notes.0.lock().unwrap().join("\n");
    assert!(notes.contains("the seed env was damaged (4 paths: usr/bin/tool was changed;"), "{notes}");
    // Verified once per process: later damage is the next process's to find.
    fs_err::write(tree.join("usr/new"), "").unwrap();
    assert_eq!(seed.verified(&bench.notes).unwrap(), tree);
    fs_err::write(seed.dir().join("manifest"), "d usr\n").unwrap();
    assert_eq!(damage(&seed.dir(), &seed.digest).unwrap(), ["the manifest was changed"]);
    fs_err::remove_file(seed.dir().join("manifest")).unwrap();
    assert_eq!(damage(&seed.dir(), &seed.digest).unwrap(), ["the manifest is missing"]);
}

#[test]
fn a_missing_package_is_named() {
    let bench = Bench::new();
    fs_err::remove_file(bench.distfile()).unwrap();
    let error = bench.ensure().unwrap_err().to_string();
    assert!(error.contains("a.deb (sha256") && error.contains("--offline"), "{error}");
}
