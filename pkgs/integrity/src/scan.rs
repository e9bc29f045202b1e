//! Reads the state of what is watched.
//!
//! Homes belong to people who may try to mislead: links are noted and not followed, pipes and devices are not opened, and of files
//! and directories that are too large the entry says so. Nobody can keep what belongs to others from being looked at.

use std::fs::{self, Metadata, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::entry::{digest, hex, Entry, Kind, State, MOST_PATHS};
use crate::list::List;
use crate::sys;

/// In one home no more is looked at.
const MOST_PATHS_OF_HOME: usize = 1_000;
/// Of files longer than this no content is read.
const MOST_BYTES: u64 = 64 * 1024 * 1024;
/// The same in homes.
const MOST_BYTES_OF_HOME: u64 = 1024 * 1024;

/// The state of what `list` names, and of what it names in `homes`, below `root`.
pub fn scan(root: &Path, list: &List, homes: &[String]) -> Result<State, String> {
    let mut scan = Scan { root, list, state: State::new() };
    for tree in &list.trees {
        let whole = scan.tree(Path::new(tree), MOST_PATHS, MOST_BYTES)?;
        if !whole {
            return Err(format!("there are more than {MOST_PATHS} paths in {tree}; leave parts of it out with `skip`"));
        }
    }
    for home in homes {
        for path in &list.homes {
            scan.of_home(home, path)?;
        }
    }
    if scan.state.len() > MOST_PATHS {
        return Err(format!("there are more than {MOST_PATHS} paths; leave parts out with `skip`"));
    }
    Ok(scan.state)
}

struct Scan<'a> {
    root: &'a Path,
    list: &'a List,
    state: State,
}

