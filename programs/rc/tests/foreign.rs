//! Service scripts from elsewhere: rc must do what OpenRC does with them, and never with more privileges.

#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

mod common;

use common::service::{for_shells, pid, root, run, runs, wait_until};
use common::{Root, ended};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

/// A daemon that stays what it is: its words can be read while it runs. It leaves a sign that it ran at all.
const DAEMON: &str = "#!/bin/sh\n: >>$RC_TEST_ROOT/ran-$RC_SVCNAME\nwhile :; do sleep 0.1; done\n";

/// An unprivileged user: a number, because the name is not on every machine.
const NOBODY: &str = "65534";

fn is_root() -> bool {
    fs::metadata("/proc/self").unwrap().uid() == 0
}

/// A root with that daemon, in which everybody may write.
fn with_daemon(name: &str, scripts: &str) -> Root {
    let root = root(name, scripts);
    root.program("daemon", DAEMON);
    fs::set_permissions(&root.0, fs::Permissions::from_mode(0o1777)).unwrap();
    root
}

/// The words behind the program of a process that a shell runs.
fn words(number: &str) -> Vec<String> {
    let text = fs::read(format!("/proc/{number}/cmdline")).unwrap();
    let words = text.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned());
    let mut words: Vec<String> = words.skip(2).collect();
    // Behind the last word is a zero as well.
    words.pop();
    words
}

fn uid(number: &str) -> u32 {
    fs::metadata(format!("/proc/{number}")).unwrap().uid()
}

