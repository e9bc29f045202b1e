//! `checkpath`: makes directories, files and pipes, and gives them owner and mode.
//!
//! It runs as root, often below directories that belong to a daemon's user. So it opens every component relative to the
//! previous one, follows a symbolic link only if nobody but root could have placed it, and changes owner and mode of
//! the open file, never of a name.

use sys::OFlags;

use crate::getopt::{self, Known, Parsed, option};
use crate::message;
use crate::users::Accounts;
use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};

const OPTIONS: [Known; 13] = [
    option('d', "directory", false),
    option('D', "directory-truncate", false),
    option('f', "file", false),
    option('F', "file-truncate", false),
    option('p', "pipe", false),
    option('m', "mode", true),
    option('o', "owner", true),
    option('s', "symlinks", false),
    option('W', "writable", false),
    option('q', "quiet", false),
    option('v', "verbose", false),
    option('C', "nocolor", false),
    option('h', "help", false),
];

const USAGE: &str = "\
Usage: checkpath [-d | -D | -f | -F | -p] [-m MODE] [-o USER[:GROUP]] [-q] PATH...
       checkpath -W PATH
  -d, --directory  -f, --file  -p, --pipe       make it if it is not there
  -D, --directory-truncate  -F, --file-truncate make it, or empty it
  -m, --mode MODE   octal; 775 for directories, 644 for files, 600 for pipes unless given
  -o, --owner USER[:GROUP]
  -W, --writable    only tell whether it can be written
  -q, --quiet       no information; twice: no errors either";

/// The file type to create or require.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Directory { empty: bool },
    File { empty: bool },
    Pipe,
}

/// What the options ask of every path.
struct PathSpec {
    shape: Option<Shape>,
    mode: Option<u32>,
    owner: Option<(u32, u32)>,
    quiet: usize,
}

/// More links than this are a loop.
const MAX_LINKS: usize = 40;

/// Runs it.
pub fn run(args: &[String]) -> u8 {
    let parsed = match getopt::parse(&OPTIONS, args, false) {
        Ok(parsed) => parsed,
        Err(text) => return complain(&text),
    };
    if parsed.has("help") {
        message::print(USAGE);
        return 0;
    }
    if parsed.rest.is_empty() {
        return complain("no path given");
    }
    if parsed.has("writable") {
        return u8::from(!sys::is_writable(OsStr::new(&parsed.rest[0])));
    }
    let spec = match path_spec(&parsed) {
        Ok(spec) => spec,
        Err(text) => return complain(&text),
    };
    let mut code = 0;
    for path in &parsed.rest {
        if let Err(text) = apply(Path::new(path), &spec) {
            code = 1;
            if spec.quiet < 2 {
                complain(&text);
            }
        }
    }
    code
}

fn complain(text: &str) -> u8 {
    message::eerror(&format!("checkpath: {text}"));
    1
}

fn path_spec(parsed: &Parsed) -> Result<PathSpec, String> {
    let mut shape = None;
    for (name, _) in &parsed.options {
        shape = match *name {
            "directory" => Some(Shape::Directory { empty: false }),
            "directory-truncate" => Some(Shape::Directory { empty: true }),
            "file" => Some(Shape::File { empty: false }),
            "file-truncate" => Some(Shape::File { empty: true }),
            "pipe" => Some(Shape::Pipe),
            _ => shape,
        };
    }
    let mode = parsed.value("mode").map(parse_mode).transpose()?;
    let owner = match parsed.value("owner") {
        Some(text) => Some(numbers(text)?),
        None => None,
    };
    Ok(PathSpec { shape, mode, owner, quiet: parsed.count("quiet") })
}

fn parse_mode(text: &str) -> Result<u32, String> {
    let mode = u32::from_str_radix(text, 8).ok().filter(|mode| *mode <= 0o7777);
    mode.ok_or_else(|| format!("invalid mode `{text}`; write octal digits like 0755"))
}

