//! Real OpenRC and ours answer alike: the short forms of `cargo xtask oracle` and `cargo xtask oracle --scripts`.
//!
//! They need root, and Debian's packages of OpenRC: 0.45.2 for graphs, 0.56 for scripts. Where one is missing they say so and
//! pass.
#![expect(clippy::disallowed_methods, reason = "runs xtask as a user does")]
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "all of this is test code")]

use std::process::{Command, Output};
use std::sync::{Mutex, PoisonError};

use camino::{Utf8Path, Utf8PathBuf};

/// Exit codes of `cargo xtask`, as docs/cli.md documents them.
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
        let reason = text.lines().find_map(|line| line.strip_prefix("skipped: "));
        testkit::skipped(reason.expect("a reason is given for what was not compared"));
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

/// Daemons are what their scripts say: who they are, what they see, what they leave.
#[test]
fn what_differs_in_daemons_is_explained() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(output) = oracle(&["--scripts", "--short"]) else { return };
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(figure(&output, "scripts"), 32);
    assert!(figure(&output, "observations") > 5000);
    assert_eq!(figure(&output, "unexplained"), 0);
}

/// A system that starts no daemon is noticed in the first script already.
#[test]
fn a_program_that_starts_no_daemon_differs() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(output) = oracle(&["--scripts", "--only", "0", "--rc", "/bin/true"]) else { return };
    assert_eq!(output.status.code(), Some(DIFFERS));
    assert!(figure(&output, "unexplained") > 5);
}

/// Something that answers nothing is noticed, or the comparison shows nothing.
#[test]
fn a_program_that_does_nothing_differs() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(output) = oracle(&["--only", "0", "--rc", "/bin/true"]) else { return };
    assert_eq!(output.status.code(), Some(DIFFERS));
    assert!(figure(&output, "unexplained") > 5);
}
