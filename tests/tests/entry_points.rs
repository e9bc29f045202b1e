//! The entry points (build.sh and its like): thin, and in step with what they stand for.
#![expect(clippy::disallowed_methods, reason = "these tests start the entry points as a user does")]
#![expect(clippy::unwrap_used, reason = "all of this is test code")]

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

use ashlar_core::model::hosttools::{self, Distro, Need, TOOLS};

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

fn read(name: &str) -> String {
    std::fs::read_to_string(root().join(name)).unwrap()
}

/// Runs build.sh with a `cargo` that only writes down its arguments, and fails when they contain `fails_at`.
fn build_sh(args: &[&str], fails_at: &str) -> (Output, Vec<String>) {
    let dir = tempfile::tempdir().unwrap();
    let script = format!("#!/bin/sh\necho \"$*\" >> \"$0.log\"\ncase \"$*\" in *'{fails_at}'*) exit 30 ;; esac\n");
    let cargo = dir.path().join("cargo");
    std::fs::write(&cargo, script).unwrap();
    std::fs::set_permissions(&cargo, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", dir.path().display(), std::env::var("PATH").unwrap());
    let output = Command::new(root().join("build.sh")).args(args).current_dir("/").env("PATH", path).output().unwrap();
    let log = std::fs::read_to_string(dir.path().join("cargo.log")).unwrap_or_default();
    (output, log.lines().map(str::to_owned).collect())
}

#[test]
fn every_target_is_setup_and_then_its_commands() {
    let run = "run --locked --release --package xtask --";
    for (target, commands) in [
        ("iso", vec![format!("{run} iso")]),
        ("image", vec![format!("{run} image hello")]),
        ("base", vec![format!("{run} image base")]),
        ("check", vec![format!("{run} check")]),
    ] {
        let (output, log) = build_sh(&["--target", target, "--arch", "x86_64"], "nothing fails");
        assert!(output.status.success(), "{target}: {output:?}");
        let expected: Vec<String> = std::iter::once(format!("{run} setup")).chain(commands).collect();
        assert_eq!(log, expected, "{target}");
    }
    let (output, log) = build_sh(&["--target=test", "--arch=x86_64"], "nothing fails");
    assert!(output.status.success());
    assert_eq!(log.first().unwrap(), &format!("{run} setup"));
    assert_eq!(log.last().unwrap(), "test --locked --workspace --release");
}

#[test]
fn a_failing_command_ends_the_script() {
    for (target, fails_at) in [
        ("iso", "setup"),
        ("iso", "-- iso"),
        ("test", "-- check"),
        ("test", "programs/Cargo.toml"),
        ("test", "test --locked --workspace"),
    ] {
        let (output, log) = build_sh(&["--target", target], fails_at);
        assert_eq!(output.status.code(), Some(30), "{target} {fails_at}");
        assert!(log.last().unwrap().contains(fails_at), "{log:?}");
    }
}

#[test]
fn wrong_options_start_nothing() {
    for (args, message) in [
        (vec![], "--target must be one of"),
        (vec!["--target"], "--target must be one of"),
        (vec!["--target", "moon"], "--target must be one of"),
        (vec!["--target", "iso", "--arch", "aarch64"], "only --arch x86_64"),
        (vec!["iso"], "unknown option iso"),
    ] {
        let (output, log) = build_sh(&args, "nothing fails");
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(text.contains(message) && text.contains("usage:") && log.is_empty(), "{args:?}: {text}");
    }
    let (output, log) = build_sh(&["--help"], "nothing fails");
    assert!(output.status.success() && log.is_empty() && output.stdout.starts_with(b"usage:"));
}

#[test]
fn entry_points_are_thin_and_lead_to_one_place() {
    assert!(read("build.sh").lines().count() < 60);
    for script in ["build.ps1", "Jenkinsfile", "Containerfile.builder", ".ci/run"] {
        let text = read(script);
        assert!(text.contains("build.sh"), "{script} does not lead to build.sh");
        assert!(text.lines().count() < 50, "{script} has become long");
        for command in ["xtask iso", "xtask image", "xtask setup"] {
            assert!(!text.contains(command), "{script} goes around build.sh: {command}");
        }
    }
    for script in ["build.sh", ".ci/run", ".ci/changed-packages"] {
        assert!(root().join(script).metadata().unwrap().permissions().mode() & 0o111 == 0o111, "{script}");
    }
}

#[test]
fn the_builder_container_has_what_setup_would_install() {
    let text = read("Containerfile.builder");
    let command = text.split("--no-install-recommends").nth(1).unwrap().split("&&").next().unwrap();
    let installed: Vec<&str> = command.split_whitespace().filter(|word| *word != "\\").collect();
    // It runs as root.
    let tools = TOOLS.iter().filter(|tool| tool.need != Need::UserBuilds);
    let mut wanted = hosttools::packages(Distro::Debian, tools);
    wanted.sort_unstable();
    assert_eq!(installed, wanted);
}

#[test]
fn packages_with_new_lines_of_the_ledger_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let script = root().join(".ci/changed-packages").canonicalize().unwrap();
    let run = |program: &Path, args: &[&str]| {
        let mut command = Command::new(program);
        command.args(args).current_dir(dir.path()).env_remove("ASHLAR_CI_BASE");
        let output = command.env("GIT_CONFIG_GLOBAL", "/dev/null").output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let commit = |lines: &[(&str, char)]| {
        let line = |(name, digit): &(&str, char)| format!("{0} {0} {name}\n", digit.to_string().repeat(64));
        let text: String = lines.iter().map(line).collect();
        std::fs::create_dir_all(dir.path().join("digests")).unwrap();
        std::fs::write(dir.path().join("digests/x86_64.txt"), text).unwrap();
        run(Path::new("git"), &["add", "digests"]);
        let identity = ["-c", "user.name=a", "-c", "user.email=a@b"];
        run(Path::new("git"), &[&identity[..], &["commit", "--quiet", "--message", "x"]].concat());
    };
    run(Path::new("git"), &["init", "--quiet"]);
    commit(&[("zlib", 'a'), ("musl", 'b'), ("image/base", 'c')]);
    assert_eq!(run(&script, &[]), "--all\n");
    commit(&[("zlib", 'a'), ("musl", 'd'), ("image/base", 'e'), ("new-one", 'f')]);
    assert_eq!(run(&script, &[]), "musl\nnew-one\n");
}
