//! One service from outside: `openrc-run` and the daemons it starts, under each shell that this machine has.

#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

mod common;

use common::ended;
use common::service::{for_shells, pid, root, run, runs, wait_until};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// The seed's script, as written but for where things lie.
const JEFE: &str = r#"# /etc/init.d/jefe - JefeLinux service script
name="Jefe Application Manager"
command="$RC_TEST_ROOT/opt/jefe/bin/jefe-setup"
command_background="yes"
pidfile="$RC_TEST_ROOT/run/${RC_SVCNAME}.pid"
depend() {
need net
after docker
}
"#;

/// The shell's own `kill`: not every machine has a program of that name.
fn signal(name: &str, pid: &str) {
    let status = Command::new("/bin/sh").args(["-c", "kill -$0 $1", name, pid]).status().unwrap();
    assert!(status.success(), "kill -{name} {pid}");
}

#[test]
fn the_seeds_script_runs_as_written() {
    for_shells("jefe", "net:", |root, shell| {
        root.script("net", "start() { echo net comes up; }\n");
        // Without a first line that names the interpreter, as the seed has it.
        root.program("etc/init.d/jefe", JEFE);
        fs::create_dir_all(root.0.join("opt/jefe/bin")).unwrap();
        root.program("opt/jefe/bin/jefe-setup", "#!/bin/sh\nexec sleep 1000\n");
        assert_eq!(run(root, shell, "jefe", "status"), (3, " * status: stopped\n".into()));
        let (code, said) = run(root, shell, "jefe", "start");
        assert_eq!(code, 0, "{said}");
        let at = |part: &str| said.find(part).unwrap_or_else(|| panic!("no {part:?} in {said}"));
        assert!(at("net comes up") < at("Starting Jefe Application Manager ..."), "{said}");
        assert_eq!(root.state("started"), "jefe net");
        assert_eq!(run(root, shell, "jefe", "status").0, 0);
        let number = pid(root, "run/jefe.pid");
        assert!(runs(&number));
        assert_eq!(run(root, shell, "jefe", "stop").0, 0);
        assert!(!root.0.join("run/jefe.pid").exists());
        // It has replaced itself by another program meanwhile, and still it is known.
        assert!(!runs(&number));
        assert_eq!(run(root, shell, "jefe", "status").0, 3);
    });
}

#[test]
fn functions_conditions_and_values() {
    let body = "description='D'\nextra_commands=check\nextra_started_commands=reload\nextra_stopped_commands=clean\n\
        description_check='Checks'\n\
        start_pre() { service_set_value k 'v w'; }\nstart() { ebegin \"Starting $FROM_CONF\"; eend 0; }\n\
        start_post() { einfo \"value $(service_get_value k) $RC_CMD\"; }\n\
        stop() { return ${STOP_CODE:-0}; }\ncheck_pre() { echo pre; }\ncheck() { echo checks; }\ncheck_post() { echo post; }\n\
        reload() { echo reloads; }\nclean() { echo cleans; }\n";
    for_shells("functions", "", |root, shell| {
        root.script("a.one", body);
        root.write("etc/conf.d/a", "FROM_CONF=general\n");
        root.write("etc/conf.d/a.one", "FROM_CONF=\"$FROM_CONF own\"\n");
        let table: [(&str, i32, &str); 11] = [
            ("check", 0, "pre\nchecks\npost\n"),
            ("reload", 1, "cannot `reload' as it has not been started"),
            ("clean", 0, "cleans\n"),
            ("nonsense", 1, "unknown function `nonsense'"),
            ("describe", 0, "check: Checks"),
            ("start", 0, "Starting general own ... [ ok ]\n * value v w start\n"),
            ("start", 0, "WARNING: a.one has already been started"),
            ("reload", 0, "reloads\n"),
            ("clean", 1, "cannot `clean' as it has not been stopped"),
            ("restart", 0, "value v w restart"),
            ("stop status", 3, "status: stopped"),
        ];
        for (commands, code, part) in table {
            let (got, said) = run(root, shell, "a.one", commands);
            assert!(got == code && said.contains(part), "{shell}: {commands}: {got}: {said}");
        }
        root.write("etc/conf.d/a.one", "STOP_CODE=1\n");
        run(root, shell, "a.one", "start");
        assert_eq!(run(root, shell, "a.one", "stop").0, 1);
        assert_eq!(root.state("started"), "a.one");
    });
}

