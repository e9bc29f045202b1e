//! NetBSD's `mtree` and libarchive's `bsdtar` read our specifications: `cargo test -p integrity -- --ignored` where
//! they are installed.

use std::fs;
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::{scan, spec};

/// A temporary directory and its specification.
struct Place {
    dir: PathBuf,
    file: PathBuf,
    _room: testkit::TempDir,
}

/// A directory whose names and targets have a meaning in mtree(5), and its specification. The names have every byte
/// except those in `without`.
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

/// The output of a program.
fn ask(program: &str, words: &[&str], file: &Path, dir: &Path) -> Output {
    Command::new(program).args(words).arg("-f").arg(file).current_dir(dir).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
#[ignore = "needs mtree of NetBSD and bsdtar of libarchive"]
fn mtree_of_netbsd_finds_what_differs_and_nothing_else() {
    // It treats such a name as a pattern, also in its own specifications.
    let place = place("mtree", b"*?[");
    let (dir, file) = (&place.dir, &place.file);
    let output = ask("mtree", &[], file, dir);
    assert_eq!(
        (text(&output.stdout), text(&output.stderr), output.status.code()),
        (String::new(), String::new(), Some(0))
    );
    fs::write(dir.join("home/a b/c#d"), "another").unwrap();
    fs::write(dir.join("home/ada/.ssh/new"), "").unwrap();
    fs::remove_file(dir.join("pipe")).unwrap();
    let output = ask("mtree", &[], file, dir);
    assert_eq!(output.status.code(), Some(2));
    let output = text(&output.stdout);
    assert!(output.contains("extra: home/ada/.ssh/new\n") && output.contains("missing: ./pipe\n"), "{output}");
    assert!(output.contains("home/a b/c#d") && output.contains("\tsha256 (0x"), "{output}");
    assert_eq!(output.lines().count(), 4, "{output}");
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
    let output = ask("mtree", &["-e"], file, dir);
    assert_eq!((text(&output.stdout), output.status.code()), (String::new(), Some(0)));
    let output = ask("bsdtar", &["-t"], file, dir);
    assert_eq!(text(&output.stdout), ".\n./home\n./home/ada\n./home/ada/.ssh\n");
    assert_eq!((text(&output.stderr), output.status.code()), (String::new(), Some(0)));
}

#[test]
#[ignore = "needs mtree of NetBSD and bsdtar of libarchive"]
fn bsdtar_lists_the_same_paths() {
    let place = place("bsdtar", b"");
    let (dir, file) = (&place.dir, &place.file);
    let output = ask("bsdtar", &["-t"], file, dir);
    assert_eq!((text(&output.stderr), output.status.code()), (String::new(), Some(0)));
    let listed = text(&output.stdout).lines().count();
    assert_eq!(listed, scan::whole(dir, None).unwrap().len(), "{}", text(&output.stdout));
}
