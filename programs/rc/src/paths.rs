//! All paths: one value, made once, passed to all.
//!
//! Tests work in a directory of their own: the variable `RC_TEST_ROOT` prefixes every path, but only if that directory
//! has a file named `.rc-test-root`. Paths in a service script (`pidfile=`, `command=`) never change.

use std::env;
use std::path::{Path, PathBuf};

/// Marks a directory as a root for tests.
pub const TEST_MARK: &str = ".rc-test-root";

/// The base directories and files.
#[derive(Clone, Debug)]
pub struct Paths {
    /// `/`, or the root for tests.
    pub root: PathBuf,
    /// Whether this is a root for tests.
    pub is_test: bool,
    /// Service scripts: `/etc/init.d`.
    pub init_d: PathBuf,
    /// Configuration of services: `/etc/conf.d`.
    pub conf_d: PathBuf,
    /// `/etc/rc.conf`.
    pub rc_conf: PathBuf,
    /// `/etc/runlevels`.
    pub runlevels: PathBuf,
    /// `/run/openrc`.
    pub state: PathBuf,
    /// Our own files, read-only: `/usr/lib/rc`.
    pub lib: PathBuf,
    /// `/var/log/rc.log`.
    pub log: PathBuf,
    /// `/run`.
    pub run: PathBuf,
    /// Where control groups are mounted: `/sys/fs/cgroup`.
    pub cgroup: PathBuf,
    /// The shell that runs service scripts, with its leading arguments.
    pub shell: Vec<String>,
}

impl Paths {
    /// The paths of this system, or of the test root in the environment.
    pub fn system() -> Paths {
        match env::var_os("RC_TEST_ROOT").map(PathBuf::from) {
            Some(root) if root.is_absolute() && root.join(TEST_MARK).exists() => Paths::below(&root, true),
            _ => Paths::below(Path::new("/"), false),
        }
    }

    /// The paths below a root.
    pub fn below(root: &Path, is_test: bool) -> Paths {
        let shell = match env::var("RC_TEST_SHELL") {
            Ok(words) if is_test && !words.is_empty() => words.split(' ').map(str::to_owned).collect(),
            _ => vec!["/bin/sh".to_owned()],
        };
        Paths {
            root: root.to_owned(),
            is_test,
            init_d: root.join("etc/init.d"),
            conf_d: root.join("etc/conf.d"),
            rc_conf: root.join("etc/rc.conf"),
            runlevels: root.join("etc/runlevels"),
            state: root.join("run/openrc"),
            lib: root.join("usr/lib/rc"),
            log: root.join("var/log/rc.log"),
            run: root.join("run"),
            cgroup: root.join("sys/fs/cgroup"),
            shell,
        }
    }

    /// The script of a service. The name must have no slash; see [`is_service_name`].
    pub fn script(&self, service: &str) -> PathBuf {
        self.init_d.join(service)
    }

    /// This program, to start it under another of its names (`Command::arg0`).
    pub fn program(&self) -> PathBuf {
        // Without /proc the kernel does not tell; the installed path is used.
        env::current_exe().unwrap_or_else(|_| self.root.join("usr/bin/rc"))
    }

    /// `PATH` for service scripts.
    pub fn search_path(&self) -> String {
        let lib = self.lib.display();
        format!("{lib}/bin:{lib}/sbin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
    }
}

/// Whether a word can be the name of a service: one component of a path, not hidden, without control characters.
pub fn is_service_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= 255 && !name.starts_with('.') && !name.chars().any(|c| c == '/' || c.is_control())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_within_their_directory() {
        for (name, good) in
            [("sshd", true), ("net.eth0", true), ("a b", true), ("", false), ("..", false), ("a/b", false)]
        {
            assert_eq!(is_service_name(name), good, "{name:?}");
        }
        assert!(!is_service_name("a\nb"));
    }

    #[test]
    fn a_test_root_moves_everything() {
        let paths = Paths::below(Path::new("/t"), true);
        for path in [&paths.init_d, &paths.state, &paths.lib, &paths.cgroup, &paths.log, &paths.rc_conf] {
            assert!(path.starts_with("/t"), "{}", path.display());
        }
    }
}
