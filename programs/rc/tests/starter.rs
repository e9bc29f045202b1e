//! Services that a logged-in user starts, and how they lose the login UID.
#![expect(clippy::unwrap_used, reason = "all of this is test code")]

mod common;

use common::{Root, ended};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const NOBODY: &str = "4294967295";

/// Sets the login UID that the programs find, unless the kernel has one.
fn set_number(root: &Root, number: &str) {
    if !root.0.join("proc").is_symlink() {
        root.write("proc/self/loginuid", number);
    }
}

/// A starter of its own, ended with the test.
struct Starter(Child);

impl Starter {
    fn of(root: &Root) -> Starter {
        // Init has no login UID.
        let number = root.read("proc/self/loginuid");
        set_number(root, NOBODY);
        let child = root.real("rc-starter").spawn().unwrap();
        let begun = Instant::now();
        while !root.0.join("run/openrc/starter/socket").exists() {
            assert!(begun.elapsed() < Duration::from_secs(10), "the starter does not listen");
            std::thread::sleep(Duration::from_millis(10));
        }
        set_number(root, number.trim_end());
        Starter(child)
    }
}

impl Drop for Starter {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// A root in which the caller belongs to a login.
fn root_of_a_login(name: &str) -> Root {
    let root = Root::new(name, "", "");
    fs::create_dir_all(root.0.join("proc/self")).unwrap();
    root.write("proc/self/loginuid", "1000");
    root.script("told", "start() { pwd; echo \"mark=$RC_MARK\" ; cat; return 3; }");
    root
}

#[test]
fn a_command_is_the_starters_with_the_callers_descriptors() {
    let root = root_of_a_login("starter");
    let _starter = Starter::of(&root);
    let folder = fs::metadata(root.0.join("run/openrc/starter")).unwrap().permissions().mode();
    let socket = fs::metadata(root.0.join("run/openrc/starter/socket")).unwrap().permissions().mode();
    assert_eq!((folder & 0o777, socket & 0o777), (0o700, 0o600));
    for command in [vec!["rc-service", "told", "start"], vec!["openrc-run", "etc/init.d/told", "start"]] {
        let mut run = root.real(command[0]);
        run.args(&command[1..]).current_dir(&root.0).env("RC_MARK", "the caller's").stdin(Stdio::piped());
        let mut child = run.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), b"from standard input\n").unwrap();
        let (code, text) = ended(child.wait_with_output().unwrap());
        assert_eq!(code, 1, "{text}");
        // Neither in the caller's directory nor with the caller's variables, though their names begin as rc's own do.
        assert!(text.starts_with("/\nmark=\nfrom standard input\n"), "{text}");
    }
}

#[test]
fn without_a_starter_nothing_is_started_for_a_login() {
    let root = root_of_a_login("no-starter");
    drop(Starter::of(&root));
    let (code, text) = root.run("rc-service told start");
    assert!(code == 1 && text.contains("rc-starter") && !text.contains("mark="), "{text}");
    // What only asks needs nobody.
    let (code, text) = root.run("rc-service told status");
    assert!(code == 3 && text.contains("stopped"), "{code} {text}");
    // A system that never had one works as OpenRC does, and so does who has no number.
    root.write("proc/self/loginuid", NOBODY);
    assert!(root.run("rc-service told start").1.contains("mark="));
    fs::remove_dir_all(root.0.join("run/openrc/starter")).unwrap();
    root.write("proc/self/loginuid", "1000");
    assert!(root.run("rc-service told start").1.contains("mark="));
}

#[test]
fn another_takes_the_place_of_one_that_ended() {
    let root = root_of_a_login("successor");
    let first = Starter::of(&root);
    set_number(&root, NOBODY);
    let second = Starter(root.real("rc-starter").spawn().unwrap());
    // So far that it waits: it has looked at its own number, and has the lock's file.
    let has_lock = |link: std::io::Result<fs::DirEntry>| {
        link.and_then(|link| fs::read_link(link.path())).is_ok_and(|file| file.ends_with("starter/lock"))
    };
    while !fs::read_dir(format!("/proc/{}/fd", second.0.id())).unwrap().any(has_lock) {
        std::thread::sleep(Duration::from_millis(10));
    }
    // Init's first call returns at once when one is there; a login's own is refused.
    assert_eq!(root.run("rc-starter --detach").0, 0);
    set_number(&root, "1000");
    assert_eq!(root.run("rc-starter --detach").0, 1);
    drop(first);
    assert!(root.run("rc-service told start").1.contains("mark="));
}