/// A missing part of the owner is root's.
fn numbers(text: &str) -> Result<(u32, u32), String> {
    let (user, group) = Accounts::read(Path::new("/")).owner(text)?;
    let gid = group.or(user.as_ref().map(|user| user.gid)).unwrap_or(0);
    Ok((user.map_or(0, |user| user.uid), gid))
}

fn apply(path: &Path, spec: &PathSpec) -> Result<(), String> {
    let describe = |error: io::Error| format!("{}: {error}", path.display());
    let absolute = std::path::absolute(path).map_err(describe)?;
    let (parent, name) = open_parent(&absolute)?;
    let mut is_new = false;
    let target = match open_target(&parent, &name, spec) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let Some(shape) = spec.shape else { return Err(describe(error)) };
            if spec.quiet == 0 {
                let kind = if matches!(shape, Shape::Directory { .. }) { "directory" } else { "file" };
                message::einfo(&format!("{}: creating {kind}", path.display()));
            }
            match make(&parent, &name, shape, spec.mode) {
                // Another service created it meanwhile: treat it as one that was there before.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    open_target(&parent, &name, spec).map_err(describe)?
                }
                made => {
                    is_new = true;
                    made.map_err(describe)?
                }
            }
        }
        other => other.map_err(describe)?,
    };
    let about = target.metadata().map_err(describe)?;
    check_shape(path, spec.shape, &about)?;
    match spec.shape {
        Some(Shape::Directory { empty: true }) if !is_new => empty_directory(&parent, &name).map_err(describe)?,
        Some(Shape::File { empty: true }) if !is_new => truncate(&parent, &name, &about).map_err(describe)?,
        _ => {}
    }
    if about.nlink() > 1 && about.is_file() && (spec.owner.is_some() || spec.mode.is_some()) {
        return Err(format!("{}: has {} hard links; not changed", path.display(), about.nlink()));
    }
    set_owner(path, &target, &about, spec, is_new).map_err(describe)?;
    set_mode(path, &target, spec, is_new).map_err(describe)
}

fn check_shape(path: &Path, shape: Option<Shape>, about: &fs::Metadata) -> Result<(), String> {
    use std::os::unix::fs::FileTypeExt;
    let (fits, name) = match shape {
        None => (!about.is_symlink(), "a file that is not a link"),
        Some(Shape::Directory { .. }) => (about.is_dir(), "a directory"),
        Some(Shape::File { .. }) => (about.is_file(), "a regular file"),
        Some(Shape::Pipe) => (about.file_type().is_fifo(), "a named pipe"),
    };
    if fits {
        return Ok(());
    }
    Err(format!("{}: exists, but is not {name}", path.display()))
}

fn open_target(parent: &File, name: &OsStr, spec: &PathSpec) -> io::Result<File> {
    // O_PATH opens links and pipes themselves and needs no permission.
    let file = sys::open_at(parent, name, OFlags::PATH, 0)?;
    let about = file.metadata()?;
    let trusted = about.uid() == 0 && is_safe(&parent.metadata()?);
    if about.is_symlink() && trusted && spec.shape.is_some_and(|shape| matches!(shape, Shape::Directory { .. })) {
        // Placed by root, such as /var/run, so it is followed.
        let link = fs::read_link(Path::new(&format!("/proc/self/fd/{}", parent.as_raw_fd())).join(name))?;
        let base = fs::read_link(format!("/proc/self/fd/{}", parent.as_raw_fd()))?;
        let (parent, name) = open_parent(&base.join(link)).map_err(io::Error::other)?;
        return sys::open_at(&parent, &name, OFlags::PATH, 0);
    }
    Ok(file)
}

/// Whether only root can place files in a directory (or, with the sticky bit, replace root's files).
fn is_safe(about: &fs::Metadata) -> bool {
    about.uid() == 0 && (about.mode() & 0o022 == 0 || about.mode() & 0o1000 != 0)
}