/// All processes whose command line holds this text.
fn with_words(text: &str) -> Vec<String> {
    let numbers = fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let holds = |number: &String| {
        let line = fs::read(format!("/proc/{number}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains(text) && runs(number)
    };
    numbers.filter(|number| number.bytes().all(|byte| byte.is_ascii_digit())).filter(holds).collect()
}

const BACKGROUND: &str =
    "command=$RC_TEST_ROOT/daemon\ncommand_background=yes\npidfile=$RC_TEST_ROOT/run/$RC_SVCNAME.pid\n";
const SUPERVISED: &str = "command=$RC_TEST_ROOT/daemon\nsupervisor=supervise-daemon\n";

#[test]
fn lists_over_several_lines_are_words_and_not_commands() {
    let user = if is_root() { format!("--user={NOBODY}") } else { "--nicelevel=1".to_owned() };
    let list = "\"\n\t--foreground\n\t--smtp-port=1025  --name 'two words'\n\n\"";
    let own = format!("command_args={list}\ncommand_user={NOBODY}\n")
        .replace(&format!("command_user={NOBODY}\n"), if is_root() { "command_user=65534\n" } else { "" });
    let scripts = [
        ("background", format!("{BACKGROUND}command_args={list}\nstart_stop_daemon_args=\"\n\t{user}\n\"\n")),
        ("supervised", format!("{SUPERVISED}{own}supervise_daemon_args=\"\n\t--nicelevel\n\t1\n\"\n")),
        // As many scripts do it: one list of options for both kinds.
        ("inherited", format!("{SUPERVISED}command_args={list}\nstart_stop_daemon_args=\"\n\t{user}\n\"\n")),
        ("foreground", format!("{SUPERVISED}{own}command_args_foreground=\"\n--more\n\"\n")),
        // A script's own IFS does not change the separators of a list.
        ("ifs", format!("{BACKGROUND}IFS=:\ncommand_args={list}\nstart_stop_daemon_args=\"\n\t{user}\n\"\n")),
    ];
    for_shells("lists", "", |root, shell| {
        fs::set_permissions(&root.0, fs::Permissions::from_mode(0o1777)).unwrap();
        root.program("daemon", DAEMON);
        for (service, script) in &scripts {
            root.script(service, script);
            let (code, said) = run(root, shell, service, "start");
            assert_eq!(code, 0, "{shell}: {service}: {said}");
            assert!(!said.contains("not found"), "{shell}: {service}: {said}");
            let number = match pid(root, &format!("run/{service}.pid")) {
                none if none.is_empty() => pid(root, &format!("run/openrc/options/{service}/child_pid")),
                number => number,
            };
            let mut want = vec!["--foreground", "--smtp-port=1025", "--name", "two words"];
            if *service == "foreground" {
                want.push("--more");
            }
            assert_eq!(words(&number), want, "{shell}: {service}");
            if is_root() {
                assert_eq!(uid(&number), 65534, "{shell}: {service} runs with other rights");
            }
            assert_eq!(run(root, shell, service, "stop").0, 0, "{shell}: {service}");
            assert!(!runs(&number), "{shell}: {service} was left behind");
        }
        // Nothing beside them was started either.
        let place = format!("{}/daemon", root.0.display());
        assert_eq!(with_words(&place), Vec::<String>::new(), "{shell}");
    });
}

#[test]
fn words_are_made_as_the_shell_makes_them() {
    // What the script says, and the words that the daemon gets.
    let cases: [(&str, &[&str]); 12] = [
        ("''", &[]),
        ("' \t\n'", &[]),
        ("'a\tb  c'", &["a", "b", "c"]),
        ("'\"a b\" c'", &["a b", "c"]),
        ("\"'a \\\" b' \\\"\\\" c\"", &["a \" b", "", "c"]),
        ("'a\\ b'", &["a b"]),
        ("'$RC_TEST_ROOT/files/*.conf'", &["ROOT/files/one.conf", "ROOT/files/two.conf"]),
        ("\"$RC_TEST_ROOT/files/*.conf\"", &["ROOT/files/one.conf", "ROOT/files/two.conf"]),
        ("\"'$RC_TEST_ROOT/files/*.conf'\"", &["ROOT/files/*.conf"]),
        ("'*.none'", &["*.none"]),
        ("'a\n# b\nc'", &["a"]),
        ("'$RC_SVCNAME \"$unset\"'", &["NAME", ""]),
    ];
    for_shells("words", "", |root, shell| {
        root.program("daemon", DAEMON);
        fs::create_dir(root.0.join("files")).unwrap();
        root.write("files/one.conf", "");
        root.write("files/two.conf", "");
        for (number, (said, want)) in cases.iter().enumerate() {
            let service = format!("s{number}");
            root.script(&service, &format!("{BACKGROUND}command_args={said}\n"));
            let (code, output) = run(root, shell, &service, "start");
            assert_eq!(code, 0, "{shell}: {said}: {output}");
            let place = root.0.to_string_lossy().into_owned();
            let want: Vec<String> =
                want.iter().map(|word| word.replace("ROOT", &place).replace("NAME", &service)).collect();
            assert_eq!(words(&pid(root, &format!("run/{service}.pid"))), want, "{shell}: {said}");
            assert_eq!(run(root, shell, &service, "stop").0, 0, "{shell}: {said}");
        }
    });
}

#[test]
fn a_right_that_came_out_empty_is_not_all_rights() {
    let settings = [
        "command_user=\"$NOT_SET:$NOT_SET_EITHER\"",
        "command_user=\":users\"",
        "command_user=\":0\"",
        "command_user=\"$NOT_SET\"",
        "command_user=\" \"",
        "command_user=\"nosuchuser$NOT_SET\"",
        "capabilities=\"$NOT_SET\"",
        "secbits=\"$NOT_SET\"",
        "umask=\"$NOT_SET\"",
        "start_stop_daemon_args=\"--user '$NOT_SET'\"",
        "start_stop_daemon_args=\"--user :0\"",
        "start_stop_daemon_args=\"--group '$NOT_SET'\"",
    ];
    let root = with_daemon("rights", "");
    for (number, setting) in settings.iter().enumerate() {
        for (kind, script) in [("b", BACKGROUND), ("s", SUPERVISED)] {
            let service = format!("{kind}{number}");
            root.script(&service, &format!("{script}{setting}\n"));
            let (code, said) = run(&root, "/bin/sh", &service, "start");
            let ran = root.0.join(format!("ran-{service}")).exists();
            if code == 0 || ran {
                run(&root, "/bin/sh", &service, "stop");
            }
            assert!(code == 1 && !ran, "{service}: {setting}: {code}, it ran: {ran}: {said}");
        }
    }
    assert_eq!(root.state("started"), "");
}

/// A directory that holds `sleep` and what it needs, to be locked in; false if that cannot be made here.
fn jail(root: &Root) -> bool {
    let needed = Command::new("ldd").arg("/bin/sleep").output();
    let Ok(needed) = needed.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()) else { return false };
    let files = needed.split_whitespace().filter(|word| word.starts_with('/')).chain(["/bin/sleep"]);
    for file in files {
        let target = root.0.join("jail").join(file.trim_start_matches('/'));
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::copy(file, target).unwrap();
    }
    fs::create_dir_all(root.0.join("jail/run")).unwrap();
    fs::create_dir_all(root.0.join("jail/dev")).unwrap();
    let made = Command::new("mknod").arg(root.0.join("jail/dev/null")).args(["c", "1", "3"]).status();
    made.is_ok_and(|status| status.success()) && fs::write(root.0.join("jail/dev/null"), "x").is_ok()
}

#[test]
fn a_daemon_in_a_root_of_its_own_is_no_crashed_one() {
    let root = root("jail", "");
    if !is_root() || !jail(&root) {
        testkit::skip!("needs root, ldd and device files");
    }
    root.script(
        "jailed",
        "command=/bin/sleep\ncommand_args=1000\ncommand_background=yes\nchroot=$RC_TEST_ROOT/jail\npidfile=/run/j.pid\n",
    );
    let (code, said) = run(&root, "/bin/sh", "jailed", "start");
    assert_eq!(code, 0, "{said}");
    let number = pid(&root, "jail/run/j.pid");
    assert_eq!(fs::read_link(format!("/proc/{number}/root")).unwrap(), root.0.join("jail"));
    assert_eq!(run(&root, "/bin/sh", "jailed", "status"), (0, " * status: started\n".into()));
    assert_eq!(root.run("rc-status -c"), (1, String::new()));
    assert_eq!(run(&root, "/bin/sh", "jailed", "restart").0, 0);
    assert!(!runs(&number));
    let number = pid(&root, "jail/run/j.pid");
    assert!(runs(&number));
    assert_eq!(run(&root, "/bin/sh", "jailed", "stop").0, 0);
    assert!(!runs(&number) && !root.0.join("jail/run/j.pid").exists());
}

/// Whether processes can be hidden in a container here: not by a user, and not in the container of a build.
fn makes_containers() -> bool {
    let made = Command::new("unshare").args(["--pid", "--fork", "/bin/true"]).stderr(Stdio::null()).status();
    let can = made.is_ok_and(|status| status.success());
    if !can {
        println!("not compared: a process in a container, which cannot be made here");
    }
    can
}

#[test]
fn what_has_no_pid_file_is_stopped_all_the_same() {
    let root = with_daemon("nopidfile", "");
    root.script("removed", BACKGROUND);
    root.script("lies", &format!("{BACKGROUND}command_args=lies\n"));
    // It puts itself into the background, and writes its number nowhere.
    root.script("writes-none", "command=$RC_TEST_ROOT/forks\ncommand_args=own\npidfile=$RC_TEST_ROOT/run/none.pid\n");
    let forks = format!("{}/forks", root.0.display());
    root.program(
        "forks",
        "#!/bin/sh\n[ \"$1\" != -d ] || while :; do sleep 0.1; done\n$0 -d $1 </dev/null >/dev/null 2>&1 &\n",
    );
    // Somebody else's: one whose number will be in a pid file, one of the same program with other arguments, and in a
    // container the same with the same.
    let mut all = vec![vec!["/bin/sleep", "1000"], vec![&forks, "-d", "others"]];
    let contained = makes_containers();
    if contained {
        all.push(vec!["unshare", "--pid", "--fork", "--kill-child", &forks, "-d", "own"]);
    }
    let start = |words: &Vec<&str>| Command::new(words[0]).args(&words[1..]).process_group(0).spawn().unwrap();
    let mut others: Vec<_> = all.iter().map(start).collect();
    // `unshare` has the name in its command line as well.
    let count = if contained { 3 } else { 1 };
    // A shell that is about to become `sleep` still has the words of the one that made it.
    let mut before = Vec::new();
    wait_until(10, || {
        before = with_words(&forks);
        before.len() == count
    });
    for service in ["removed", "lies", "writes-none"] {
        let (code, said) = run(&root, "/bin/sh", service, "start");
        assert_eq!(code, 0, "{service}: {said}");
    }
    let daemons = [pid(&root, "run/removed.pid"), pid(&root, "run/lies.pid")];
    fs::remove_file(root.0.join("run/removed.pid")).unwrap();
    root.write("run/lies.pid", &format!("{}\n", others[0].id()));
    wait_until(10, || with_words(&forks).len() == count + 1);
    for service in ["removed", "lies", "writes-none"] {
        let (code, said) = run(&root, "/bin/sh", service, "stop");
        assert_eq!(code, 0, "{service}: {said}");
    }
    assert!(daemons.iter().all(|number| !runs(number)), "left behind");
    let same = (0..50).any(|_| with_words(&forks) == before);
    assert!(same, "left behind, or one of somebody else ended: {:?}, not {before:?}", with_words(&forks));
    assert!(others[0].try_wait().unwrap().is_none(), "a process of somebody else was ended");
    for other in &mut others {
        other.kill().unwrap();
        other.wait().unwrap();
    }
}

#[test]
fn nobodys_directory_is_kept_busy() {
    let root = with_daemon("cwd", "");
    root.script("background", &format!("start_pre() {{ pwd >$RC_TEST_ROOT/pwd; }}\n{BACKGROUND}"));
    root.script("supervised", &format!("start_pre() {{ pwd >$RC_TEST_ROOT/pwd; }}\n{SUPERVISED}"));
    fs::create_dir(root.0.join("usb")).unwrap();
    for (service, file) in
        [("background", "run/background.pid"), ("supervised", "run/openrc/options/supervised/child_pid")]
    {
        let mut command = root.real(&format!("rc-service {service} start"));
        assert_eq!(ended(command.current_dir(root.0.join("usb")).output().unwrap()).0, 0);
        assert_eq!(root.read("pwd"), "/\n", "{service}");
        let at = |number: String| fs::read_link(format!("/proc/{number}/cwd")).unwrap();
        assert_eq!(at(pid(&root, file)), Path::new("/"), "{service}");
        if service == "supervised" {
            assert_eq!(at(pid(&root, "run/supervise-supervised.pid")), Path::new("/"));
        }
        assert_eq!(run(&root, "/bin/sh", service, "stop").0, 0);
    }
}

#[test]
fn a_time_to_wait_does_not_kill() {
    let root = with_daemon("retry", "");
    root.program("busy", "#!/bin/sh\ntrap : TERM\n: >$RC_TEST_ROOT/ready\nwhile :; do sleep 0.1; done\n");
    root.script("database", &format!("{BACKGROUND}retry=1\n").replace("/daemon", "/busy"));
    assert_eq!(run(&root, "/bin/sh", "database", "start").0, 0);
    wait_until(10, || root.0.join("ready").exists());
    let number = pid(&root, "run/database.pid");
    let (code, said) = run(&root, "/bin/sh", "database", "stop");
    assert!(code == 1 && said.contains("did not end in time"), "{code}: {said}");
    assert!(runs(&number), "it was killed while it was writing");
    assert_eq!(run(&root, "/bin/sh", "database", "status").0, 0);
    // Who wants that says so.
    root.write("etc/conf.d/database", "retry=TERM/1/KILL/5\n");
    root.script("database", &BACKGROUND.replace("/daemon", "/busy"));
    assert_eq!(run(&root, "/bin/sh", "database", "stop").0, 0);
    assert!(!runs(&number));
}

#[test]
fn times_of_a_supervised_daemon_have_units() {
    let root = with_daemon("units", "");
    root.script("units", &format!("{SUPERVISED}respawn_delay=2sec\nrespawn_period=1min\nhealthcheck_timer=1hour\n"));
    root.script("wrong", &format!("{SUPERVISED}respawn_delay=2days\n"));
    let (code, said) = run(&root, "/bin/sh", "units", "start");
    assert_eq!(code, 0, "{said}");
    let number = pid(&root, "run/openrc/options/units/child_pid");
    assert!(runs(&number));
    assert_eq!(run(&root, "/bin/sh", "units", "stop").0, 0);
    let (code, said) = run(&root, "/bin/sh", "wrong", "start");
    assert!(code == 1 && said.contains("invalid time `2days`"), "{said}");
}

#[test]
fn a_log_belongs_to_the_daemon_that_writes_it() {
    let root = with_daemon("logs", "");
    if !is_root() {
        testkit::skip!("needs root");
    }
    fs::create_dir(root.0.join("logs")).unwrap();
    root.program(
        "daemon",
        "#!/bin/sh\necho one\necho two >&2\necho again >>\"$RC_TEST_ROOT/logs/$RC_SVCNAME\"\nexec sleep 1000\n",
    );
    let logs = format!(
        "command_user={NOBODY}\noutput_log=$RC_TEST_ROOT/logs/$RC_SVCNAME\nerror_log=$RC_TEST_ROOT/logs/$RC_SVCNAME.err\n"
    );
    root.script("background", &format!("{BACKGROUND}{logs}"));
    root.script("supervised", &format!("{SUPERVISED}{logs}"));
    for service in ["background", "supervised"] {
        let (code, said) = run(&root, "/bin/sh", service, "start");
        assert_eq!(code, 0, "{said}");
        wait_until(10, || root.read(&format!("logs/{service}")) == "one\nagain\n");
        for name in [service.to_owned(), format!("{service}.err")] {
            let about = fs::metadata(root.0.join("logs").join(&name)).unwrap();
            assert_eq!((about.uid(), about.gid(), about.mode() & 0o777), (65534, 65534, 0o640), "{name}");
        }
        assert_eq!(run(&root, "/bin/sh", service, "stop").0, 0);
    }
    // What root's daemons write stays root's, and a log that was there before stays whose it is.
    root.write("logs/old", "");
    root.script("old", &format!("{BACKGROUND}{logs}"));
    fs::set_permissions(root.0.join("logs/old"), fs::Permissions::from_mode(0o666)).unwrap();
    assert_eq!(run(&root, "/bin/sh", "old", "start").0, 0);
    assert_eq!(fs::metadata(root.0.join("logs/old")).unwrap().uid(), 0);
    assert_eq!(run(&root, "/bin/sh", "old", "stop").0, 0);
}

#[test]
fn a_user_does_not_hold_the_lock_of_a_service() {
    let root = root("locks", "");
    root.script("s", "start() { :; }\nstop() { :; }\n");
    assert_eq!(run(&root, "/bin/sh", "s", "start").0, 0);
    // Each of both is enough.
    let mode = |path: &str| fs::metadata(root.0.join(path)).unwrap().permissions().mode() & 0o777;
    let modes = (mode("run/openrc/exclusive"), mode("run/openrc/exclusive/s"));
    if !is_root() {
        return assert_eq!(modes, (0o700, 0o600));
    }
    let mut bob = Command::new("flock");
    bob.args(["-s", "-n"]).arg(root.0.join("run/openrc/exclusive/s")).args(["sleep", "1000"]);
    let Ok(mut bob) = bob.uid(65534).gid(65534).stderr(Stdio::null()).process_group(0).spawn() else {
        testkit::skip!("flock is not on this machine");
    };
    std::thread::sleep(std::time::Duration::from_millis(300));
    let (code, said) = run(&root, "/bin/sh", "s", "restart");
    let holds = bob.try_wait().unwrap().is_none();
    if holds {
        bob.kill().unwrap();
        bob.wait().unwrap();
    }
    assert_eq!(code, 0, "{said}");
    assert!(!holds, "a user without rights has the lock");
    assert_eq!(modes, (0o700, 0o600));
}
