//! Confines real programs on this machine, as far as its kernel and rights reach; says what is skipped, and why.
#![expect(clippy::unwrap_used, reason = "all of this is test code")]
#![allow(clippy::print_stderr)]

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const CONFINE: &str = env!("CARGO_BIN_EXE_confine");
const MISBEHAVE: &str = env!("CARGO_BIN_EXE_misbehave");

/// A place for one test that no profile hides.
fn room(name: &str) -> PathBuf {
    let root = if is_root() { Path::new("/run") } else { Path::new(env!("CARGO_TARGET_TMPDIR")) };
    let room = root.join(format!("confine-test-{}", std::process::id())).join(name);
    fs::create_dir_all(&room).unwrap();
    room
}

fn is_root() -> bool {
    fs::metadata("/proc/self").unwrap().uid() == 0
}

/// A program of these tests may be linked with libraries, where the distribution's are not.
const LOADER: &str = "[[grant]]\nreason = \"Shared libraries\"\nexecute = [\"-/lib\", \"-/lib64\", \"-/usr/lib\"]\n";

fn confined(name: &str, profile: &str, command: &[&str]) -> Output {
    let room = room(name);
    let file = room.join("test.toml");
    fs::write(&file, format!("summary = \"Test\"\n{profile}\n{LOADER}")).unwrap();
    // Where cargo puts it may be hidden.
    let program = room.join("misbehave");
    fs::copy(MISBEHAVE, &program).unwrap();
    let (first, others) = command.split_first().unwrap();
    let mut confined = Command::new(CONFINE);
    confined.arg("--profile").arg(&file).arg("--").arg(if *first == MISBEHAVE {
        program.as_path()
    } else {
        Path::new(first)
    });
    confined.args(others);
    // Another test's new process may hold the copy open for writing, until it becomes its program.
    let mut output = confined.output().unwrap();
    while String::from_utf8_lossy(&output.stderr).contains("Text file busy") {
        output = confined.output().unwrap();
    }
    fs::remove_dir_all(&room).unwrap();
    // The last test's removal succeeds.
    drop(fs::remove_dir(room.parent().unwrap()));
    output
}

/// What a test's profile uses of the host's, where the test has no rights to make its own.
const SYSTEM: &str = r#"host = ["devices", "home", "host-name", "ipc", "kernel", "mounts", "network", "tmp"]"#;