#[test]
fn a_caller_that_is_gone_ends_its_command() {
    let root = root_of_a_login("gone");
    let _starter = Starter::of(&root);
    root.script("long", "start() { echo $$ > $RC_TEST_ROOT/pid; exec sleep 600; }");
    for signal in ["TERM", "KILL"] {
        drop(fs::remove_file(root.0.join("pid")));
        let mut caller = root.real("rc-service").args(["long", "start"]).spawn().unwrap();
        let until = |done: &dyn Fn() -> bool| {
            let begun = Instant::now();
            while !done() {
                assert!(begun.elapsed() < Duration::from_secs(20), "{signal}");
                std::thread::sleep(Duration::from_millis(20));
            }
        };
        let number = || fs::read_to_string(root.0.join("pid")).unwrap_or_default().trim().to_owned();
        until(&|| !number().is_empty());
        // The shell's own: there may be no program of this name.
        let kill = format!("kill -s {signal} {}", caller.id());
        assert!(Command::new("/bin/sh").args(["-c", &kill]).status().unwrap().success());
        caller.wait().unwrap();
        until(&|| !common::service::runs(&number()));
    }
}

/// The attack itself, if the machine lets a test have a login UID: a login's services have none, and any other program
/// keeps the login UID, however its path is written.
#[test]
fn a_service_has_no_number_and_anything_else_has_its_persons() {
    if fs::read_to_string("/proc/self/loginuid").unwrap_or_default().trim_end() != NOBODY {
        return;
    }
    let root = Root::new("numbers", "", "");
    symlink("/proc", root.0.join("proc")).unwrap();
    fs::create_dir(root.0.join("home")).unwrap();
    let body = "#!/sbin/openrc-run\nstart() { echo number=$(cat /proc/self/loginuid); }\n";
    root.script("service", "start() { echo number=$(cat /proc/self/loginuid); }");
    root.write("home/x", body);
    fs::set_permissions(root.0.join("home/x"), fs::Permissions::from_mode(0o755)).unwrap();
    let as_person = |command: &[&str]| {
        let words = root.real(command[0]);
        // The login UID, then the program of rc under its name.
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", "echo 4242 > /proc/self/loginuid && exec \"$@\"", "sh", env!("CARGO_BIN_EXE_rc")]);
        shell.args(command).current_dir(&root.0);
        shell.envs(words.get_envs().filter_map(|(name, value)| Some((name, value?))));
        ended(shell.output().unwrap()).1
    };
    assert!(as_person(&["rc-service", "service", "start"]).contains("number=4242"));
    root.run("rc-service service zap");
    let starter = Starter::of(&root);
    for command in [
        ["rc-service", "service", "restart"].as_slice(),
        &["openrc-run", "etc/init.d/service", "restart"],
        &["openrc-run", "etc/runlevels/../init.d/service", "restart"],
        &["openrc", "--service", "service", "restart"],
    ] {
        let text = as_person(command);
        assert!(text.contains(&format!("number={NOBODY}")), "{command:?}: {text}");
    }
    for script in ["home/x", "etc/init.d/../../home/x"] {
        let text = as_person(&["openrc-run", script, "start"]);
        assert!(text.contains("number=4242"), "{script}: {text}");
        root.run("rc-service x zap");
        fs::remove_dir_all(root.0.join("run/openrc/started")).unwrap();
    }
    let made = root.0.join("home/made");
    root.program("home/daemon", &format!("#!/bin/sh\ncat /proc/self/loginuid > {}\n", made.display()));
    as_person(&["start-stop-daemon", "--start", "--exec", root.0.join("home/daemon").to_str().unwrap()]);
    assert_eq!(root.read("home/made"), "4242");
    drop(starter);
}

/// The socket itself: it runs only the programs that change services, whoever writes to it.
#[test]
fn what_is_no_request_is_refused() {
    use std::io::{Read, Write};
    let root = root_of_a_login("hostile");
    let _starter = Starter::of(&root);
    let mut numbers = 1_u64;
    for round in 0..200 {
        let mut socket = std::os::unix::net::UnixStream::connect(root.0.join("run/openrc/starter/socket")).unwrap();
        let mut bytes = vec![0; round];
        for byte in &mut bytes {
            numbers = numbers.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            *byte = (numbers >> 56) as u8;
        }
        // It may have refused before it has read all.
        drop(socket.write_all(&bytes));
        socket.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = Vec::new();
        drop(socket.read_to_end(&mut answer));
        assert!(matches!(answer.first(), None | Some(1)), "{answer:?}");
    }
    assert!(root.run("rc-service told start").1.contains("mark="));
}
