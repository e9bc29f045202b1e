//! Reads the state of what is watched.
//!
//! Homes belong to people who may try to mislead: links are noted and not followed, pipes and devices are not opened, and a file
//! that grows for ever is read up to a limit.

use std::fs::{self, Metadata, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::entry::{digest, hex, Entry, Kind, State};
use crate::list::List;

/// No configuration has more paths.
const MOST_PATHS: usize = 100_000;
/// Of a file no more is read.
const MOST_BYTES: u64 = 256 * 1024 * 1024;

/// The state of what `list` names, and of the files of `homes`, below `root`.
pub fn scan(root: &Path, list: &List, homes: &[String]) -> Result<State, String> {
    let mut scan = Scan { root, list, state: State::new() };
    for tree in &list.trees {
        scan.tree(tree)?;
    }
    for home in homes {
        for file in &list.homes {
            scan.file_of_home(home, file)?;
        }
    }
    Ok(scan.state)
}

struct Scan<'a> {
    root: &'a Path,
    list: &'a List,
    state: State,
}

impl Scan<'_> {
    /// A path and all below it.
    fn tree(&mut self, path: &str) -> Result<(), String> {
        let mut left = vec![PathBuf::from(path)];
        while let Some(path) = left.pop() {
            if self.list.skips.iter().any(|skip| path.starts_with(skip)) || self.note(&path)? != Some(Kind::Dir) {
                continue;
            }
            let place = self.place(&path);
            let fault = |error: io::Error| format!("{}: {error}", place.display());
            for entry in fs::read_dir(&place).map_err(fault)? {
                left.push(path.join(entry.map_err(fault)?.file_name()));
            }
        }
        Ok(())
    }

    /// A file of a home, and the directories on the way to it. What lies behind a link is somebody else's file.
    fn file_of_home(&mut self, home: &str, file: &str) -> Result<(), String> {
        let mut path = PathBuf::from(home);
        for part in file.split('/') {
            if !self.is_directory(&path)? {
                return Ok(());
            }
            path.push(part);
            self.note(&path)?;
        }
        Ok(())
    }

    fn is_directory(&self, path: &Path) -> Result<bool, String> {
        let place = self.place(path);
        match fs::symlink_metadata(&place) {
            Ok(found) => Ok(found.is_dir()),
            Err(error) if gone(&error) => Ok(false),
            Err(error) => Err(format!("{}: {error}", place.display())),
        }
    }

    /// Notes one path; nothing when it is not there.
    fn note(&mut self, path: &Path) -> Result<Option<Kind>, String> {
        let place = self.place(path);
        let found = match fs::symlink_metadata(&place) {
            Ok(found) => found,
            Err(error) if gone(&error) => return Ok(None),
            Err(error) => return Err(format!("{}: {error}", place.display())),
        };
        if self.state.len() >= MOST_PATHS {
            return Err(format!("there are more than {MOST_PATHS} paths; the last one was {}", place.display()));
        }
        let entry = look(&place, &found);
        let kind = entry.kind;
        self.state.insert(path.as_os_str().as_bytes().to_vec(), entry);
        Ok(Some(kind))
    }

    fn place(&self, path: &Path) -> PathBuf {
        self.root.join(path.strip_prefix("/").unwrap_or(path))
    }
}