/// Whether this machine can do all of it: root with its rights, Landlock, namespaces.
fn can(test: &str, grant: &str) -> bool {
    let output = confined(test, &format!("[[grant]]\nreason = \"Test\"\n{grant}\n"), &[MISBEHAVE]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    let beyond = ["Landlock cannot be set up", "cannot make namespaces", "Operation not permitted"];
    let reason = beyond.iter().find(|reason| stderr.contains(**reason));
    if !is_root() || reason.is_some() {
        testkit::skipped(format_args!("{test}: this needs root, and a kernel and container that let it: {stderr}"));
        return false;
    }
    assert!(!stderr.starts_with("confine: "), "{stderr}");
    true
}

/// Lines of an attempt that was refused, or got through.
fn outcome(output: &Output, name: &str) -> String {
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().find(|line| line.split_whitespace().next() == Some(name));
    line.unwrap_or_else(|| panic!("no line {name} in {text}{}", String::from_utf8_lossy(&output.stderr))).to_owned()
}

#[test]
fn nothing_granted_nothing_possible() {
    if !can("nothing_granted_nothing_possible", "") {
        return;
    }
    let output = confined("nothing", "", &[MISBEHAVE]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && !text.contains("NOT REFUSED"), "{text}");
    assert!(text.lines().count() > 40, "{text}");
}

#[test]
fn without_own_mounts_landlock_and_the_filter_hold() {
    if !can("without_own_mounts_landlock_and_the_filter_hold", SYSTEM) {
        return;
    }
    let output = confined("shared", &format!("[[grant]]\nreason = \"Test\"\n{SYSTEM}\n"), &[MISBEHAVE]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && !text.contains("NOT REFUSED"), "{text}");
}

#[test]
fn each_grant_opens_what_it_names_and_no_more() {
    if !can("each_grant_opens_what_it_names_and_no_more", SYSTEM) {
        return;
    }
    let cases = [
        ("read = [\"/etc/shadow\"]", "read-shadow"),
        ("allow = [\"write-execute\"]", "write-execute execute-memory"),
        ("allow = [\"personality\"]", "personality"),
        ("allow = [\"set-id-bits\"]", "set-id-bit"),
        ("calls = [\"memfd\"]", "unnamed-file"),
        ("calls = [\"process\"]\nexecute = [\"/usr\", \"-/lib\", \"-/lib64\"]", "shell"),
        ("calls = [\"identity\"]\ncapabilities = [\"CAP_SETUID\"]", "become-user"),
        ("calls = [\"chroot\"]\ncapabilities = [\"CAP_SYS_CHROOT\"]", "chroot"),
        ("sockets = [\"inet\"]\nbind = [2222]", "listen"),
    ];
    // A build container has no passwords.
    let is_there = |opened: &str| opened != "read-shadow" || Path::new("/etc/shadow").exists();
    for (grant, opened) in cases.into_iter().filter(|(_, opened)| is_there(opened)) {
        let profile = format!("[[grant]]\nreason = \"Test\"\n{SYSTEM}\n{grant}\n");
        let command: Vec<&str> = [MISBEHAVE].into_iter().chain(opened.split(' ')).collect();
        let output = confined("each", &profile, &command);
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(outcome(&output, command[1]).contains("allowed, as granted"), "{grant}: {text}");
        assert!(output.status.success(), "{grant}: {text}");
    }
}

/// A service that may have sockets, and connect to no port, sends without connecting.
#[test]
fn no_connection_is_made_by_sending() {
    let grant = format!("{SYSTEM}\nsockets = [\"inet\"]");
    if !can("no_connection_is_made_by_sending", &grant) {
        return;
    }
    let output = confined("fast-open", &format!("[[grant]]\nreason = \"Test\"\n{grant}\n"), &[MISBEHAVE]);
    for name in ["connect", "fast-open"] {
        let line = outcome(&output, name);
        // By the filter, not by a setting of this machine's kernel.
        assert!(
            line.contains("refused (Operation not permitted") || line.contains("refused (Permission denied"),
            "{line}"
        );
    }
}

/// All calls, sockets and capabilities that a test may have: what is refused now, Landlock or the kernel's own rules refuse.
#[test]
fn landlock_holds_alone() {
    let words = Command::new(CONFINE).arg("--words").output().unwrap();
    let words = String::from_utf8(words.stdout).unwrap();
    let calls = words
        .lines()
        .skip(1)
        .take_while(|line| line.starts_with(' '))
        .filter_map(|line| line.split_whitespace().next());
    let calls: Vec<String> = calls.map(|word| format!("{word:?}")).collect();
    assert!(calls.len() > 30);
    let wide = format!(
        "{SYSTEM}\ncalls = [{}]\nsockets = [\"any\"]\ncapabilities = [\"CAP_DAC_OVERRIDE\", \"CAP_KILL\", \"CAP_SYS_ADMIN\"]",
        calls.join(", ")
    );
    if !can("landlock_holds_alone", &wide) {
        return;
    }
    let output = confined("landlock", &format!("[[grant]]\nreason = \"Test\"\n{wide}\n"), &[MISBEHAVE]);
    for name in [
        "read-shadow",
        "write-usr",
        "write-etc",
        "write-setting",
        "mount",
        "attach",
        "signal",
        "connect",
        "listen",
        "shell",
    ] {
        let line = outcome(&output, name);
        assert!(line.contains("refused"), "{line}");
    }
    assert!(outcome(&output, "unnamed-file").contains("NOT REFUSED"), "the filter is wide open in this test");
}

#[test]
fn the_command_keeps_its_process_its_name_and_its_exit_code() {
    if !can("the_command_keeps_its_process_its_name_and_its_exit_code", SYSTEM) {
        return;
    }
    let grant =
        format!("[[grant]]\nreason = \"Test\"\n{SYSTEM}\ncalls = [\"process\"]\nread = [\"/\"]\nexecute = [\"/\"]\n");
    let output = confined("process", &grant, &["/bin/sh", "-c", "echo $$; umask; ulimit -c; exit 7"]);
    assert_eq!(output.status.code(), Some(7), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout);
    let mut lines = text.lines().skip(1);
    assert_eq!((lines.next(), lines.next()), (Some("0077"), Some("0")), "{text}");
}

/// A process without a login UID can take anybody's. A service has one, so it can take none.
#[test]
fn a_service_cannot_take_a_login_uid() {
    let own = fs::read_to_string("/proc/self/loginuid").unwrap_or_default();
    if own.trim_end() != "4294967295" {
        testkit::skip!("these tests run in the login of `{own}`, which their processes keep");
    }
    let grant = format!("{SYSTEM}\ncalls = [\"process\"]\nread = [\"/\"]\nexecute = [\"/\"]\nwrite = [\"/proc\"]");
    if !can("a_service_cannot_take_a_login_uid", &grant) {
        return;
    }
    let attack = "cat /proc/self/loginuid; echo; echo 1001 > /proc/self/loginuid; cat /proc/self/loginuid";
    let profile = |more: &str| format!("[[grant]]\nreason = \"Test\"\n{grant}\n{more}\n");
    let output = confined("loginuid", &profile(""), &["/bin/sh", "-c", attack]);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "99\n99", "{}", String::from_utf8_lossy(&output.stderr));
    // A service that logs users in sets theirs.
    let output = confined("sets-loginuid", &profile("allow = [\"loginuid\"]"), &["/bin/sh", "-c", attack]);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "4294967295\n1001");
}

#[test]
fn what_cannot_be_done_completely_is_not_started() {
    let cases = [
        ("[[grant]]\nreason = \"Test\"\nread = [\"/no/such/file\"]\n", ":4:9: `/no/such/file` is granted, but: "),
        ("user = \"no-such-user\"\n", ":2:8: user `no-such-user` is not in /etc/passwd"),
        ("[limits]\nmemory = \"64M\"\n", "memory"),
    ];
    if !can("what_cannot_be_done_completely_is_not_started", "") {
        return;
    }
    for (profile, why) in cases {
        let output = confined("closed", profile, &["/bin/echo", "started"]);
        let stderr = String::from_utf8_lossy(&output.stderr);
        if profile.contains("memory") && output.status.success() {
            testkit::skipped("this machine's tests run in a control group with limits of their own");
            continue;
        }
        assert_eq!(output.status.code(), Some(125), "{profile}: {stderr}");
        assert!(output.stdout.is_empty() && stderr.contains(why), "{stderr}");
    }
}
