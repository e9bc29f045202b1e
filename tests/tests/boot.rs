//! The ISO starts in all four ways, and the boot test notices when it does not.
//!
//! Needs the ISO (`cargo xtask iso`), QEMU and OVMF; says so and passes where one is missing.
#![expect(clippy::disallowed_methods, reason = "runs xtask as a user does")]
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "all of this is test code")]

use std::process::{Command, Output};
use std::sync::{Mutex, PoisonError};

use camino::{Utf8Path, Utf8PathBuf};
use serde_json::Value;

/// Exit codes of `cargo xtask boot-test`, as README documents them.
const UNCHECKED: i32 = 41;
const FAILED: i32 = 42;

/// The tests take turns: two machines would slow each other down, and the logs of a case have one place.
static TURN: Mutex<()> = Mutex::new(());

fn root() -> Utf8PathBuf {
    Utf8Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Runs the boot test; nothing when it cannot run here.
fn boot_test(args: &[&str]) -> Option<Output> {
    // Without this, a plain `cargo test` would build the whole system first.
    if !root().join("out/ashlar-minimal-x86_64.iso").exists() {
        eprintln!("skipped: there is no ISO; `cargo xtask iso` builds it");
        return None;
    }
    let profile: &[&str] = if cfg!(debug_assertions) { &[] } else { &["--release"] };
    let output = Command::new(env!("CARGO"))
        .current_dir(root())
        .args(["run", "--quiet", "--package", "xtask"])
        .args(profile)
        .args(["--", "boot-test", "--message-format", "json"])
        .args(args)
        .output()
        .unwrap();
    let messages = String::from_utf8_lossy(&output.stderr);
    if output.status.code() == Some(UNCHECKED) {
        let reason = messages.lines().find(|line| line.starts_with("skipped: "));
        eprintln!("{}", reason.expect("a reason is given for what was not checked"));
        return None;
    }
    eprintln!("{messages}");
    Some(output)
}

/// The verdicts among the lines on standard output.
fn verdicts(output: &Output) -> Vec<Value> {
    let text = String::from_utf8_lossy(&output.stdout);
    eprintln!("{text}");
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter(|line| line.get("case").is_some()).collect()
}

#[test]
fn every_case_starts_and_powers_off() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(output) = boot_test(&[]) else { return };
    let verdicts = verdicts(&output);
    let cases: Vec<&str> = verdicts.iter().map(|verdict| verdict["case"].as_str().unwrap()).collect();
    assert_eq!(cases, ["uefi-cd", "uefi-disk", "bios-cd", "bios-disk"]);
    for verdict in &verdicts {
        assert_eq!(verdict["ok"], true, "{verdict:#}");
        assert!(verdict["seconds_to_login"].as_f64().unwrap() > 0.0);
        let facts = verdict["facts"].as_array().unwrap();
        for name in ["firmware", "kernel release", "PID 1", "root file system", "a command's output"] {
            assert!(facts.iter().any(|fact| fact["name"] == name && fact["ok"] == true), "{name}: {verdict:#}");
        }
        let log = std::fs::read_to_string(verdict["log"].as_str().unwrap()).unwrap();
        assert!(log.contains("ashlar login:") && !log.contains('\u{1b}'));
    }
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn a_machine_without_time_to_start_has_failed() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(output) = boot_test(&["bios-cd", "--timeout", "1"]) else { return };
    assert_eq!(output.status.code(), Some(FAILED));
    let verdicts = verdicts(&output);
    assert_eq!(verdicts.len(), 1);
    let failure = verdicts[0]["failure"].as_str().unwrap();
    assert!(failure.contains("waited 1 s for `ashlar login:`"), "{failure}");
}