/// A file that was removed meanwhile, or whose directory was.
fn gone(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn look(place: &Path, found: &Metadata) -> Entry {
    let kind = match found.file_type() {
        kind if kind.is_file() => Kind::File,
        kind if kind.is_dir() => Kind::Dir,
        kind if kind.is_symlink() => Kind::Link,
        _ => Kind::Other,
    };
    let unreadable = |_| "unreadable".to_owned();
    let digest = match kind {
        Kind::File => content(place).unwrap_or_else(unreadable),
        Kind::Link => fs::read_link(place).map_or_else(unreadable, |to| digest(to.as_os_str().as_bytes())),
        Kind::Dir | Kind::Other => "-".to_owned(),
    };
    let size = if kind == Kind::File { found.len() } else { 0 };
    Entry { kind, mode: found.mode() & 0o7777, uid: found.uid(), gid: found.gid(), size, digest }
}

/// Digest of a file's content. What has become a link or a pipe since it was looked at is not read.
fn content(place: &Path) -> io::Result<String> {
    let file =
        OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY).open(place)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("no file any more"));
    }
    let mut file = file.take(MOST_BYTES);
    let mut sum = Sha256::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(hex(&sum.finalize())),
            Ok(read) => sum.update(buffer.get(..read).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::compare;
    use crate::report;
    use std::os::unix::fs::{symlink, PermissionsExt as _};

    struct Place(PathBuf);

    impl Place {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("integrity-{name}-{}", std::process::id()));
            fs::create_dir_all(path.join("etc/skip")).unwrap();
            fs::create_dir_all(path.join("home/ada/.ssh")).unwrap();
            fs::write(path.join("etc/passwd"), "root").unwrap();
            fs::write(path.join("home/ada/.ssh/authorized_keys"), "key").unwrap();
            Self(path)
        }

        fn scan(&self) -> State {
            let list =
                crate::list::parse("tree /etc\ntree /absent\nskip /etc/skip\nhome .ssh/authorized_keys\n").unwrap();
            scan(&self.0, &list, &["/home/ada".to_owned(), "/home/nobody".to_owned()]).unwrap()
        }
    }

    impl Drop for Place {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).unwrap();
        }
    }

    #[test]
    fn every_sort_of_change_is_found() {
        let place = Place::new("changes");
        let before = place.scan();
        let path = |name: &str| place.0.join(name);
        fs::write(path("etc/skip/x"), "not watched").unwrap();
        fs::write(path("home/ada/notes"), "not watched").unwrap();
        assert_eq!(compare(&before, &place.scan()), []);
        fs::write(path("etc/passwd"), "toor").unwrap();
        fs::write(path("etc/new"), "").unwrap();
        fs::set_permissions(path("etc/new"), fs::Permissions::from_mode(0o4755)).unwrap();
        fs::remove_file(path("home/ada/.ssh/authorized_keys")).unwrap();
        symlink("/dev/zero", path("home/ada/.ssh/authorized_keys")).unwrap();
        let lines: Vec<String> = compare(&before, &place.scan()).iter().map(report::line).collect();
        assert_eq!(lines.len(), 3, "{lines:?}");
        assert_eq!(lines[..2], ["added /etc/new".to_owned(), "changed /etc/passwd: content".to_owned()]);
        assert!(lines[2].starts_with("changed /home/ada/.ssh/authorized_keys: kind file -> link"), "{lines:?}");
    }

    #[test]
    fn links_are_not_followed_and_pipes_not_opened() {
        let place = Place::new("links");
        fs::remove_dir_all(place.0.join("home/ada/.ssh")).unwrap();
        symlink("/etc", place.0.join("home/ada/.ssh")).unwrap();
        symlink("/", place.0.join("etc/loop")).unwrap();
        let pipe = std::ffi::CString::new(place.0.join("etc/pipe").as_os_str().as_bytes()).unwrap();
        crate::sys::make_pipe(&pipe).unwrap();
        let state = place.scan();
        let kinds: Vec<(String, Kind)> =
            state.iter().map(|(path, entry)| (String::from_utf8_lossy(path).into_owned(), entry.kind)).collect();
        let kinds: Vec<(&str, Kind)> = kinds.iter().map(|(path, kind)| (path.as_str(), *kind)).collect();
        assert_eq!(
            kinds,
            [
                ("/etc", Kind::Dir),
                ("/etc/loop", Kind::Link),
                ("/etc/passwd", Kind::File),
                ("/etc/pipe", Kind::Other),
                ("/home/ada/.ssh", Kind::Link),
            ]
        );
    }
}