#[test]
fn what_is_missing_is_named() {
    let root = root("missing", "");
    root.script("files", "required_files=/nonexistent\nstart() { :; }\n");
    root.script("dirs", "required_dirs=/nonexistent\nstart() { :; }\n");
    root.script("program", "command=/nonexistent/x\ncommand_background=yes\npidfile=/run/x\n");
    root.script("nopid", "command=/bin/true\ncommand_background=yes\n");
    root.script("broken", "if then (\n");
    root.script("need", "depend() { need nothing; }\nstart() { :; }\n");
    for (service, part) in [
        ("files", "`/nonexistent' is not readable"),
        ("dirs", "`/nonexistent' is not a directory"),
        ("program", "`/nonexistent/x` does not exist"),
        ("nopid", "no pidfile specified"),
        ("broken", "failed to start"),
        ("need", "needs service(s) nothing"),
    ] {
        let (code, said) = run(&root, "/bin/sh", service, "start");
        assert!(code == 1 && said.contains(part), "{service}: {code}: {said}");
    }
    assert_eq!(root.state("started"), "");
}

#[test]
fn nothing_hangs_and_no_lie_is_believed() {
    let root = root("robust", "");
    root.script("hang", "start() { sleep 100; }\n");
    root.write("etc/conf.d/hang", "rc_timeout_start=1\n");
    let begun = Instant::now();
    let (code, said) = run(&root, "/bin/sh", "hang", "start");
    assert!(code == 1 && said.contains("took longer than 1 seconds"), "{said}");
    assert!(begun.elapsed() < Duration::from_secs(20));
    let daemon = |options: &str| {
        format!("command=/bin/sh\ncommand_background=yes\npidfile=$RC_TEST_ROOT/run/$RC_SVCNAME.pid\n{options}\n")
    };
    root.script("dies", &daemon("command_args=\"-c 'exit 3'\"\nstart_stop_daemon_args='--wait 2000'"));
    let (code, said) = run(&root, "/bin/sh", "dies", "start");
    assert!(code == 1 && said.contains("ended with exit code 3"), "{said}");
    root.script("deaf", &daemon("command_args=\"-c 'trap : TERM; while :; do sleep 1; done'\"\nretry=TERM/1/KILL/5"));
    assert_eq!(run(&root, "/bin/sh", "deaf", "start").0, 0);
    let number = pid(&root, "run/deaf.pid");
    assert_eq!(run(&root, "/bin/sh", "deaf", "stop").0, 0);
    assert!(!runs(&number));
    // A pid file that names somebody else.
    root.script(
        "liar",
        &daemon("command_args=\"-c 'exec sleep 1000'\"")
            .replace("/bin/sh", "/bin/sleep")
            .replace("-c 'exec sleep 1000'", "1000"),
    );
    assert_eq!(run(&root, "/bin/sh", "liar", "start").0, 0);
    let real = pid(&root, "run/liar.pid");
    let mut innocent = Command::new("/bin/cat").stdin(std::process::Stdio::piped()).spawn().unwrap();
    root.write("run/liar.pid", &format!("{}\n", innocent.id()));
    assert_eq!(run(&root, "/bin/sh", "liar", "status").0, 32);
    assert_eq!(run(&root, "/bin/sh", "liar", "stop").0, 0);
    assert!(innocent.try_wait().unwrap().is_none(), "a process of somebody else was ended");
    innocent.kill().unwrap();
    innocent.wait().unwrap();
    assert!(!runs(&real), "left behind");
}

#[test]
fn a_supervised_daemon_comes_back_and_is_given_up() {
    let root = root("supervise", "");
    let common = "command=/bin/sleep\nsupervisor=supervise-daemon\n";
    root.script("good", &format!("{common}command_args=1000\nrespawn_delay=0\n"));
    root.script("bad", &format!("{common}command_args=0.1\nrespawn_max=2\n"));
    root.script(
        "sick",
        &format!("{common}command_args=1000\nrespawn_max=1\nhealthcheck_timer=1\nhealthcheck() {{ false; }}\n"),
    );
    for service in ["good", "bad", "sick"] {
        assert_eq!(run(&root, "/bin/sh", service, "start").0, 0, "{service}");
    }
    let child = || pid(&root, "run/openrc/options/good/child_pid");
    let first = child();
    signal("KILL", &first);
    wait_until(10, || !child().is_empty() && child() != first);
    assert_eq!(run(&root, "/bin/sh", "good", "status").0, 0);
    let last = child();
    assert_eq!(run(&root, "/bin/sh", "good", "stop").0, 0);
    assert!(!runs(&last));
    wait_until(30, || root.state("failed") == "bad sick");
    assert_eq!(run(&root, "/bin/sh", "bad", "status").0, 3);
    // By hand again; and the supervisor itself is killed: its daemon does not stay behind.
    for words in ["rc-service bad start", "rc-service good start", "rc-service good start"] {
        assert_eq!(root.real(words).status().unwrap().code(), Some(0), "{words}");
    }
    let orphan = child();
    signal("KILL", &pid(&root, "run/supervise-good.pid"));
    wait_until(10, || root.real("rc-service good status").output().unwrap().status.code() == Some(32));
    assert!(runs(&orphan));
    assert_eq!(root.real("rc-service good restart").status().unwrap().code(), Some(0));
    assert!(!runs(&orphan) && runs(&child()));
    assert_eq!(root.real("rc-service good stop").status().unwrap().code(), Some(0));
    wait_until(30, || root.state("failed") == "bad sick" && root.state("started").is_empty());
}

