//! Runlevels from outside: `openrc`, `rc-update`, `rc-status`, `rc-depend` in a root of their own.

#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

mod common;

use common::{Root, ended};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

fn boot(root: &Root) -> String {
    ["sysinit", "boot", "default"].map(|level| root.run(&format!("openrc {level}")).1).concat()
}

#[test]
fn a_machine_comes_up_changes_and_goes_down() {
    let root = Root::new(
        "life",
        "dev: keyword -shutdown, log:, net.lo: provide net, web: need net db; use log; after log, db: before net, cache: want db, tty: keyword -stop, off:",
        "sysinit: dev, boot: log net.lo, default: web @extra, extra: cache, nonetwork: tty, shutdown: off",
    );
    assert_eq!(root.run("openrc sysinit").0, 0);
    assert_eq!((root.state("started"), root.read("run/openrc/softlevel")), ("dev".to_owned(), "sysinit\n".to_owned()));
    assert_eq!(root.run("openrc boot").0, 0);
    assert_eq!(root.state("started"), "dev log net.lo");
    drop(root.order());
    assert_eq!(root.run("openrc default").0, 0);
    let order = root.order();
    let at = |what: &str| order.iter().position(|line| line == what);
    assert!(at("start db") < at("start web") && at("start db") < at("start cache"), "{order:?}");
    assert_eq!(root.state("started"), "cache db dev log net.lo web");
    // Again: nothing to do.
    assert_eq!(root.run("openrc"), (0, String::new()));
    assert!(root.order().is_empty());
    root.run("openrc nonetwork");
    let order = root.order();
    let at = |what: &str| order.iter().position(|line| line == what);
    assert!(at("stop web") < at("stop db") && at("stop web").is_some(), "{order:?}");
    assert_eq!(root.state("started"), "dev log net.lo tty");
    root.run("openrc single");
    assert_eq!(root.state("started"), "dev tty");
    root.run("openrc shutdown");
    assert_eq!(root.state("started"), "dev off tty");
    let log = root.read("var/log/rc.log");
    for event in ["web started", "web stopped", "openrc default->nonetwork", "openrc shutdown-reached"] {
        assert!(log.contains(event), "{event}: {log}");
    }
}

#[test]
fn what_fails_hangs_or_goes_in_circles_stops_nothing_else() {
    let root = Root::new(
        "bad",
        "bad:, a: need bad, b: want bad, hang:, c: need hang, d: after hang, x: need y, y: need x, p: after q, q: after p, \
         m: need missing, z: need x, inactive:, w: need inactive",
        "default: a b c d x z p q m w",
    );
    root.write("etc/conf.d/hang", "rc_timeout_start=1\n");
    let begun = Instant::now();
    let said = boot(&root);
    assert!(begun.elapsed() < Duration::from_secs(50), "{:?}", begun.elapsed());
    assert_eq!(root.state("started"), "b d p q", "{said}");
    assert_eq!(root.state("failed"), "a bad c hang m x y z", "{said}");
    assert!(root.0.join("run/openrc/scheduled/inactive/w").symlink_metadata().is_ok());
    for line in [
        "cannot start a as bad would not start",
        "hang took longer than",
        "services need each other in a circle: x -> y -> x",
        "cannot start z as x would not start",
        "dependency cycle: p -> q -> p; ignored: q after p",
        "m needs service(s) missing",
        "w is scheduled to start when inactive has started",
    ] {
        assert!(said.contains(line), "{line:?} is missing in\n{said}");
    }
    let (_, chart) = root.run("rc-status --timing");
    assert!(chart.lines().any(|line| line.starts_with("d ") && line.ends_with("hang")), "{chart}");
}

/// As the seed has it: no first line that names an interpreter.
const JEFE: &str = r#"# /etc/init.d/jefe - JefeLinux service script
name="Jefe Application Manager"
command="/opt/jefe/bin/jefe-setup"
command_background="yes"
pidfile="/run/${RC_SVCNAME}.pid"
depend() {
need net
after docker
}
"#;

#[test]
fn the_seeds_script_is_started_after_net_and_docker() {
    // members of default besides jefe -> what starts, in this order
    let cases = [
        ("", "start net, start jefe"),
        ("docker", "start slow-disk, start docker, start net, start jefe"),
        ("slow-net", "start slow-net, start jefe"),
    ];
    for (others, want) in cases {
        let name = format!("seed{}", others.len());
        let scripts = "net:, docker: need slow-disk; before net, slow-disk:, slow-net: provide net";
        let root = Root::new(&name, scripts, &format!("default: jefe {others}"));
        root.program("etc/init.d/jefe", JEFE);
        root.write("etc/init.d/README", "# not executable: no service\n");
        if others == "slow-net" {
            fs::remove_file(root.0.join("etc/init.d/net")).unwrap();
        }
        let (_, said) = root.run("openrc default");
        assert_eq!(root.order().join(", "), want, "{said}");
        assert_eq!(root.run("rc-service -e jefe").0, 0);
        assert!(!root.run("rc-depend -u").1.contains("README"));
    }
}

