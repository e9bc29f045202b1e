//! Corners of OpenRC's interface that scripts and administrators rely on, and options that rc refuses because it lacks
//! them.

#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

mod common;

use common::service::{for_shells, root, run};
use common::{Root, ended};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Output;

/// Exit code, standard output, standard error.
fn apart(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

#[test]
fn what_has_no_effect_is_refused_and_not_ignored() {
    let root = root("refused", "a:");
    for (words, part) in [
        ("start-stop-daemon --start --notify fd:3 --exec /bin/true", "--notify is not supported"),
        ("rc-service --user a start", "--user is not supported"),
        ("openrc --no-auto", "--no-auto is not supported"),
    ] {
        let (code, said) = ended(root.real(words).output().unwrap());
        assert!(code == 1 && said.contains(part), "{words}: {code}: {said}");
    }
    assert_eq!(root.state("started"), "");
    let daemon =
        "command=/bin/sleep\ncommand_args=1000\ncommand_background=yes\npidfile=$RC_TEST_ROOT/run/$RC_SVCNAME.pid\n";
    for (service, line, part) in [
        ("notifies", "notify=fd:3", "notify is not supported"),
        ("reads", "input_file=/dev/null", "input_file is not supported"),
        ("groups", "stopgroup=yes", "stopgroup is not supported"),
        ("s6", "supervisor=s6", "the supervisor s6 is not supported, using start-stop-daemon"),
    ] {
        root.script(service, &format!("{daemon}{line}\n"));
        let (code, said) = run(&root, "/bin/sh", service, "start");
        assert!(code == 0 && said.contains(part), "{service}: {code}: {said}");
        assert_eq!(run(&root, "/bin/sh", service, "stop").0, 0);
    }
}

#[test]
fn start_stop_daemon_starts_unless_told_otherwise() {
    let root = root("default", "");
    let file = root.0.join("run/d.pid").display().to_string();
    let start = |args: &str| {
        let words =
            format!("start-stop-daemon --exec /bin/sleep --background --make-pidfile --pidfile {file} -- {args}");
        ended(root.real(&words).output().unwrap())
    };
    assert_eq!(start("1000"), (0, String::new()));
    assert_eq!(start("1000").0, 1);
    let stop = root.real(&format!("start-stop-daemon --stop --pidfile {file}")).output().unwrap();
    assert_eq!(ended(stop).0, 0);
    // Without a pid file it is its arguments that tell it from others of the same program.
    let number = std::process::id();
    let bare = |args: &str| {
        let words = format!("start-stop-daemon --start --exec /bin/sleep --background -- {args}");
        ended(root.real(&words).output().unwrap()).0
    };
    let (one, two) = (format!("1000.{number}1"), format!("1000.{number}2"));
    assert_eq!([bare(&one), bare(&two), bare(&one)], [0, 0, 1]);
    for args in [one, two] {
        let words = format!("start-stop-daemon --stop --exec /bin/sleep -- {args}");
        assert_eq!(ended(root.real(&words).output().unwrap()), (0, String::new()));
    }
}

#[test]
fn rc_conf_is_heeded() {
    let root = root("conf", "plain:, keyed: keyword -lxc, other:");
    root.script(
        "shows",
        "extra_commands=show\nshow() { echo \"sys=$RC_SYS foo=${FOO_BAR-} bar=${BAR-}\"; veinfo more; }\n",
    );
    root.write("etc/rc.conf", "rc_sys=lxc\nrc_keyed_keyword=!-lxc\nrc_env_allow='FOO_*'\nrc_verbose=yes\n");
    let mut command = root.real("rc-service shows show");
    let (code, out, _) = apart(&command.env("FOO_BAR", "1").env("BAR", "2").output().unwrap());
    assert_eq!((code, out.as_str()), (0, "sys=LXC foo=1 bar=\n * more\n"));
    assert_eq!(ended(root.real("openrc -S").output().unwrap()), (0, "LXC\n".into()));
    // The keyword of its script would keep it away from such a container.
    let (_, said) = ended(root.real("rc-status -s").output().unwrap());
    assert!(said.contains("keyed"), "{said}");
    root.write("etc/rc.conf", "rc_sys=lxc\n");
    let (_, said) = ended(root.real("rc-status -s").output().unwrap());
    assert!(!said.contains("keyed"), "{said}");
    // The log of what happened.
    root.write("etc/rc.conf", "rc_log_path=/var/log/elsewhere.log\n");
    symlink("/etc/init.d/plain", root.0.join("etc/runlevels/default/plain")).unwrap();
    assert_eq!(ended(root.command("openrc default").output().unwrap()).0, 0);
    assert!(root.read("var/log/elsewhere.log").contains("plain"));
    assert_eq!(root.read("var/log/rc.log"), "");
}

#[test]
fn devices_start_services_only_when_that_is_allowed() {
    // rc_hotplug, and which services a device may start then
    let cases =
        [("", ""), ("rc_hotplug='*'", "net.eth0 net.wlan sshd"), ("rc_hotplug='net.wlan !net.*'", "net.wlan sshd")];
    for (line, want) in cases {
        let root = root("hotplug", "");
        root.write("etc/rc.conf", &format!("{line}\n"));
        for service in ["net.eth0", "net.wlan", "sshd"] {
            root.script(service, "start() { :; }\n");
            let script = root.0.join("etc/init.d").join(service);
            let mut command = root.real("openrc-run");
            let output = command.arg(script).arg("start").env("IN_HOTPLUG", "1").output().unwrap();
            let (code, said) = ended(output);
            assert_eq!(code != 0, said.contains("not allowed to be hotplugged"), "{said}");
        }
        assert_eq!(root.state("started"), want, "{line}");
        assert_eq!(root.state("hotplugged"), want, "{line}");
    }
}

#[test]
fn scripts_know_that_the_system_goes_down() {
    let root = root("single", "");
    root.script("s", "start() { :; }\nstop() { echo \"<${RC_GOINGDOWN-}>\" >>$RC_TEST_ROOT/seen; }\n");
    symlink("/etc/init.d/s", root.0.join("etc/runlevels/default/s")).unwrap();
    for level in ["default", "nonetwork", "default", "single", "default", "shutdown"] {
        let (code, said) = ended(root.real(&format!("openrc {level}")).output().unwrap());
        assert_eq!(code, 0, "{said}");
    }
    assert_eq!(root.read("seen"), "<>\n<YES>\n<YES>\n");
}

#[test]
fn a_need_only_of_what_exists() {
    let root = root("exists", "there:, s: need_if_exists there gone");
    assert_eq!(ended(root.real("rc-service s ineed").output().unwrap()), (0, "there\n".into()));
    let (code, said) = run(&root, "/bin/sh", "s", "start");
    assert_eq!((code, root.state("started")), (0, "s there".into()), "{said}");
}

#[test]
fn every_stopped_service_can_be_cleaned_up() {
    let root = root("cleanup", "");
    symlink(env!("CARGO_BIN_EXE_rc"), root.0.join("usr/lib/rc/bin/cgroup-cleanup")).unwrap();
    root.script("s", "extra_stopped_commands=own\nown() { :; }\nstart() { :; }\nstop() { :; }\n");
    assert_eq!(run(&root, "/bin/sh", "s", "cgroup_cleanup"), (0, String::new()));
    assert_eq!(run(&root, "/bin/sh", "s", "start").0, 0);
    let (code, said) = run(&root, "/bin/sh", "s", "cgroup_cleanup");
    assert!(code == 1 && said.contains("has not been stopped"), "{said}");
}

#[test]
fn words_of_a_service_each_have_a_line_and_errors_go_to_one_place() {
    let body = "extra_commands='talks fails calls'\ntalks() { ebegin one; einfo two; einfon three; ewarn four; eend 0; }\n\
        fails() { ebegin one; eend 1 bad; }\n\
        calls() { ebegin one; start-stop-daemon --start --exec /nonexistent; eend $? bad; }\n";
    for_shells("lines", "", |root, shell| {
        root.script("s", body);
        let said = |command: &str| {
            let script = root.0.join("etc/init.d/s");
            apart(&root.real("openrc-run").arg(script).arg(command).env("RC_TEST_SHELL", shell).output().unwrap())
        };
        let want = (0, " * one ...\n * two\n * three [ ok ]\n".into(), "\n * four\n".into());
        assert_eq!(said("talks"), want, "{shell}");
        assert_eq!(said("fails"), (1, " * one ...".into(), "\n * bad [ !! ]\n".into()), "{shell}");
        let (code, out, err) = said("calls");
        assert_eq!((code, out.as_str()), (1, " * one ..."), "{shell}");
        assert!(err.starts_with("\n * start-stop-daemon: `/nonexistent` does not exist"), "{shell}: {err:?}");
        assert!(err.ends_with("\n * bad [ !! ]\n"), "{shell}: {err:?}");
    });
    // The same words as programs.
    let root = root("programs", "");
    let (code, out, err) = apart(&root.real("eend 1 bad").output().unwrap());
    assert_eq!((code, out.as_str(), err.as_str()), (1, "", " * bad [ !! ]\n"));
    let (code, out, err) = apart(&root.real("eend 1").output().unwrap());
    assert_eq!((code, out.as_str(), err.as_str()), (1, " [ !! ]\n", ""));
}

#[test]
fn a_pipe_is_for_its_owner() {
    let root = Root::new("pipe", "", "");
    let path = root.0.join("p");
    assert_eq!(ended(root.real("checkpath -q -p").arg(&path).output().unwrap()).0, 0);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn levels_that_come_with_another_are_called_so() {
    let root = Root::new("stacked", "a:, b:", "default: a @base, base: b");
    fs::create_dir_all(root.0.join("run/openrc")).unwrap();
    root.write("run/openrc/softlevel", "default\n");
    let (_, said) = ended(root.real("rc-status").output().unwrap());
    let titles: Vec<&str> = said.lines().filter(|line| !line.starts_with(' ')).take(2).collect();
    assert_eq!(titles, ["Runlevel: default", "Stacked Runlevel: base"]);
}