#[test]
fn a_stop_that_comes_while_a_sick_daemon_is_ended_is_not_lost() {
    let root = root("sickstop", "");
    root.program(
        "daemon",
        "#!/bin/sh\necho >>$RC_TEST_ROOT/starts\ntrap 'sleep 4; exit 0' TERM\nwhile :; do sleep 0.05; done\n",
    );
    root.script(
        "sick",
        "supervisor=supervise-daemon\ncommand=$RC_TEST_ROOT/daemon\nrespawn_delay=0\nhealthcheck_timer=1\n\
         healthcheck() { false; }\nunhealthy() { echo >$RC_TEST_ROOT/unhealthy; }\n",
    );
    assert_eq!(run(&root, "/bin/sh", "sick", "start").0, 0);
    wait_until(20, || root.0.join("unhealthy").exists());
    // The daemon is being told to end, and takes four seconds.
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(run(&root, "/bin/sh", "sick", "stop").0, 0);
    assert_eq!(run(&root, "/bin/sh", "sick", "status").0, 3);
    assert_eq!(fs::read_to_string(root.0.join("starts")).unwrap().lines().count(), 1, "started again");
}

/// Prints one line per observation. Groups are seen by the whole machine, so their names hold a number of this run.
const IN_GROUPS: &str = r#"
mount -t cgroup2 none "$RC_TEST_ROOT/sys/fs/cgroup" || exit 77
cd "$RC_TEST_ROOT/sys/fs/cgroup" || exit 77
service() { "$RC" rc-service "$N-$1" "$2" >/dev/null 2>&1; echo "$1 $2 $?"; }
members() { if [ -d "openrc.$N-$1" ]; then find "openrc.$N-$1" -name cgroup.procs -exec cat {} + | wc -l; else echo none; fi; }
service daemon start
[ "$(cat "openrc.$N-daemon/cgroup.procs")" = "$(cat "$RC_TEST_ROOT/run/daemon.pid")" ] && echo daemon in group
service daemon status
service daemon stop
members daemon
service forks start
members forks
service forks stop
members forks
service hangs start
members hangs
service quick start
members quick
for group in "openrc.$N-"*; do
	[ -d "$group" ] || continue
	echo 1 > "$group/cgroup.kill"
	for try in 1 2 3 4 5 6 7 8 9; do rmdir "$group" 2>/dev/null && break; sleep 0.1; done
done
"#;

#[test]
fn control_groups_hold_what_a_service_starts() {
    let root = root("groups", "");
    fs::create_dir_all(root.0.join("sys/fs/cgroup")).unwrap();
    let number = format!("rctest{}", std::process::id());
    let named = |name: &str, body: &str| root.script(&format!("{number}-{name}"), body);
    named(
        "daemon",
        "command=/bin/sleep\ncommand_args=1000\ncommand_background=yes\npidfile=$RC_TEST_ROOT/run/daemon.pid\n",
    );
    let group = format!("$RC_TEST_ROOT/sys/fs/cgroup/openrc.{number}-forks/below");
    named(
        "forks",
        &format!(
            "rc_cgroup_cleanup=yes rc_timeout_stopsec=1\nstart() {{ mkdir {group}; \
             setsid sh -c 'echo $$ >{group}/cgroup.procs; trap : TERM; sleep 1000; sleep 1000' & setsid sleep 1000 & \
             sleep 0.5; }}\nstop() {{ :; }}\n"
        ),
    );
    named("hangs", "start() { setsid sleep 1000 & sleep 1000; }\n");
    root.write(&format!("etc/conf.d/{number}-hangs"), "rc_timeout_start=1\n");
    named("quick", "start() { :; }\n");
    symlink(env!("CARGO_BIN_EXE_rc"), root.0.join("usr/lib/rc/bin/cgroup-cleanup")).unwrap();
    let mut command = Command::new("unshare");
    command.args(["-m", "sh", "-c", IN_GROUPS]).env("RC", env!("CARGO_BIN_EXE_rc")).env("N", &number);
    let output = match command.env("RC_TEST_ROOT", &root.0).output() {
        Ok(output) if output.status.code() != Some(77) && !output.stdout.is_empty() => output,
        _ => testkit::skip!("no control groups of our own (needs root, `unshare` and cgroup version 2)"),
    };
    let (_, said) = ended(output);
    let want = "daemon start 0\ndaemon in group\ndaemon status 0\ndaemon stop 0\nnone\nforks start 0\n3\nforks stop 0\nnone\n\
         hangs start 1\nnone\nquick start 0\nnone\n";
    assert_eq!(said, want);
}

