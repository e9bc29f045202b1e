//! Another build of the compiler makes the same bytes, and one that makes others is found out.
#![expect(clippy::disallowed_methods, reason = "runs the program as a person does")]
#![expect(clippy::unwrap_used, reason = "all of this is test code")]

use std::process::Command;

use ashlar_tests::checkout::{Ended, names, program, real_store, repository};
use camino::Utf8Path;

/// A library for the system, 32-bit code for BIOS, and a program for UEFI.
const SAMPLE: [&str; 3] = ["zlib", "grub-bios", "systemd-stub"];

/// Whether the system was built, so that each package of the sample is compared and nothing else is built; said aloud if not.
fn ready() -> bool {
    let built = program().is_file() && repository().join("out/ashlar-minimal-x86_64.iso").is_file();
    if !built {
        testkit::skipped("the ISO is not built; ./build.sh --target test builds it first");
    }
    built
}

fn run(root: &Utf8Path, args: &[&str]) -> Ended {
    eprintln!("$ cargo xtask {}", args.join(" "));
    let mut command = Command::new(program());
    Ended::of(command.args(args).current_dir(root).env_remove("CARGO_MANIFEST_DIR").output().unwrap())
}

#[test]
fn two_unrelated_compilers_make_the_same_bytes() {
    if !ready() {
        return;
    }
    for package in SAMPLE {
        let ended = run(&repository(), &["verify-repro", package, "--seed", "zig", "--all-cores"]);
        let told = ended.told(0, &["second build: the seed `zig`, another store"]);
        assert!(told.stdout.starts_with(&format!("{package}: reproduced\n")), "{}", told.stdout);
    }
}

/// In place of a back door: a compiler that does something of its own to whatever it compiles. One that leaves a hardening flag out
/// is met by the output lints before anything is compared.
#[test]
fn a_planted_difference_is_named_by_package_file_and_bytes() {
    if !ready() {
        return;
    }
    let guard = tempfile::tempdir().unwrap();
    let root = Utf8Path::from_path(guard.path()).unwrap();
    for name in names(&repository()).iter().filter(|name| !["target", "out", ".git"].contains(&name.as_str())) {
        let copied = Command::new("cp").args(["-a", repository().join(name).as_str(), root.as_str()]).status().unwrap();
        assert!(copied.success());
    }
    let folder = root.join("toolchain/seeds/planted");
    std::fs::rename(root.join("toolchain/seeds/zig"), &folder).unwrap();
    let script = std::fs::read_to_string(folder.join("clang")).unwrap();
    let planted = script
        .replace("$target \"$@\"", "$target \"$@\" -fno-optimize-sibling-calls -Wno-unused-command-line-argument");
    assert_ne!(planted, script);
    std::fs::write(folder.join("clang"), planted).unwrap();
    drop(run(root, &["seed", "lock", "--seed", "planted"]).good());
    let ended = run(root, &["verify-repro", "zlib", "--seed", "planted", "--all-cores"]);
    forget(&folder);
    assert_eq!(ended.code, Some(40), "{}", ended.stderr);
    assert!(
        ended.stdout.contains("zlib: NOT reproduced, ") && ended.stdout.contains("usr/lib/libz.a: "),
        "{}",
        ended.stdout
    );
    assert!(ended.stdout.contains("first difference at byte "), "{}", ended.stdout);
}

/// Removes the unpacked seed from the store, which is the user's own.
fn forget(folder: &Utf8Path) {
    let lock = std::fs::read_to_string(folder.join("seed.lock")).unwrap();
    let key = lock.lines().find_map(|line| line.strip_prefix("tree-key = ")).unwrap().trim_matches('"').to_owned();
    std::fs::remove_dir_all(real_store().join("seed").join(key)).unwrap();
}
