//! One service, run as a person would run it, and its processes.

use super::{Root, ended};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, Instant};

/// A root in which services can start daemons.
pub fn root(name: &str, scripts: &str) -> Root {
    let root = Root::new(name, scripts, "");
    fs::create_dir_all(root.0.join("usr/lib/rc/bin")).unwrap();
    for name in ["start-stop-daemon", "supervise-daemon", "checkpath", "service_crashed", "mark_service_inactive"] {
        symlink(env!("CARGO_BIN_EXE_rc"), root.0.join("usr/lib/rc/bin").join(name)).unwrap();
    }
    root
}

/// Runs commands of a service under a shell; exit code and output.
pub fn run(root: &Root, shell: &str, service: &str, commands: &str) -> (i32, String) {
    let script = root.0.join("etc/init.d").join(service);
    let mut command = root.real("openrc-run");
    command.arg(script).args(commands.split(' ')).env("RC_TEST_SHELL", shell);
    ended(command.output().unwrap())
}

/// Whether a process runs; a zombie does not.
pub fn runs(number: &str) -> bool {
    let stat = fs::read_to_string(Path::new("/proc").join(number).join("stat")).unwrap_or_default();
    stat.rsplit(')').next().is_some_and(|rest| !rest.is_empty() && !rest.trim().starts_with('Z'))
}

/// The number in a pid file.
pub fn pid(root: &Root, file: &str) -> String {
    root.read(file).trim().to_owned()
}

/// Calls a test for each shell, with a root of its own.
pub fn for_shells(name: &str, scripts: &str, test: impl Fn(&Root, &str)) {
    let shells = ["/bin/sh", "/bin/dash", "/bin/busybox sh", "/usr/bin/busybox sh"];
    let here = shells.into_iter().filter(|shell| Path::new(shell.split(' ').next().unwrap()).exists());
    for shell in here {
        test(&root(&format!("{name}-{}", shell.len()), scripts), shell);
    }
}

/// Waits for an event.
pub fn wait_until(limit: u64, mut done: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < Duration::from_secs(limit), "not within {limit} seconds");
        std::thread::sleep(Duration::from_millis(20));
    }
}
