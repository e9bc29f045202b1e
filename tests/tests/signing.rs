//! A signed ISO as its owner makes it and as anybody verifies it. That firmware starts it is shown by `boot-test secure-boot`.
#![expect(clippy::disallowed_methods, reason = "starts programs as a user does")]
#![expect(clippy::unwrap_used, reason = "all of this is test code")]

use std::process::{Command, Output};

use ashlar_tests::checkout::{program, repository};
use camino::Utf8PathBuf;

const ISO: &str = "out/ashlar-minimal-x86_64.iso";

fn xtask(args: &[&str]) -> Output {
    Command::new(program()).args(args).current_dir(repository()).output().unwrap()
}

/// Runs a command that must end with `code`; gives what it printed on both streams.
fn ended(code: i32, args: &[&str]) -> String {
    let Output { status, stdout, stderr } = xtask(args);
    let text = format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert_eq!(status.code(), Some(code), "{args:?}: {text}");
    text
}

#[test]
fn a_signed_iso_is_this_trees_iso_and_a_signature() {
    if !program().is_file() || !repository().join(ISO).is_file() {
        testkit::skipped(format_args!("{ISO} is not there; ./build.sh --target test builds it first"));
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let dir = Utf8PathBuf::from_path_buf(dir.path().to_owned()).unwrap();
    let [keys, first, second] = ["keys", "first.iso", "second.iso"].map(|name| dir.join(name).into_string());
    ended(0, &["keys", "new", &keys]);
    assert!(ended(2, &["keys", "new", "out/keys"]).contains("is inside the checkout"));
    for output in [&first, &second] {
        ended(0, &["iso", "--sign", &keys, "--output", output]);
    }
    let mut bytes = std::fs::read(&first).unwrap();
    assert!(bytes == std::fs::read(&second).unwrap(), "signing twice gives two files");
    assert!(bytes != std::fs::read(repository().join(ISO)).unwrap(), "the signed ISO is the unsigned one");
    let told = ended(0, &["verify-repro", "iso", "--signed", &first]);
    assert!(told.contains("iso/minimal: reproduced"), "{told}");

    // Outside of what is signed: the medium around the program.
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(&first, &bytes).unwrap();
    let told = ended(40, &["verify-repro", "iso", "--signed", &first]);
    assert!(told.contains(&format!("another byte at {last}")), "{told}");
    // Within.
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&first, &bytes).unwrap();
    assert!(ended(40, &["verify-repro", "iso", "--signed", &first]).contains("it was changed after it was signed"));
    let told = ended(40, &["verify-repro", "iso", "--signed", ISO]);
    assert!(told.contains("has no signed EFI program"), "{told}");
}