#[test]
fn a_service_that_waits_is_started_later() {
    let root = root("inactive", "");
    root.script(
        "line",
        "start() { [ -n \"$UP\" ] || mark_service_inactive; }\nUP=$(cat $RC_TEST_ROOT/up 2>/dev/null) || :\n",
    );
    root.script("user", "depend() { need line; }\nstart() { echo user is up; }\n");
    // Its name comes later, its start earlier.
    root.script("vital", "depend() { need line; before user; }\nstart() { echo vital is up; }\n");
    for waiting in ["user", "vital"] {
        let (code, said) = run(&root, "/bin/sh", waiting, "start");
        let wanted = format!("WARNING: {waiting} will start when line has started");
        assert!(code == 1 && said.contains(&wanted), "{said}");
    }
    root.write("up", "yes");
    let script = root.0.join("etc/init.d/line");
    let mut command = root.real("openrc-run");
    let (code, said) = ended(command.arg(script).arg("start").env("IN_BACKGROUND", "yes").output().unwrap());
    assert_eq!(code, 0, "{said}");
    assert_eq!(root.state("started"), "line user vital");
    assert!(said.find("vital is up") < said.find("user is up"), "{said}");
}

#[test]
fn a_log_does_not_lead_to_another_file() {
    let root = root("logs", "");
    let at = |path: &str| root.0.join(path).to_string_lossy().into_owned();
    fs::create_dir_all(at("logs")).unwrap();
    // As somebody who owns the directory would: root's own links are followed.
    let foreign = std::os::unix::fs::lchown(at("logs"), Some(65534), Some(65534)).is_ok();
    fs::write(at("victim"), "text\n").unwrap();
    symlink(at("victim"), at("logs/soft")).unwrap();
    fs::hard_link(at("victim"), at("logs/hard")).unwrap();
    let write = |name: &str| {
        root.program(name, "#!/bin/sh\necho said\nexec sleep 2\n");
        let mut command = root.real("start-stop-daemon --start --background --make-pidfile");
        command.args(["--pidfile", &at(&format!("run/{name}.pid"))]).args(["--exec", &at(name)]);
        command.args(["--stdout", &at(&format!("logs/{name}"))]);
        ended(command.output().unwrap())
    };
    assert_eq!(write("plain"), (0, String::new()));
    let end = Instant::now() + Duration::from_secs(20);
    while fs::read_to_string(at("logs/plain")).unwrap() != "said\n" {
        assert!(Instant::now() < end, "nothing was logged");
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(write("hard").0, 1);
    if foreign {
        assert_eq!(write("soft").0, 1);
    } else {
        testkit::skipped("a directory of somebody else (needs root)");
    }
    assert_eq!(fs::read_to_string(at("victim")).unwrap(), "text\n");
}

#[test]
fn checkpath_is_not_led_astray() {
    let root = root("checkpath", "");
    let at = |path: &str| root.0.join(path).to_string_lossy().into_owned();
    let check = |words: &str, path: &str| {
        ended(root.real("checkpath -q").args(words.split(' ')).arg(at(path)).output().unwrap())
    };
    assert_eq!(check("-d -m 0750", "made").0, 0);
    assert_eq!(fs::metadata(at("made")).unwrap().permissions().mode() & 0o7777, 0o750);
    assert_eq!(check("-f -m 0640", "made/file").0, 0);
    assert_eq!(check("-d", "made/file").0, 1);
    fs::write(at("victim"), "text").unwrap();
    fs::hard_link(at("victim"), at("made/hard")).unwrap();
    symlink(at("victim"), at("made/soft")).unwrap();
    for name in ["made/hard", "made/soft"] {
        assert_eq!(check("-F -m 0666", name).0, 1, "{name}");
    }
    assert_eq!(fs::read_to_string(at("victim")).unwrap(), "text");
    fs::create_dir_all(at("made/full/deep")).unwrap();
    symlink(at("victim"), at("made/full/link")).unwrap();
    assert_eq!(check("-D", "made/full").0, 0);
    assert_eq!(fs::read_dir(at("made/full")).unwrap().count(), 0);
    assert!(Path::new(&at("victim")).exists());
}
