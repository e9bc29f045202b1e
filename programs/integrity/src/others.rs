//! NetBSD's `mtree` and libarchive's `bsdtar` read what is written here: `cargo test -p integrity -- --ignored` where they are
//! installed.

use std::fs;
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::{scan, spec};

/// A directory and its specification, gone when the test is over.
struct Place {
    dir: PathBuf,
    file: PathBuf,
    _room: testkit::TempDir,
}

/// A directory with names and targets that mean something to readers of mtree(5), and its specification. The names have each byte
/// but those `without`.
fn place(name: &str, without: &[u8]) -> Place {
    let place = testkit::TempDir::new(&format!("integrity-others-{name}"));
    let dir = place.join("dir");
    fs::create_dir_all(dir.join("home/ada/.ssh")).unwrap();
    for byte in (1u8..=255).filter(|byte| *byte != b'/' && !without.contains(byte)) {
        let name = std::ffi::OsString::from_vec(vec![b'a', byte, b'0', byte]);
        fs::write(dir.join(&name), [byte]).unwrap();
        symlink(&name, dir.join("home").join(&name)).unwrap();
    }
    fs::create_dir(dir.join("home/a b")).unwrap();
    fs::write(dir.join("home/a b/c#d"), "content").unwrap();
    fs::write(dir.join("home/a!"), "content").unwrap();
    sys::make_pipe(&dir.join("pipe")).unwrap();
    let file = place.join("spec");
    write(&dir, &file);
    Place { dir, file, _room: place }
}

fn write(dir: &Path, file: &Path) {
    fs::write(file, spec::to_text(&scan::whole(dir, None).unwrap())).unwrap();
}

/// What a program says.
fn ask(program: &str, words: &[&str], file: &Path, dir: &Path) -> Output {
    Command::new(program).args(words).arg("-f").arg(file).current_dir(dir).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
#[ignore = "needs mtree of NetBSD and bsdtar of libarchive"]
fn mtree_of_netbsd_finds_what_differs_and_nothing_else() {
    // To it such a name is a pattern, also in specifications of its own.
    let place = place("mtree", b"*?[");
    let (dir, file) = (&place.dir, &place.file);
    let said = ask("mtree", &[], file, dir);
    assert_eq!((text(&said.stdout), text(&said.stderr), said.status.code()), (String::new(), String::new(), Some(0)));
    fs::write(dir.join("home/a b/c#d"), "another").unwrap();
    fs::write(dir.join("home/ada/.ssh/new"), "").unwrap();
    fs::remove_file(dir.join("pipe")).unwrap();
    let said = ask("mtree", &[], file, dir);
    assert_eq!(said.status.code(), Some(2));
    let said = text(&said.stdout);
    assert!(said.contains("extra: home/ada/.ssh/new\n") && said.contains("missing: ./pipe\n"), "{said}");
    assert!(said.contains("home/a b/c#d") && said.contains("\tsha256 (0x"), "{said}");
    assert_eq!(said.lines().count(), 4, "{said}");
}

#[test]
#[ignore = "needs mtree of NetBSD and bsdtar of libarchive"]
fn what_is_only_on_the_way_and_what_is_not_looked_into() {
    let place = place("way", b"");
    let (dir, file) = (&place.dir, &place.file);
    let mut state = scan::whole(dir, None).unwrap();
    state.retain(|path, _| path.starts_with(b"/home/ada/.ssh"));
    state.get_mut(&b"/home/ada/.ssh"[..]).unwrap().content = crate::entry::Content::TooMany;
    fs::write(file, spec::to_text(&state)).unwrap();
    fs::write(dir.join("home/ada/.ssh/new"), "").unwrap();
    let said = ask("mtree", &["-e"], file, dir);
    assert_eq!((text(&said.stdout), said.status.code()), (String::new(), Some(0)));
    let said = ask("bsdtar", &["-t"], file, dir);
    assert_eq!(text(&said.stdout), ".\n./home\n./home/ada\n./home/ada/.ssh\n");
    assert_eq!((text(&said.stderr), said.status.code()), (String::new(), Some(0)));
}

#[test]
#[ignore = "needs mtree of NetBSD and bsdtar of libarchive"]
fn bsdtar_lists_the_same_paths() {
    let place = place("bsdtar", b"");
    let (dir, file) = (&place.dir, &place.file);
    let said = ask("bsdtar", &["-t"], file, dir);
    assert_eq!((text(&said.stderr), said.status.code()), (String::new(), Some(0)));
    let listed = text(&said.stdout).lines().count();
    assert_eq!(listed, scan::whole(dir, None).unwrap().len(), "{}", text(&said.stdout));
}
