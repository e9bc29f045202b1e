//! Real OpenRC and ours answer alike: the short form of `cargo xtask oracle`.
//!
//! Needs root, and Debian's package of OpenRC 0.45.2; says so and passes where one is missing.
#![expect(clippy::disallowed_methods, reason = "runs xtask as a user does")]
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "all of this is test code")]

use std::process::{Command, Output};
use std::sync::{Mutex, PoisonError};

use camino::{Utf8Path, Utf8PathBuf};

/// Exit codes of `cargo xtask`, as README documents them.
const DIFFERS: i32 = 40;
const UNCHECKED: i32 = 41;

/// The tests take turns: there is one root of ours in the store.
static TURN: Mutex<()> = Mutex::new(());

fn root() -> Utf8PathBuf {
    Utf8Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Runs the comparison; nothing when it cannot run here.
fn oracle(args: &[&str]) -> Option<Output> {
    let profile: &[&str] = if cfg!(debug_assertions) { &[] } else { &["--release"] };
    let output = Command::new(env!("CARGO"))
        .current_dir(root())
        .args(["run", "--quiet", "--package", "xtask"])
        .args(profile)
        .args(["--", "oracle"])
        .args(args)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    eprintln!("{text}{}", String::from_utf8_lossy(&output.stderr));
    if output.status.code() == Some(UNCHECKED) {
        let reason = text.lines().find(|line| line.starts_with("skipped: "));
        assert!(reason.is_some(), "a reason is given for what was not compared");
        return None;
    }
    Some(output)
}

/// The figures of the closing line, by the words behind them.
fn figure(output: &Output, name: &str) -> usize {
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().rfind(|line| line.contains(" observations, ")).expect("the closing line");
    let words: Vec<&str> = line.split([' ', ',']).filter(|word| !word.is_empty()).collect();
    let at = words.iter().position(|word| *word == name).unwrap();
    words[at - 1].parse().unwrap()
}

#[test]
fn what_differs_is_explained() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(output) = oracle(&["--short"]) else { return };
    assert_eq!(output.status.code(), Some(0));
    // The shipped scripts are one graph more.
    assert_eq!(figure(&output, "graphs"), 33);
    assert!(figure(&output, "observations") > 3000);
    assert_eq!(figure(&output, "unexplained"), 0);
}

/// Something that answers nothing is noticed, or the comparison shows nothing.
#[test]
fn a_program_that_does_nothing_differs() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(output) = oracle(&["--only", "0", "--rc", "/bin/true"]) else { return };
    assert_eq!(output.status.code(), Some(DIFFERS));
    assert!(figure(&output, "unexplained") > 5);
}
