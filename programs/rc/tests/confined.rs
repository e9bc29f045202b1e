//! Services with a profile of `confine`, with a program in its place.

#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

mod common;

use common::service::{pid, root, run, runs};
use std::fs;

/// Stands in for `confine`: records its arguments and becomes the daemon, or refuses as its profile says.
const CONFINE: &str = r#"#!/bin/sh
echo "$*" >> "$RC_TEST_ROOT/confined"
if grep -q refuse "$2"; then
	eval "echo 'the profile says no' >&$8"
	exit 125
fi
eval "exec $8>&-"
shift 9
exec "$@"
"#;

#[test]
fn a_daemon_with_a_profile_is_started_by_confine() {
    let root = root("confine", "");
    root.script(
        "kept",
        "command=/bin/sleep\ncommand_args=1000\ncommand_background=yes\npidfile=$RC_TEST_ROOT/run/kept.pid\n",
    );
    root.script("watched", "command=/bin/sleep\ncommand_args=1000\nsupervisor=supervise-daemon\n");
    for directory in ["etc/confine", "usr/lib/confine", "usr/bin"] {
        fs::create_dir_all(root.0.join(directory)).unwrap();
    }
    root.program("usr/bin/confine", CONFINE);
    fs::write(root.0.join("usr/lib/confine/default.toml"), "").unwrap();
    fs::write(root.0.join("usr/lib/confine/watched.toml"), "").unwrap();
    for service in ["kept", "watched"] {
        let (code, said) = run(&root, "/bin/sh", service, "start");
        assert_eq!(code, 0, "{said}");
        assert_eq!(run(&root, "/bin/sh", service, "status").0, 0);
    }
    let place = root.0.display();
    let words = root.read("confined");
    let lines: Vec<&str> = words.lines().collect();
    for (line, service, profile) in [(lines[0], "kept", "default"), (lines[1], "watched", "watched")] {
        let begin = format!(
            "--profile {place}/usr/lib/confine/{profile}.toml --service {service} --argv0 /bin/sleep --report-to "
        );
        assert!(line.starts_with(&begin) && line.contains(" -- /bin/sleep 1000"), "{line}");
    }
    // The recorded PID is the daemon's own, so it is stopped.
    let number = pid(&root, "run/kept.pid");
    assert!(runs(&number));
    for service in ["kept", "watched"] {
        assert_eq!(run(&root, "/bin/sh", service, "stop").0, 0);
    }
    assert!(!runs(&number));
    // A profile that cannot be applied is a failed start, and its message is printed.
    fs::write(root.0.join("etc/confine/kept.toml"), "refuse").unwrap();
    fs::write(root.0.join("etc/confine/watched.toml"), "refuse").unwrap();
    for service in ["kept", "watched"] {
        let (code, said) = run(&root, "/bin/sh", service, "start");
        assert_eq!(code, 1, "{said}");
        assert!(said.contains("the profile says no"), "{said}");
    }
    assert!(root.state("started").is_empty());
}