/// Walks to the directory of the last component. `..` returns along the same way.
pub fn open_parent(path: &Path) -> Result<(File, OsString), String> {
    let describe = |at: &OsStr, error: io::Error| format!("{}: `{}`: {error}", path.display(), at.to_string_lossy());
    let mut way = vec![File::open("/").map_err(|error| format!("/: {error}"))?];
    let mut left: VecDeque<OsString> = words_of(path);
    let mut links = 0;
    while let Some(word) = left.pop_front() {
        let Some(here) = way.last() else { return Err(format!("{}: leaves the root", path.display())) };
        if word == ".." {
            if way.len() > 1 {
                way.pop();
            }
            continue;
        }
        if left.is_empty() {
            let here = here.try_clone().map_err(|error| describe(&word, error))?;
            return Ok((here, word));
        }
        let next = sys::open_at(here, &word, OFlags::PATH, 0).map_err(|error| describe(&word, error))?;
        let about = next.metadata().map_err(|error| describe(&word, error))?;
        if about.is_symlink() {
            links += 1;
            let parent = here.metadata().map_err(|error| describe(&word, error))?;
            if about.uid() != 0 || !is_safe(&parent) || links > MAX_LINKS {
                let word = word.to_string_lossy();
                return Err(format!(
                    "{}: `{word}` is a symbolic link that another user than root could have placed",
                    path.display()
                ));
            }
            let at = format!("/proc/self/fd/{}", here.as_raw_fd());
            let target = fs::read_link(Path::new(&at).join(&word)).map_err(|error| describe(&word, error))?;
            if target.is_absolute() {
                way.truncate(1);
            }
            words_of(&target).into_iter().rev().for_each(|word| left.push_front(word));
        } else if about.is_dir() {
            way.push(next);
        } else {
            return Err(format!("{}: `{}` is not a directory", path.display(), word.to_string_lossy()));
        }
    }
    Err(format!("{}: is the root itself", path.display()))
}

/// As [`open_parent`], but for the final target: follows a link in the last component if root placed it where nobody
/// else can. Leaves other links to the caller's open, which refuses them.
pub fn open_parent_of_target(path: &Path) -> Result<(File, OsString), String> {
    let mut at = path.to_owned();
    for _ in 0..MAX_LINKS {
        let (folder, name) = open_parent(&at)?;
        let link = sys::open_at(&folder, &name, OFlags::PATH, 0).and_then(|file| file.metadata());
        let is_safe = link.is_ok_and(|about| about.is_symlink() && about.uid() == 0)
            && folder.metadata().is_ok_and(|about| is_safe(&about));
        if !is_safe {
            return Ok((folder, name));
        }
        let entry = PathBuf::from(format!("/proc/self/fd/{}", folder.as_raw_fd())).join(&name);
        let target = fs::read_link(entry).map_err(|error| format!("{}: {error}", path.display()))?;
        at = at.parent().unwrap_or(Path::new("/")).join(target);
    }
    Err(format!("{}: too many links", path.display()))
}

fn words_of(path: &Path) -> VecDeque<OsString> {
    let word = |part: Component<'_>| match part {
        Component::Normal(word) => Some(word.to_owned()),
        Component::ParentDir => Some(OsString::from("..")),
        _ => None,
    };
    path.components().filter_map(word).collect()
}

fn make(parent: &File, name: &OsStr, shape: Shape, mode: Option<u32>) -> io::Result<File> {
    // Nobody else gets access before owner and mode are set.
    match shape {
        Shape::Directory { .. } => sys::mkdir_at(parent, name, 0o700 & mode.unwrap_or(0o775))?,
        Shape::File { .. } => drop(sys::open_at(parent, name, OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY, 0o600)?),
        Shape::Pipe => sys::mkfifo_at(parent, name, 0o600)?,
    }
    sys::open_at(parent, name, OFlags::PATH, 0)
}

