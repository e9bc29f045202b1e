//! A root directory for tests, with service scripts and runlevels.

#![allow(dead_code, clippy::print_stdout)]

pub mod service;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

/// Stands in for `openrc-run`: marks states, and fails, hangs or takes time as the service's name says.
const STAND_IN: &str = r#"#!/bin/sh
s=${1##*/} S=$RC_TEST_ROOT/run/openrc
echo "begin $2 $s" >> $RC_TEST_ROOT/order
case $2 in
start)
	case $s in
	slow*) sleep 0.3 ;;
	bad*) echo "end $2 $s" >> $RC_TEST_ROOT/order; exit 1 ;;
	hang*) sleep 100 ;;
	inactive*) ln -s $1 $S/inactive/$s; exit 1 ;;
	flood*) line=$(printf %01000d 0); while :; do echo $line; done ;;
	talk*) for n in 1 2 3 4 5; do echo "$s $n"; sleep 0.02; done ;;
	esac
	ln -sf $1 $S/started/$s ;;
stop)
	case $s in stay*) exit 1 ;; esac
	rm -f $S/started/$s ;;
esac
echo "end $2 $s" >> $RC_TEST_ROOT/order
"#;

/// The directory of test roots: in memory if possible, as /run is. It must allow programs; containers often mount
/// /dev/shm without.
fn base() -> &'static Path {
    static BASE: OnceLock<PathBuf> = OnceLock::new();
    BASE.get_or_init(|| {
        let memory = PathBuf::from("/dev/shm");
        if can_run_in(&memory) { memory } else { std::env::temp_dir() }
    })
}

fn can_run_in(directory: &Path) -> bool {
    let probe = directory.join(format!("rc-probe-{}", std::process::id()));
    let runs = fs::write(&probe, "#!/bin/sh\n:\n").is_ok()
        && fs::set_permissions(&probe, fs::Permissions::from_mode(0o755)).is_ok()
        && Command::new(&probe).status().is_ok_and(|status| status.success());
    // Not there, if it could not be written.
    drop(fs::remove_file(&probe));
    runs
}

/// A root of its own for each test; removed at the end.
pub struct Root(pub PathBuf);

impl Root {
    /// Scripts as `a: need b; after c, d` and runlevels as `default: a d, boot: c`; `@name` stacks.
    pub fn new(name: &str, scripts: &str, levels: &str) -> Root {
        let root = base().join(format!("rc-test-{name}-{}", std::process::id()));
        // Remains of an interrupted run.
        drop(fs::remove_dir_all(&root));
        for directory in ["etc/init.d", "etc/conf.d", "run", "var/log", "usr/lib/rc", "bin"] {
            fs::create_dir_all(root.join(directory)).unwrap();
        }
        fs::write(root.join(".rc-test-root"), "").unwrap();
        symlink(Path::new(env!("CARGO_MANIFEST_DIR")).join("sh"), root.join("usr/lib/rc/sh")).unwrap();
        let made = Root(root);
        let named = levels.split(',').filter_map(|one| one.split_once(':')).map(|(level, _)| level.trim());
        for level in ["sysinit", "boot", "default", "nonetwork", "shutdown", "single"].into_iter().chain(named) {
            fs::create_dir_all(made.0.join("etc/runlevels").join(level)).unwrap();
        }
        for one in scripts.split(',').filter(|one| !one.trim().is_empty()) {
            let (name, said) = one.split_once(':').unwrap_or((one, ""));
            made.script(name.trim(), &format!("depend() {{\n:\n{}\n}}\n", said.replace(';', "\n")));
        }
        for one in levels.split(',').filter(|one| !one.trim().is_empty()) {
            let (level, words) = one.split_once(':').unwrap();
            for word in words.split_whitespace() {
                let directory = made.0.join("etc/runlevels").join(level.trim());
                match word.strip_prefix('@') {
                    Some(other) => symlink(Path::new("..").join(other), directory.join(other)).unwrap(),
                    None => symlink(Path::new("/etc/init.d").join(word), directory.join(word)).unwrap(),
                }
            }
        }
        made.program("bin/stand-in", STAND_IN);
        made
    }

    /// Writes a service script.
    pub fn script(&self, name: &str, body: &str) {
        self.program(&format!("etc/init.d/{name}"), &format!("#!/sbin/openrc-run\n{body}"));
    }

    /// Writes a file that can be run.
    pub fn program(&self, path: &str, text: &str) {
        fs::write(self.0.join(path), text).unwrap();
        fs::set_permissions(self.0.join(path), fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Writes a file.
    pub fn write(&self, path: &str, text: &str) {
        fs::write(self.0.join(path), text).unwrap();
    }

    /// Reads a file; empty if it is not there.
    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.0.join(path)).unwrap_or_default()
    }

    /// A program of ours, with the stand-in for `openrc-run`.
    pub fn command(&self, words: &str) -> Command {
        let mut command = self.real(words);
        command.env("RC_TEST_OPENRC_RUN", self.0.join("bin/stand-in"));
        command
    }

    /// A program of ours.
    pub fn real(&self, words: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rc"));
        command.args(words.split(' ')).env("RC_TEST_ROOT", &self.0).env_remove("RC_TEST_SHELL");
        command
    }

    /// Runs it; exit code and all output.
    pub fn run(&self, words: &str) -> (i32, String) {
        ended(self.command(words).output().unwrap())
    }

    /// Services in a state, in one line.
    pub fn state(&self, word: &str) -> String {
        let entries = fs::read_dir(self.0.join("run/openrc").join(word)).into_iter().flatten().flatten();
        let mut names: Vec<String> = entries.map(|entry| entry.file_name().into_string().unwrap()).collect();
        names.sort();
        names.join(" ")
    }

    /// The stand-in's actions since the last call: `start a`, in the order in which they ended.
    pub fn order(&self) -> Vec<String> {
        let lines = self.read("order");
        drop(fs::remove_file(self.0.join("order")));
        lines.lines().filter_map(|line| line.strip_prefix("end ")).map(str::to_owned).collect()
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

/// Exit code and all output.
pub fn ended(output: Output) -> (i32, String) {
    let text = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&text).into_owned())
}
