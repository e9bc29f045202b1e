//! Examines the files that dependency data comes from, and validates a cache against them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::cache::{Content, Stamp, fingerprint};
use crate::paths::Paths;

/// The present state of a file, without its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seen {
    size: u64,
    modified: i128,
}

/// All relevant files, by path relative to the root.
#[derive(Debug, Clone, Default)]
pub struct Survey {
    root: PathBuf,
    init_d: PathBuf,
    files: BTreeMap<String, Seen>,
}

impl Survey {
    /// Lists scripts, conf.d and rc.conf. A missing directory counts as empty.
    pub fn make(paths: &Paths) -> io::Result<Survey> {
        let mut survey = Survey { root: paths.root.clone(), init_d: paths.init_d.clone(), files: BTreeMap::new() };
        let mut rc_conf_d = paths.rc_conf.clone().into_os_string();
        rc_conf_d.push(".d");
        for directory in [&paths.init_d, &paths.conf_d, &PathBuf::from(rc_conf_d)] {
            let entries = match fs::read_dir(directory) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                other => other?,
            };
            for entry in entries {
                survey.look(&entry?.path());
            }
        }
        survey.look(&paths.rc_conf);
        Ok(survey)
    }

    /// Records a file. Ignores directories and dangling links; names that are not UTF-8 cannot be services.
    fn look(&mut self, path: &Path) {
        let Some(seen) = self.seen(path) else { return };
        if let Some(name) = path.strip_prefix(&self.root).ok().and_then(Path::to_str) {
            if !name.contains('\n') {
                self.files.insert(name.to_owned(), seen);
            }
        }
    }

    /// True if no source of the cache has changed. A file with the same size and time counts as unchanged; otherwise
    /// its content decides.
    pub fn confirms(&self, stamps: &[Stamp]) -> bool {
        let stamped: BTreeSet<&str> = stamps.iter().map(|stamp| stamp.path.as_str()).collect();
        self.files.keys().all(|path| stamped.contains(path.as_str()))
            && stamps.iter().all(|stamp| self.is_unchanged(stamp))
    }

    fn is_unchanged(&self, stamp: &Stamp) -> bool {
        let path = self.root.join(&stamp.path);
        let now = self.files.get(&stamp.path).copied().or_else(|| self.seen(&path));
        match (&stamp.content, now) {
            (None, None) => true,
            (Some(then), Some(now)) => {
                then.size == now.size
                    && (then.modified == Some(now.modified)
                        || fs::read(&path).is_ok_and(|bytes| fingerprint(&bytes) == then.fingerprint))
            }
            _ => false,
        }
    }

    /// States of all files and of those that scripts named with `config`. `with_times` is off for a shipped cache:
    /// times depend on the machine.
    pub fn stamps(&self, configs: &BTreeSet<String>, with_times: bool) -> io::Result<Vec<Stamp>> {
        let mut files: BTreeMap<String, Option<Seen>> =
            self.files.iter().map(|(path, seen)| (path.clone(), Some(*seen))).collect();
        for path in configs.iter().filter_map(|path| path.strip_prefix('/')) {
            files.entry(path.to_owned()).or_insert_with(|| self.seen(&self.root.join(path)));
        }
        let stamp = |(path, seen): (String, Option<Seen>)| {
            let content = match seen {
                Some(seen) => Some(Content {
                    size: seen.size,
                    modified: with_times.then_some(seen.modified),
                    fingerprint: fingerprint(&fs::read(self.root.join(&path))?),
                }),
                None => None,
            };
            Ok(Stamp { path, content })
        };
        files.into_iter().map(stamp).collect()
    }

    /// Names of service scripts: executable, and made for `openrc-run`.
    pub fn scripts(&self, paths: &Paths) -> Vec<String> {
        let folder = format!("{}/", paths.init_d.strip_prefix(&self.root).unwrap_or(&paths.init_d).display());
        let names = self.files.keys().filter_map(|path| path.strip_prefix(&folder));
        names
            .filter(|name| super::text::is_service_name(name) && is_ours(&paths.init_d.join(name)))
            .map(str::to_owned)
            .collect()
    }

    /// A script that is not executable does not count: removing that bit hides a service.
    fn seen(&self, path: &Path) -> Option<Seen> {
        // Any failure means that there is nothing to read.
        let meta = fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
        if path.parent() == Some(&self.init_d) && meta.mode() & 0o111 == 0 {
            return None;
        }
        let modified = i128::from(meta.mtime()) * 1_000_000_000 + i128::from(meta.mtime_nsec());
        Some(Seen { size: meta.len(), modified })
    }
}

/// Whether a script's first line names another interpreter: then it is not ours, and runs itself.
pub fn is_of_another(path: &Path) -> bool {
    let mut head = [0; 2];
    !is_ours(path) && File::open(path).and_then(|mut file| file.read_exact(&mut head)).is_ok() && head == *b"#!"
}

/// Whether a file is a service script. The first line decides, as for the kernel: `#!/sbin/openrc-run`, or its old name
/// `runscript`. A script without such a line counts as well, because `openrc-run` reads it. Notes and backups in that
/// directory are not executable; a library for scripts is called `NAME.sh`.
fn is_ours(path: &Path) -> bool {
    let mut head = [0; 256];
    match File::open(path).and_then(|mut file| file.read(&mut head)) {
        Ok(length) => is_service_script(&path.to_string_lossy(), &head[..length]),
        _ => false,
    }
}

fn is_service_script(path: &str, head: &[u8]) -> bool {
    let text = String::from_utf8_lossy(head);
    match text.strip_prefix("#!") {
        Some(rest) => {
            let line = rest.lines().next().unwrap_or_default();
            line.split_whitespace().any(|word| word.ends_with("/openrc-run") || word.ends_with("/runscript"))
        }
        None => !head.is_empty() && !head.contains(&0) && !path.ends_with(".sh") && !path.ends_with('~'),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_scripts_are_services() {
        let cases: [(&str, &[u8], bool); 10] = [
            ("a", b"#!/sbin/openrc-run\nx=1\n", true),
            ("a", b"#! /usr/bin/env /sbin/openrc-run", true),
            ("a", b"#!/sbin/runscript\n", true),
            ("a", b"#!/bin/sh\n# for /sbin/openrc-run\n", false),
            ("jefe", b"# /etc/init.d/jefe - service script\nname=x\n", true),
            ("a", b"depend() {\n", true),
            ("functions.sh", b"# functions\n", false),
            ("a~", b"# old\n", false),
            ("a", b"\x7fELF\x02\x01\x01\0\0", false),
            ("a", b"", false),
        ];
        for (path, head, want) in cases {
            assert_eq!(is_service_script(path, head), want, "{path}: {}", head.escape_ascii());
        }
    }
}