impl Scan<'_> {
    /// A path and all below it; false when that are more than `most`, which are not all noted then.
    fn tree(&mut self, path: &Path, most: usize, bytes: u64) -> Result<bool, String> {
        let mut left = vec![path.to_owned()];
        let mut noted = 0;
        while let Some(path) = left.pop() {
            if self.list.skips.iter().any(|skip| path.starts_with(skip)) || self.note(&path, bytes)? != Some(Kind::Dir)
            {
                continue;
            }
            let place = self.place(&path);
            let fault = |error: io::Error| format!("{}: {error}", place.display());
            let entries = match fs::read_dir(&place) {
                Err(error) if gone(&error) => continue,
                other => other.map_err(fault)?,
            };
            for entry in entries {
                noted += 1;
                if noted > most {
                    return Ok(false);
                }
                left.push(path.join(entry.map_err(fault)?.file_name()));
            }
        }
        Ok(true)
    }

    /// What is at a path of a home, and the directories on the way to it. What lies behind a link is somebody else's.
    fn of_home(&mut self, home: &str, path: &str) -> Result<(), String> {
        let mut place = PathBuf::from(home);
        let (way, _) = path.rsplit_once('/').unwrap_or(("", path));
        for part in way.split('/').filter(|part| !part.is_empty()) {
            if !self.is_directory(&place)? {
                return Ok(());
            }
            place.push(part);
            self.note(&place, MOST_BYTES_OF_HOME)?;
        }
        if !self.is_directory(&place)? {
            return Ok(());
        }
        let target = Path::new(home).join(path);
        if self.tree(&target, MOST_PATHS_OF_HOME, MOST_BYTES_OF_HOME)? {
            return Ok(());
        }
        // Which of them were seen would differ from time to time.
        self.state.retain(|noted, _| !Path::new(std::ffi::OsStr::from_bytes(noted)).starts_with(&target));
        self.note(&target, MOST_BYTES_OF_HOME)?;
        if let Some(entry) = self.state.get_mut(target.as_os_str().as_bytes()) {
            entry.digest = "too-many".to_owned();
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
    fn note(&mut self, path: &Path, bytes: u64) -> Result<Option<Kind>, String> {
        let place = self.place(path);
        let found = match fs::symlink_metadata(&place) {
            Ok(found) => found,
            Err(error) if gone(&error) => return Ok(None),
            Err(error) => return Err(format!("{}: {error}", place.display())),
        };
        let entry = look(&place, &found, bytes);
        let kind = entry.kind;
        drop(self.state.insert(path.as_os_str().as_bytes().to_vec(), entry));
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

fn look(place: &Path, found: &Metadata, most: u64) -> Entry {
    let kind = match found.file_type() {
        kind if kind.is_file() => Kind::File,
        kind if kind.is_dir() => Kind::Dir,
        kind if kind.is_symlink() => Kind::Link,
        _ => Kind::Other,
    };
    let unreadable = |_| "unreadable".to_owned();
    let digest = match kind {
        Kind::File => content(place, most).unwrap_or_else(unreadable),
        Kind::Link => fs::read_link(place).map_or_else(unreadable, |to| digest(to.as_os_str().as_bytes())),
        Kind::Dir | Kind::Other => "-".to_owned(),
    };
    let size = if kind == Kind::File { found.len() } else { 0 };
    let attributes = match sys::attributes(place) {
        Ok(pairs) if pairs.is_empty() => "-".to_owned(),
        Ok(pairs) => attributes_digest(&pairs),
        Err(error) => unreadable(error),
    };
    Entry { kind, mode: found.mode() & 0o7777, uid: found.uid(), gid: found.gid(), size, digest, attributes }
}

/// Names and values, each after its length, so that none can be taken for another.
fn attributes_digest(pairs: &std::collections::BTreeMap<Vec<u8>, Vec<u8>>) -> String {
    let mut sum = Sha256::new();
    for part in pairs.iter().flat_map(|(name, value)| [name, value]) {
        sum.update((part.len() as u64).to_le_bytes());
        sum.update(part);
    }
    hex(&sum.finalize())
}

/// Digest of a file's content, if it is no longer than `most`. What has become a link or a pipe since it was looked at is not read.
fn content(place: &Path, most: u64) -> io::Result<String> {
    let file =
        OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY).open(place)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("no file any more"));
    }
    // One byte more than allowed tells that it is too long, also of a file that grows meanwhile.
    let mut file = file.take(most + 1);
    let (mut sum, mut length) = (Sha256::new(), 0);
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(hex(&sum.finalize())),
            Ok(read) => {
                length += read as u64;
                if length > most {
                    return Ok("too-long".to_owned());
                }
                sum.update(buffer.get(..read).unwrap_or_default());
            }
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
                crate::list::parse("tree /etc\ntree /absent\nskip /etc/skip\nhome .ssh\nhome .config/deep\n").unwrap();
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
    fn attributes_count() {
        let place = Place::new("attributes");
        let before = place.scan();
        let file = place.0.join("etc/passwd");
        match sys::set_attribute(&file, c"user.note", b"x") {
            // The file system of this machine's temporary files has none.
            Err(error) if error.raw_os_error() == Some(libc::EOPNOTSUPP) => return,
            other => other.unwrap(),
        }
        let lines: Vec<String> = compare(&before, &place.scan()).iter().map(report::line).collect();
        assert_eq!(lines, ["changed /etc/passwd: extended attributes"]);
    }

    #[test]
    fn a_home_that_is_too_large_hides_nothing_of_others() {
        let place = Place::new("large");
        let keys = place.0.join("home/ada/.ssh");
        fs::File::create(keys.join("sparse")).unwrap().set_len(1 << 40).unwrap();
        let state = place.scan();
        assert_eq!(state[&b"/home/ada/.ssh/sparse"[..]].digest, "too-long");
        for number in 0..=MOST_PATHS_OF_HOME {
            fs::write(keys.join(format!("{number}")), "").unwrap();
        }
        let state = place.scan();
        assert_eq!(state[&b"/home/ada/.ssh"[..]].digest, "too-many");
        assert!(!state.keys().any(|path| path.starts_with(b"/home/ada/.ssh/")));
        assert!(state.contains_key(&b"/etc/passwd"[..]));
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
