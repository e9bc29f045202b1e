//! The ISO starts in every way, can be used over SSH, and the boot test notices when it does not.
//!
//! Needs the ISO (`cargo xtask iso`), QEMU, OVMF and an SSH client; says so and passes where one is missing.
#![expect(clippy::disallowed_methods, reason = "runs xtask as a user does")]
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "all of this is test code")]

use std::collections::BTreeSet;
use std::process::{Command, Output};
use std::sync::{Mutex, PoisonError};

use ashlar_core::model::hardening::options;
use ashlar_lab::scenario::{self, Target};
use camino::{Utf8Path, Utf8PathBuf};
use serde_json::Value;

/// Exit codes of `cargo xtask boot-test`, as docs/cli.md documents them.
const UNCHECKED: i32 = 41;
const FAILED: i32 = 42;

/// The tests take turns: two machines would slow each other down, and the logs of a scenario have one place.
static TURN: Mutex<()> = Mutex::new(());

fn root() -> Utf8PathBuf {
    Utf8Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Whether this is a run of `./build.sh --target test-all`.
fn all() -> bool {
    std::env::var_os("ASHLAR_TEST_ALL").is_some()
}

/// Runs the boot test; nothing when it cannot run here.
fn boot_test(args: &[&str]) -> Option<Output> {
    // Without this, a plain `cargo test` would build the whole system first.
    if !root().join("out/ashlar-minimal-x86_64.iso").exists() {
        testkit::skipped("there is no ISO; `cargo xtask iso` builds it");
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
        let reason = messages.lines().find_map(|line| line.strip_prefix("skipped: "));
        testkit::skipped(reason.expect("a reason is given for what was not checked"));
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
    lines.filter(|line| line.get("scenario").is_some()).collect()
}

#[test]
fn every_scenario_holds() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let (target, short): (_, &[_]) = if all() { (Target::TestAll, &[]) } else { (Target::Test, &["--short"]) };
    let Some(output) = boot_test(&[&["--timeout", "480", "--machines", "2"], short].concat()) else { return };
    let verdicts = verdicts(&output);
    let names: BTreeSet<&str> = verdicts.iter().map(|verdict| verdict["name"].as_str().unwrap()).collect();
    assert_eq!(names, scenario::names(target).into_iter().collect());
    for verdict in &verdicts {
        assert_eq!(verdict["ok"], true, "{verdict:#}");
        assert!(verdict["seconds_to_answer"].as_f64().unwrap() > 0.0);
        // At least one thing was looked at: a scenario that asks nothing shows nothing.
        assert!(!verdict["facts"].as_array().unwrap().is_empty(), "{verdict:#}");
        let log = std::fs::read_to_string(verdict["log"].as_str().unwrap()).unwrap();
        assert!(!log.is_empty() && !log.contains('\u{1b}'));
    }
    for (name, fact) in [
        ("uefi-cd", "root file system"),
        ("bios-disk", "lockdown"),
        ("ssh", "scp there and back"),
        ("ssh", "password refused"),
        ("reboot", "the mark is gone"),
        ("unconfigured", "nobody on port 22"),
        ("no-dhcp", "no address"),
        ("bad-services", "crashing gave up"),
        ("outside", "all TCP ports over IPv6"),
        ("without-3-network", "layers with promises"),
        ("audited", "root loads a module"),
        ("audited", "with room it records again"),
    ] {
        // The other target has the others.
        if !names.contains(name) {
            continue;
        }
        let verdict = verdicts.iter().find(|verdict| verdict["name"] == name).unwrap();
        let facts = verdict["facts"].as_array().unwrap();
        assert!(facts.iter().any(|seen| seen["name"] == fact && seen["ok"] == true), "{name}, {fact}: {verdict:#}");
    }
    assert_eq!(output.status.code(), Some(0));
}

/// The short form of a hundred starts in a row on a busy host, `cargo xtask boot-test layers --repeat 100 --load 2`.
#[test]
fn starts_in_a_row_all_hold() {
    if !all() {
        return eprintln!("`./build.sh --target test-all` runs this");
    }
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(output) = boot_test(&["layers", "--repeat", "2", "--load", "2", "--timeout", "480"]) else { return };
    let verdicts = verdicts(&output);
    let names: Vec<&str> = verdicts.iter().map(|verdict| verdict["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["layers.1", "layers.2"]);
    assert!(verdicts.iter().all(|verdict| verdict["ok"] == true), "{verdicts:#?}");
}

#[test]
fn a_machine_without_time_to_start_has_failed() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(output) = boot_test(&["bios-cd", "--timeout", "1"]) else { return };
    assert_eq!(output.status.code(), Some(FAILED));
    let verdicts = verdicts(&output);
    assert_eq!(verdicts.len(), 1);
    let failure = verdicts[0]["failure"].as_str().unwrap();
    assert!(failure.contains("waited 1 s for the SSH banner") || failure.contains("nothing greeted"), "{failure}");
}

/// The machine of the scenario `options` has every option that there is.
#[test]
fn the_options_profile_has_all_options() {
    let text = std::fs::read_to_string(root().join("tests/iso/test-options/profile.toml")).unwrap();
    let profile: toml::Table = text.parse().unwrap();
    let listed: Vec<&str> = profile["options"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    let layers = Utf8PathBuf::from("hardening/layers.toml");
    let words = std::fs::read_to_string(root().join(&layers)).unwrap();
    let options = options::names(&[(layers, words)].into()).unwrap();
    assert!(!options.is_empty());
    assert_eq!(listed, options);
}
