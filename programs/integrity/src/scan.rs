//! Reads the state of the watched paths.
//!
//! Homes belong to users who may try to mislead: links are recorded and not followed, pipes and devices are not opened,
//! and for files and directories that are too large, too deep or have too long names the entry says so. A user cannot
//! hide another user's files from the scan. A user who replaces a directory with a link at the right moment can add false
//! entries below a path of their own. Only root can read the baseline and the log, so these entries reveal nothing.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use crate::entry::{Content, Entry, Kind, MAX_PATHS, State, ancestors};
use crate::list::List;
use crate::look::look;

/// The largest number of paths in one home.
const MAX_PATHS_OF_HOME: usize = 1_000;
/// The largest number of bytes of paths and link targets in one home: names can be long, and memory is limited.
const MAX_NAMES_OF_HOME: usize = 256 * 1024;
/// Longer files are not read.
const MAX_BYTES: u64 = 64 * 1024 * 1024;
/// The same in homes.
const MAX_BYTES_OF_HOME: u64 = 1024 * 1024;

/// The state of the paths in `list`, and of its paths in `homes`, below `root`.
pub fn scan(root: &Path, list: &List, homes: &[String]) -> Result<State, String> {
    let mut scan = Scan { root, skips: &list.skips, only: None, state: State::new() };
    for tree in &list.trees {
        let whole = scan.tree(Path::new(tree), &Most::OF_SYSTEM)?;
        if !whole {
            return Err(format!("there are more than {MAX_PATHS} paths in {tree}; leave parts of it out with `skip`"));
        }
    }
    for home in homes {
        for path in &list.homes {
            scan.of_home(home, path)?;
        }
    }
    if scan.state.len() > MAX_PATHS {
        return Err(format!("there are more than {MAX_PATHS} paths; leave parts out with `skip`"));
    }
    Ok(scan.state)
}

/// The state of everything below `root`; or only of the paths in `only`.
pub fn whole(root: &Path, only: Option<&State>) -> Result<State, String> {
    let only = only.map(|known| {
        let way = known.keys().flat_map(|path| ancestors(path));
        way.chain(known.keys().map(Vec::as_slice)).map(<[u8]>::to_vec).collect::<BTreeSet<_>>()
    });
    let found = fs::metadata(root).map_err(|error| format!("{}: {error}", root.display()))?;
    if !found.is_dir() {
        return Err(format!("{}: not a directory", root.display()));
    }
    let mut scan = Scan { root, skips: &[], only: only.as_ref(), state: State::new() };
    let all = scan.tree(Path::new("/"), &Most::OF_SYSTEM)?;
    if !all || scan.state.len() > MAX_PATHS {
        return Err(format!("{}: there are more than {MAX_PATHS} paths in it; name a part of it", root.display()));
    }
    Ok(scan.state)
}

/// Limits.
struct Most {
    paths: usize,
    /// Bytes of paths and link targets.
    names: usize,
    /// Bytes of a file.
    content: u64,
}

impl Most {
    const OF_SYSTEM: Self = Self { paths: MAX_PATHS, names: usize::MAX, content: MAX_BYTES };
    const OF_HOME: Self = Self { paths: MAX_PATHS_OF_HOME, names: MAX_NAMES_OF_HOME, content: MAX_BYTES_OF_HOME };
}

struct Scan<'a> {
    root: &'a Path,
    /// Skipped paths, with everything below.
    skips: &'a [String],
    /// If given, all other paths are skipped.
    only: Option<&'a BTreeSet<Vec<u8>>>,
    state: State,
}