#[test]
fn a_service_that_stays_up_keeps_nothing_else_up_when_the_runlevel_changes() {
    let root = Root::new("stay", "stay: need base, base:, other:", "default: stay, nonetwork: other");
    boot(&root);
    let (_, said) = root.run("openrc nonetwork");
    assert!(!said.contains("cannot stop base"), "{said}");
    assert_eq!(root.state("started"), "other stay");
    root.run("openrc shutdown");
    assert_eq!(root.state("started"), "stay");
}

#[test]
fn output_of_services_is_not_mixed() {
    let root = Root::new("talk", "talk1:, talk2:, talk3:", "default: talk1 talk2 talk3");
    let said = boot(&root);
    let lines: Vec<&str> = said.lines().filter(|line| line.starts_with("talk")).collect();
    assert_eq!(lines.len(), 15, "{said}");
    for block in lines.chunks(5) {
        let name = block[0].split(' ').next();
        assert!(block.iter().all(|line| line.split(' ').next() == name), "{said}");
    }
    root.write("etc/rc.conf", "rc_parallel=NO\n");
    root.run("openrc shutdown");
    drop(root.order());
    root.run("openrc default");
    assert_eq!(root.order(), ["start talk1", "start talk2", "start talk3"]);
}

#[test]
fn a_service_that_prints_without_end_fills_nothing() {
    let root = Root::new("flood", "flood:, a: after flood", "default: flood a");
    root.write("etc/conf.d/flood", "rc_timeout_start=3\n");
    let said = boot(&root);
    assert_eq!((root.state("started"), root.state("failed")), ("a".to_owned(), "flood".to_owned()));
    assert!(said.contains("flood prints without end"), "{} bytes", said.len());
    assert!(said.len() < 2 << 20, "{} bytes", said.len());
}

#[test]
fn overriding_the_runlevel_after_boot() {
    let root = Root::new("override", "a:, b:", "default: a, nonetwork: b");
    fs::create_dir_all(root.0.join("proc")).unwrap();
    root.write("proc/cmdline", "quiet softlevel=nonetwork\n");
    boot(&root);
    assert_eq!(root.state("started"), "b");
    root.run("openrc default");
    assert_eq!(root.state("started"), "a");
    assert_eq!(root.run("openrc nowhere").0, 1);
    assert_eq!(root.run("rc-status -r").1, "default\n");
}

#[test]
fn dependencies_are_read_from_scripts_once() {
    let root = Root::new("cache", "a: need b; config /etc/extra, b:", "default: a");
    root.write("etc/conf.d/b", "rc_after=\"c\"\n");
    root.write("etc/rc.conf", "rc_c_before=\"a b\"\nrc_depend_strict=YES\n");
    root.script("c", "echo noise\nexport X=$(date)\n");
    root.script("broken", "depend() {\nneed a\n");
    root.script("leaves", "exit 3\n");
    root.script("net.eth0", "depend() {\nneed $from_conf\nafter net.* *\n}\n");
    root.write("etc/conf.d/net", "from_conf='a b'\n");
    fs::create_dir_all(root.0.join("run/openrc")).unwrap();
    let (code, said) = root.run("rc-depend -t need,after net.eth0");
    assert_eq!(code, 0, "{said}");
    assert!(said.starts_with("b a net.eth0\n"), "{said}");
    assert_eq!(root.run("rc-depend -t before,need c").1, "c\n");
    assert!(root.run("rc-depend -u").1.contains("broken: its script could not be read to the end"));
    let cache = root.0.join("run/openrc/deptree");
    let made = || fs::metadata(&cache).unwrap().modified().unwrap();
    let first = made();
    root.run("rc-depend a");
    assert_eq!(made(), first, "the cache was valid and was made again");
    // Each of these makes it stale.
    for (path, text) in [
        ("etc/conf.d/new", "x=1\n"),
        ("etc/rc.conf", "rc_c_before=b\n"),
        ("etc/extra", ""),
        ("etc/init.d/b", "#!/sbin/openrc-run\n# changed\n"),
    ] {
        let before = made();
        std::thread::sleep(Duration::from_millis(20));
        root.write(path, text);
        assert_eq!(root.run("rc-depend a").0, 0);
        assert_ne!(made(), before, "{path} changed and the cache was not made again");
    }
    for (mode, want) in [(0o644, "a\n"), (0o755, "b a\n")] {
        fs::set_permissions(root.0.join("etc/init.d/b"), fs::Permissions::from_mode(mode)).unwrap();
        let (_, said) = root.run("rc-depend a");
        assert!(said.starts_with(want), "{mode:o}: {said}");
    }
    // A cache that is cut short or nonsense is made again.
    for bytes in [&b"rc-deptree 1\n"[..], b"\xff\xfe\x00", b""] {
        fs::write(&cache, bytes).unwrap();
        assert!(root.run("rc-depend a").1.starts_with("b a\n"));
    }
}