fn truncate(parent: &File, name: &OsStr, seen: &fs::Metadata) -> io::Result<()> {
    let file = sys::open_at(parent, name, OFlags::WRONLY | OFlags::NONBLOCK, 0)?;
    let about = file.metadata()?;
    if about.ino() != seen.ino() || about.dev() != seen.dev() || about.nlink() > 1 {
        return Err(io::Error::other("was replaced meanwhile, or has several hard links; not changed"));
    }
    file.set_len(0)
}

/// Empties a directory. Removes links in it without following them.
fn empty_directory(parent: &File, name: &OsStr) -> io::Result<()> {
    let directory = sys::open_at(parent, name, OFlags::RDONLY | OFlags::DIRECTORY, 0)?;
    for entry in fs::read_dir(format!("/proc/self/fd/{}", directory.as_raw_fd()))? {
        let entry = entry?.file_name();
        match sys::unlink_at(&directory, &entry, false) {
            Err(error) if matches!(error.raw_os_error(), Some(21 | 1)) => {
                empty_directory(&directory, &entry)?;
                sys::unlink_at(&directory, &entry, true)?;
            }
            other => other?,
        }
    }
    Ok(())
}

fn set_owner(path: &Path, target: &File, about: &fs::Metadata, spec: &PathSpec, is_new: bool) -> io::Result<()> {
    let Some((uid, gid)) = spec.owner.or(is_new.then(|| (about.uid(), about.gid()))) else { return Ok(()) };
    if (about.uid(), about.gid()) == (uid, gid) {
        return Ok(());
    }
    if spec.quiet == 0 && !is_new {
        message::einfo(&format!("{}: correcting owner", path.display()));
    }
    sys::chown(target, uid, gid)
}

fn set_mode(path: &Path, target: &File, spec: &PathSpec, is_new: bool) -> io::Result<()> {
    let default = match spec.shape {
        Some(Shape::Directory { .. }) => 0o775,
        Some(Shape::Pipe) => 0o600,
        _ => 0o644,
    };
    let Some(mode) = spec.mode.or(is_new.then_some(default)) else { return Ok(()) };
    // After the change of owner, which clears setuid bits.
    if target.metadata()?.mode() & 0o7777 == mode {
        return Ok(());
    }
    if spec.quiet == 0 && !is_new {
        message::einfo(&format!("{}: correcting mode", path.display()));
    }
    // fchmod does not work on O_PATH; this name refers to exactly the open file.
    let exact = format!("/proc/self/fd/{}", target.as_raw_fd());
    fs::set_permissions(exact, fs::Permissions::from_mode(mode))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::ffi::OsStrExt;

    #[test]
    fn modes() {
        for (text, mode) in [
            ("755", Some(0o755)),
            ("0644", Some(0o644)),
            ("1777", Some(0o1777)),
            ("9", None),
            ("77777", None),
            ("", None),
        ] {
            assert_eq!(parse_mode(text).ok(), mode, "{text}");
        }
    }

    #[test]
    fn the_way_goes_through_no_link_of_others() {
        assert!(words_of(Path::new("/a/./b/../c")).iter().map(|w| w.as_bytes()).eq([&b"a"[..], b"b", b"..", b"c"]));
        assert!(open_parent(Path::new("/")).is_err());
        assert!(open_parent(Path::new("/proc/../../..")).is_err());
        let (_, name) = open_parent(Path::new("/proc/../proc/version")).unwrap();
        assert_eq!(name, "version");
        assert!(open_parent(Path::new("/proc/version/x")).unwrap_err().contains("not a directory"));
    }

    #[test]
    fn several_services_may_want_the_same_directory_at_once() {
        let place = testkit::TempDir::new("rc-checkpath");
        for round in 0..50 {
            let path = place.join(format!("{round}"));
            let spec = || PathSpec {
                shape: Some(Shape::Directory { empty: false }),
                mode: Some(0o755),
                owner: None,
                quiet: 1,
            };
            let made = std::thread::scope(|scope| {
                let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| apply(&path, &spec()))).collect();
                threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
            });
            assert_eq!(made, vec![Ok(()); 4]);
        }
    }
}