impl Scan<'_> {
    /// Scans a path and everything below; returns false if that exceeds `most`, and then records only part of it.
    fn tree(&mut self, path: &Path, most: &Most) -> Result<bool, String> {
        let mut left = vec![path.to_owned()];
        let (mut noted, mut names) = (0, 0);
        while let Some(path) = left.pop() {
            if self.passes_over(&path) {
                continue;
            }
            let Some(entry) = self.note(&path, most.content)? else { continue };
            if let Content::Target(target) = &entry.content {
                names += target.len();
                if names > most.names {
                    return Ok(false);
                }
            }
            if entry.kind != Kind::Dir {
                continue;
            }
            let place = self.place(&path);
            let fault = |error: io::Error| format!("{}: {error}", place.display());
            let entries = match fs::read_dir(&place) {
                Err(error) if gone(&error) => continue,
                other => other.map_err(fault)?,
            };
            for entry in entries {
                let path = path.join(entry.map_err(fault)?.file_name());
                if self.only.is_some_and(|only| !only.contains(path.as_os_str().as_bytes())) {
                    continue;
                }
                noted += 1;
                names += path.as_os_str().len();
                if noted > most.paths || names > most.names {
                    return Ok(false);
                }
                left.push(path);
            }
        }
        Ok(true)
    }

    fn passes_over(&self, path: &Path) -> bool {
        self.skips.iter().any(|skip| path.starts_with(skip))
    }

    /// Scans a path in a home, with its parents. A path behind a link may be another user's.
    fn of_home(&mut self, home: &str, path: &str) -> Result<(), String> {
        let mut place = PathBuf::from(home);
        let (way, _) = path.rsplit_once('/').unwrap_or(("", path));
        for part in way.split('/').filter(|part| !part.is_empty()) {
            if !self.is_directory(&place)? {
                return Ok(());
            }
            place.push(part);
            self.note(&place, MAX_BYTES_OF_HOME)?;
        }
        if !self.is_directory(&place)? {
            return Ok(());
        }
        let target = Path::new(home).join(path);
        // A user may cause read errors as well as excess: neither may stop the scan of others.
        if self.tree(&target, &Most::OF_HOME).unwrap_or(false) {
            return Ok(());
        }
        // The subset would differ from run to run.
        self.state.retain(|noted, _| !Path::new(std::ffi::OsStr::from_bytes(noted)).starts_with(&target));
        self.note(&target, MAX_BYTES_OF_HOME)?;
        if let Some(entry) = self.state.get_mut(target.as_os_str().as_bytes()) {
            entry.content = Content::TooMany;
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

    /// Records one path; nothing if it does not exist.
    fn note(&mut self, path: &Path, bytes: u64) -> Result<Option<&Entry>, String> {
        let place = self.place(path);
        let found = match fs::symlink_metadata(&place) {
            Ok(found) => found,
            Err(error) if gone(&error) => return Ok(None),
            Err(error) => return Err(format!("{}: {error}", place.display())),
        };
        let entry = look(&place, &found, bytes);
        let path = path.as_os_str().as_bytes();
        drop(self.state.insert(path.to_vec(), entry));
        Ok(self.state.get(path))
    }

    fn place(&self, path: &Path) -> PathBuf {
        self.root.join(path.strip_prefix("/").unwrap_or(path))
    }
}

/// A file or its directory was removed meanwhile.
fn gone(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::compare;
    use crate::report;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    struct Place(testkit::TempDir);

    impl Place {
        fn new(name: &str) -> Self {
            let path = testkit::TempDir::new(&format!("integrity-{name}"));
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
        match sys::set_attribute(&file, "user.note", b"x") {
            // The file system of temporary files has none here.
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
        assert_eq!(state[&b"/home/ada/.ssh/sparse"[..]].content, Content::TooLong);
        for number in 0..=MAX_PATHS_OF_HOME {
            fs::write(keys.join(format!("{number}")), "").unwrap();
        }
        let state = place.scan();
        assert_eq!(state[&b"/home/ada/.ssh"[..]].content, Content::TooMany);
        assert!(!state.keys().any(|path| path.starts_with(b"/home/ada/.ssh/")));
        assert!(state.contains_key(&b"/etc/passwd"[..]));
    }

    #[test]
    fn a_whole_tree_or_what_is_known_of_it() {
        let place = Place::new("whole");
        let paths = |state: &State| -> Vec<String> {
            state.keys().map(|path| String::from_utf8_lossy(path).into_owned()).collect()
        };
        let etc = whole(&place.0.join("etc"), None).unwrap();
        assert_eq!(paths(&etc), ["/", "/passwd", "/skip"]);
        let known: State = [(b"/etc/passwd".to_vec(), etc[&b"/passwd"[..]].clone())].into();
        assert_eq!(paths(&whole(&place.0, Some(&known)).unwrap()), ["/", "/etc", "/etc/passwd"]);
        // A path behind a link is not the known path.
        fs::rename(place.0.join("etc"), place.0.join("elsewhere")).unwrap();
        symlink("elsewhere", place.0.join("etc")).unwrap();
        assert_eq!(paths(&whole(&place.0, Some(&known)).unwrap()), ["/", "/etc"]);
        assert!(whole(&place.0.join("etc/passwd"), None).unwrap_err().ends_with("/etc/passwd: not a directory"));
        assert!(whole(&place.0.join("absent"), None).is_err());
    }

    #[test]
    fn a_home_that_is_too_deep_hides_nothing_of_others() {
        let place = Place::new("deep");
        let ten = vec!["d".repeat(250); 10].join("/");
        let (upper, lower) = (place.0.join("home/ada/.ssh").join(&ten), place.0.join("lower"));
        fs::create_dir_all(&upper).unwrap();
        fs::create_dir_all(lower.join(&ten)).unwrap();
        // Deeper than the longest path.
        fs::rename(&lower, upper.join("lower")).unwrap();
        let state = place.scan();
        // A path that is too long cannot be removed by name either.
        fs::rename(upper.join("lower"), &lower).unwrap();
        assert_eq!(state[&b"/home/ada/.ssh"[..]].content, Content::TooMany);
        assert!(state.contains_key(&b"/etc/passwd"[..]));
    }

    #[test]
    fn names_are_counted_as_well() {
        let place = Place::new("names");
        let keys = place.0.join("home/ada/.ssh");
        for number in 0..100 {
            symlink("t".repeat(4000), keys.join(format!("{number}"))).unwrap();
        }
        assert_eq!(place.scan()[&b"/home/ada/.ssh"[..]].content, Content::TooMany);
    }

    #[test]
    fn links_are_not_followed_and_pipes_not_opened() {
        let place = Place::new("links");
        fs::remove_dir_all(place.0.join("home/ada/.ssh")).unwrap();
        symlink("/etc", place.0.join("home/ada/.ssh")).unwrap();
        symlink("/", place.0.join("etc/loop")).unwrap();
        sys::make_pipe(&place.0.join("etc/pipe")).unwrap();
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
                ("/etc/pipe", Kind::Fifo),
                ("/home/ada/.ssh", Kind::Link),
            ]
        );
    }
}
