//! With `--message-format json`, every line on standard output is one JSON object, whatever the command and however it ends.
#![allow(clippy::unwrap_used, reason = "all of this is test code")]

use std::fs;

use ashlar_tests::checkout::{Checkout, Ended};
use serde_json::Value;

/// Runs a command for a program; gives its objects.
fn objects(checkout: &Checkout, code: i32, args: &[&str]) -> Vec<Value> {
    let Ended { code: ended, stdout, stderr } = checkout.run(&[args, &["--message-format", "json"]].concat());
    assert_eq!(ended, Some(code), "{stdout}{stderr}");
    assert_eq!(stderr, "", "a program reads one stream");
    let object = |line: &str| {
        let value: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(value.is_object(), "{line}");
        value
    };
    stdout.lines().map(object).collect()
}

/// The kinds of the events, in their order, each once.
fn kinds(objects: &[Value]) -> Vec<&str> {
    let mut kinds: Vec<&str> = objects.iter().filter_map(|object| object["event"].as_str()).collect();
    kinds.dedup();
    kinds
}

#[test]
fn builds_say_what_happens_and_what_was_made() {
    let Some(checkout) = Checkout::new() else { return };
    let built = objects(&checkout, 0, &["build-pkg", "clean"]);
    assert!(kinds(&built).contains(&"built") && kinds(&built).contains(&"progress"), "{built:?}");
    let made = built.last().unwrap();
    let head = (made["event"].as_str(), made["what"].as_str(), made["name"].as_str());
    assert_eq!(head, (Some("made"), Some("package"), Some("clean")));
    assert_eq!(made["digest"].as_str().unwrap().len(), 64);
    let again = objects(&checkout, 0, &["build-pkg", "clean"]);
    assert_eq!(kinds(&again), ["cached", "progress", "made"]);
    assert_eq!(again.last().unwrap()["digest"], made["digest"]);
    let verdict = objects(&checkout, 0, &["verify-repro", "clean"]);
    assert!(verdict.iter().any(|object| object["event"] == "verdict" && object["name"] == "clean"), "{verdict:?}");
}

#[test]
fn results_that_are_text_are_objects_too() {
    let Some(checkout) = Checkout::new() else { return };
    let image = "summary = \"I\"\npackages = [\"clean\"]\ncmd = [\"/usr/bin/clean\"]\nuser = \"1:1\"\n";
    fs::create_dir_all(checkout.root().join("images/small")).unwrap();
    fs::write(checkout.root().join("images/small/image.toml"), image).unwrap();
    let made = objects(&checkout, 0, &["image", "small"]);
    let made = made.last().unwrap();
    assert_eq!((made["what"].as_str(), made["name"].as_str()), (Some("image"), Some("small")));
    assert!(made["manifest"].is_string() && made["path"].is_string() && made["bytes"].is_u64(), "{made}");
    for args in [
        &["why", "clean"][..],
        &["why", "image", "small"],
        &["log", "clean"],
        &["graph"],
        &["build-pkg", "clean", "--print-plan"],
        &["build-pkg", "clean", "--print-plan=json"],
        &["build-pkg", "clean", "--print-plan=containerfile"],
        &["image", "small", "--print-plan=json"],
        &["export", "clean", "exported"],
        &["man"],
        &["completions", "bash"],
        &["gc"],
    ] {
        assert!(!objects(&checkout, 0, args).is_empty(), "{args:?}");
    }
}

#[test]
fn findings_and_errors_are_objects_with_their_exit_code() {
    let Some(checkout) = Checkout::new() else { return };
    let failed = objects(&checkout, 30, &["build-pkg", "broken"]);
    let error = failed.last().unwrap();
    assert_eq!((error["event"].as_str(), error["exit"].as_u64()), (Some("error"), Some(30)));
    assert_eq!(error["message"], "cannot build broken 1");
    assert!(error["log"].is_string() && error["command"].is_string(), "{error}");
    let unknown = objects(&checkout, 2, &["build-pkg", "cleam"]);
    assert_eq!((unknown.len(), unknown[0]["exit"].as_u64()), (1, Some(2)));
    let usage = objects(&checkout, 2, &["build-package"]);
    assert_eq!((usage.len(), usage[0]["event"].as_str()), (1, Some("error")));
    checkout.edit("clean", "license = \"MIT\"", "licence = \"MIT\"\nzzz = 1");
    let found = objects(&checkout, 10, &["check"]);
    assert_eq!(kinds(&found), ["finding", "error"]);
    let finding = &found[0];
    assert_eq!((finding["code"].as_str(), finding["severity"].as_str()), (Some("recipe::unknown-key"), Some("error")));
    assert_eq!((finding["file"].as_str(), finding["line"].as_u64()), (Some("pkgs/clean/pkg.toml"), Some(4)));
    assert!(finding["help"].is_string() && finding["message"].is_string(), "{finding}");
    // The same is a warning for what does not need it.
    let other = objects(&checkout, 0, &["build-pkg", "chain-lib"]);
    assert_eq!((other[0]["event"].as_str(), other[0]["severity"].as_str()), (Some("finding"), Some("warning")));
}