#[test]
fn a_shipped_cache_needs_no_shell() {
    let root = Root::new("ship", "a: need b, b:", "default: a");
    let file = root.0.join("usr/lib/rc/deptree");
    let write = format!("rc-depend --write {} --root {}", file.display(), root.0.display());
    assert_eq!(root.run(&write), (0, String::new()));
    let first = fs::read(&file).unwrap();
    // Times are not in it: they are what packing the image makes of them.
    std::thread::sleep(Duration::from_millis(20));
    root.script("b", "depend() {\n:\n\n}\n");
    assert_eq!(root.run(&write).0, 0);
    assert_eq!(first, fs::read(&file).unwrap());
    let mut without_shell = root.command("rc-depend a");
    without_shell.env("RC_TEST_SHELL", "/nonexistent/sh");
    assert_eq!(ended(without_shell.output().unwrap()), (0, "b a\n".to_owned()));
    root.script("b", "# other\n");
    without_shell = root.command("rc-depend a");
    without_shell.env("RC_TEST_SHELL", "/nonexistent/sh");
    assert_eq!(without_shell.output().unwrap().status.code(), Some(1));
}

#[test]
fn a_script_that_hangs_while_it_is_read_costs_only_itself() {
    let root = Root::new("stuck", "a: need z, z:", "default: a");
    root.script("m", "sleep 1000\n");
    let begun = Instant::now();
    let (code, said) = root.run("rc-depend a");
    assert_eq!((code, said.starts_with("z a\n")), (0, true), "{said}");
    assert!(begun.elapsed() < Duration::from_secs(60));
}

#[test]
fn runlevels_are_edited() {
    let root = Root::new("update", "a:, b:", "default: a");
    root.write("etc/init.d/hidden", "#!/sbin/openrc-run\n");
    root.program("etc/init.d/other", "#!/bin/sh\necho \"other says $*\"\n");
    root.run("openrc default");
    // words -> exit code, last line of output
    let cases = [
        ("rc-update add zz", 1, " * rc-update: service `zz' does not exist"),
        ("rc-update add a default", 0, " * rc-update: a already installed in runlevel `default'; skipping"),
        ("rc-update add b", 0, " * service b added to runlevel default"),
        ("rc-update add b boot default", 0, " * rc-update: b already installed in runlevel `default'; skipping"),
        ("rc-update add b nolevel", 1, " * rc-update: `nolevel' is not a valid runlevel"),
        ("rc-update del b", 0, " * service b removed from runlevel default"),
        ("rc-update del b", 1, " * rc-update: service `b' is not in the runlevel `default'"),
        ("rc-update -a del b", 0, " * service b removed from runlevel boot"),
        ("rc-update -a del b", 1, " * rc-update: service `b' is not in any runlevel"),
        ("rc-update -s add boot default", 1, " * rc-update: cannot stack the boot runlevel: it is part of all others"),
        ("rc-update -s add nonetwork default", 0, " * runlevel nonetwork added to runlevel default"),
        ("rc-update -s del nonetwork default", 0, " * runlevel nonetwork removed from runlevel default"),
        ("rc-update add ../../x boot", 1, " * rc-update: `../../x' cannot be a name"),
        ("rc-update show default", 0, "                   a | default"),
        ("rc-update", 0, "                   a |      default                                  "),
        ("rc-service -e a", 0, ""),
        ("rc-service -e zz", 1, ""),
        ("rc-service -e hidden", 0, ""),
        ("rc-update add hidden boot", 1, " * rc-update: service `hidden' is not executable"),
        (
            "rc-service -i hidden start",
            1,
            " * rc-service: service `hidden' is not executable; `chmod +x` on its script changes that",
        ),
        ("rc-service other a b", 0, "other says a b"),
        ("rc-service other", 0, "other says "),
        ("rc-service zz start", 1, " * rc-service: service `zz' does not exist"),
        ("rc-service -i zz start", 0, ""),
        ("rc-service -N a start", 0, ""),
        ("rc-status -f ini", 0, "[Dynamic manual]"),
        ("rc-status nosuch", 1, " * rc-status: runlevel `nosuch' does not exist"),
        ("rc-status -c", 1, ""),
    ];
    for (words, code, line) in cases {
        let (got, said) = root.run(words);
        assert_eq!((got, said.lines().last().unwrap_or_default().to_owned()), (code, line.to_owned()), "{words}");
    }
    let row = format!(" a{:65}[  started  ]", "");
    assert!(root.run("rc-status").1.lines().any(|line| line == row), "{}", root.run("rc-status").1);
}
