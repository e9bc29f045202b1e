//! The environment that a service gives its daemon, as in the comparison with OpenRC: limits, groups, variables,
//! directory.

#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

mod common;

use common::service::{pid, root, run, runs, wait_until};
use common::{Root, ended};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

/// In the background, and supervised.
const FORMS: [(&str, &str); 2] = [
    ("background", "command_background=yes\npidfile=$RC_TEST_ROOT/run/background.pid\n"),
    ("supervised", "supervisor=supervise-daemon\n"),
];

/// A root with a service of each form; `lines` is in both scripts.
fn services(name: &str, lines: &str) -> Root {
    let root = root(name, "");
    root.program("daemon", "#!/bin/sh\nwhile :; do sleep 0.1; done\n");
    fs::set_permissions(&root.0, fs::Permissions::from_mode(0o1777)).unwrap();
    for (service, form) in FORMS {
        root.script(service, &format!("command=$RC_TEST_ROOT/daemon\n{form}{lines}"));
    }
    root
}

/// Starts both services, looks at the folder of each daemon in `/proc`, and stops them.
fn look(root: &Root, at: impl Fn(&str, &str)) {
    for (service, file) in
        [("background", "run/background.pid"), ("supervised", "run/openrc/options/supervised/child_pid")]
    {
        let (code, said) = run(root, "/bin/sh", service, "start");
        assert_eq!(code, 0, "{service}: {said}");
        at(service, &format!("/proc/{}", pid(root, file)));
        assert_eq!(run(root, "/bin/sh", service, "stop").0, 0, "{service}");
    }
}

fn text(folder: &str, name: &str) -> String {
    fs::read_to_string(format!("{folder}/{name}")).unwrap()
}

fn is_root() -> bool {
    let is_root = fs::metadata("/proc/self").unwrap().uid() == 0;
    if !is_root {
        testkit::skipped("only root starts daemons as somebody else");
    }
    is_root
}

#[test]
fn every_limit_of_a_list_holds() {
    let root = services("limits", "rc_ulimit=\"-c 0 -n 77\"\n");
    look(&root, |service, daemon| {
        let limits = text(daemon, "limits");
        for (name, limit) in [("Max core file size", "0"), ("Max open files", "77")] {
            let line = limits.lines().find(|line| line.starts_with(name)).unwrap();
            assert_eq!(line[name.len()..].split_whitespace().next(), Some(limit), "{service}: {line}");
        }
    });
}

#[test]
fn the_first_group_is_one_of_the_further_groups() {
    let root = services("groups", "command_user=65534:4242\n");
    if !is_root() {
        return;
    }
    look(&root, |service, daemon| {
        let status = text(daemon, "status");
        let of = |key: &str| status.lines().find_map(|line| line.strip_prefix(key)).unwrap().trim().to_owned();
        assert_eq!(of("Gid:"), "4242\t4242\t4242\t4242", "{service}");
        assert!(of("Groups:").split(' ').any(|group| group == "4242"), "{service}: {}", of("Groups:"));
    });
}

#[test]
fn no_group_of_who_starts_a_service_is_left_with_a_group_alone() {
    let root = services("alone", "start_stop_daemon_args='--group 4242'\n");
    if !is_root() {
        return;
    }
    look(&root, |service, daemon| {
        let status = text(daemon, "status");
        let groups = status.lines().find_map(|line| line.strip_prefix("Groups:")).unwrap();
        assert_eq!(groups.trim(), "", "{service}");
    });
}

#[test]
fn the_language_of_who_starts_a_service_stays_with_them() {
    let root = services("language", "");
    for (service, file) in
        [("background", "run/background.pid"), ("supervised", "run/openrc/options/supervised/child_pid")]
    {
        let mut command = root.real(&format!("rc-service {service} start"));
        assert_eq!(ended(command.env("LC_ALL", "C").env("FOREIGN", "1").output().unwrap()).0, 0);
        let environment = text(&format!("/proc/{}", pid(&root, file)), "environ");
        let names: Vec<&str> = environment.split('\0').filter_map(|one| one.split('=').next()).collect();
        assert!(!names.contains(&"LC_ALL") && !names.contains(&"FOREIGN"), "{service}: {names:?}");
        assert_eq!(run(&root, "/bin/sh", service, "stop").0, 0);
    }
}

#[test]
fn everybody_may_read_the_number_of_a_daemon_and_only_root_write_it() {
    for mask in ["0", "077"] {
        let root = services(&format!("numbers-{mask}"), &format!("start_pre() {{ umask {mask}; }}\n"));
        look(&root, |service, _| {
            let file = if service == "background" { "run/background.pid" } else { "run/supervise-supervised.pid" };
            let mode = fs::metadata(root.0.join(file)).unwrap().mode() & 0o777;
            assert_eq!(mode, 0o644, "{service}: umask {mask}");
        });
    }
}

#[test]
fn a_logger_has_the_rights_of_its_daemon_and_no_more() {
    let logger = "command_user=65534:65534\noutput_logger=\"id -u >>$RC_TEST_ROOT/logger; cat >/dev/null\"\n";
    let root = services("logger", logger);
    if !is_root() {
        return;
    }
    look(&root, |service, _| {
        wait_until(10, || !root.read("logger").is_empty());
        assert_eq!(root.read("logger"), "65534\n", "{service}");
        fs::remove_file(root.0.join("logger")).unwrap();
    });
}

/// The caller of a service does not decide its daemon's directory; its script may.
#[test]
fn a_daemon_is_where_its_script_went() {
    let root = services("place", "start_pre() { cd \"$RC_TEST_ROOT/run\"; }\n");
    look(&root, |service, daemon| {
        assert_eq!(fs::read_link(format!("{daemon}/cwd")).unwrap(), root.0.join("run"), "{service}");
    });
}

/// Its daemon has ended: after repairing the script, it can be started again.
#[test]
fn a_supervised_service_whose_last_function_fails_is_stopped() {
    let root = services("post", "stop_post() { return 6; }\n");
    assert_eq!(run(&root, "/bin/sh", "supervised", "start").0, 0);
    let (code, said) = run(&root, "/bin/sh", "supervised", "stop");
    assert_eq!(code, 1, "{said}");
    assert_eq!(root.state("started"), "");
    assert_eq!(run(&root, "/bin/sh", "supervised", "start").0, 0);
    assert_eq!(root.state("started"), "supervised");
    assert_eq!(run(&root, "/bin/sh", "supervised", "stop").0, 1);
}

/// A service whose script has the wrong name of its daemon is stopped all the same: its pid file, program and arguments fit.
#[test]
fn a_daemon_is_not_left_for_a_name_that_is_not_its_own() {
    let root = root("name", "");
    let forks = "#!/bin/sh\n[ \"$1\" != -d ] || while :; do sleep 0.1; done\n\
        $0 -d own </dev/null >/dev/null 2>&1 &\necho $! >$RC_TEST_ROOT/run/named.pid\n";
    root.program("forks", forks);
    let pidfile = "pidfile=$RC_TEST_ROOT/run/named.pid\nprocname=other\n";
    root.script("named", &format!("command=$RC_TEST_ROOT/forks\n{pidfile}command_args='own'\n"));
    assert_eq!(run(&root, "/bin/sh", "named", "start").0, 0);
    let number = pid(&root, "run/named.pid");
    assert!(runs(&number));
    let (code, said) = run(&root, "/bin/sh", "named", "stop");
    assert_eq!(code, 0, "{said}");
    assert!(!runs(&number), "left behind: {said}");
}
