//! The program under its second name, `mtree`: specifications of any directory, and differences from them.
//!
//! It reports to its caller only: no log, no audit, no baseline. [`parse`] computes the meaning of the arguments; the
//! rest has effects.

use std::fs::File;
use std::io::{self, Read, Write as _};
use std::path::{Path, PathBuf};

use base::options;
use lexopt::Parser;

use crate::entry::State;
use crate::store::MAX_BYTES;
use crate::{compare, report, scan, spec};

const USAGE: &str = "usage: mtree -c [-p DIR] | mtree [-e] [-f FILE] [-p DIR]";
const HELP: &str = "
  -c       prints the specification of a directory, in the format mtree(5)
  -f FILE  compares a directory with the specification in FILE; without -f and -c, with that on standard input
  -p DIR   the directory, `.` unless given
  -e       looks only at what the specification names: what else is there is no difference

Exit status: 0 when nothing differs, 2 when anything does, 1 when it cannot be said.

Noted and compared are type, mode, owner, group, the size and SHA-256 of a file, the target of a link, the number of a device, and
whether extended attributes changed. Links are not followed. At most 100000 paths are looked at, and of files longer than 64 MiB
the size but not the content.

It reads only specifications that it wrote, and baselines of `integrity`, for a specification is worth what is sure about it: one
that was cut off or changed by accident is refused. Other programs (NetBSD's mtree, libarchive's bsdtar) read what it writes.
";

/// Exit status: differences.
const DIFFERENT: u8 = 2;

/// A request.
#[derive(Debug, PartialEq, Eq)]
enum Order {
    Help,
    /// The specification of a directory.
    Create {
        dir: PathBuf,
    },
    /// Differences of a directory from a specification in a file or on standard input.
    Compare {
        file: Option<PathBuf>,
        dir: PathBuf,
        /// Whether to ignore paths outside the specification.
        known_only: bool,
    },
}

/// Runs the request; returns the exit status.
pub fn run(parser: Parser) -> Result<u8, String> {
    match parse(parser).map_err(|error| options::wrong(&error, USAGE))? {
        Order::Help => print(&format!("{USAGE}\n{HELP}")).map(|()| 0),
        Order::Create { dir } => create(&dir),
        Order::Compare { file, dir, known_only } => differences(file.as_deref(), &dir, known_only),
    }
}

fn parse(mut parser: Parser) -> Result<Order, lexopt::Error> {
    use lexopt::prelude::*;
    // `-p=x` is a directory `=x`, as for every program with getopt.
    parser.set_short_equals(false);
    let (mut create, mut known_only, mut file, mut dir) = (false, false, None, None);
    while let Some(arg) = parser.next()? {
        match arg {
            Short('c') => create = true,
            Short('e') => known_only = true,
            Short('f') if file.is_some() => return Err("-f is given twice".into()),
            Short('f') => file = Some(PathBuf::from(parser.value()?)),
            Short('p') if dir.is_some() => return Err("-p is given twice".into()),
            Short('p') => dir = Some(PathBuf::from(parser.value()?)),
            Long("help") | Short('h') => return Ok(Order::Help),
            other => return Err(other.unexpected()),
        }
    }
    let dir = dir.unwrap_or_else(|| PathBuf::from("."));
    match (create, file, known_only) {
        (true, None, false) => Ok(Order::Create { dir }),
        (true, ..) => Err("-c makes a specification, so it goes with neither -f nor -e".into()),
        (false, file, known_only) => Ok(Order::Compare { file, dir, known_only }),
    }
}

fn create(dir: &Path) -> Result<u8, String> {
    let state = scan::whole(dir, None)?;
    let text = spec::to_text(&state);
    if text.len() as u64 > MAX_BYTES {
        return Err(format!(
            "{}: its specification would be too long to be read again; name a part of it",
            dir.display()
        ));
    }
    warn_of_gaps(&state);
    print(&text)?;
    Ok(0)
}

fn differences(file: Option<&Path>, dir: &Path, known_only: bool) -> Result<u8, String> {
    let (name, text) = match file {
        Some(path) => (path.display().to_string(), File::open(path).and_then(|mut file| read(&mut file))),
        None => ("standard input".to_owned(), read(&mut io::stdin().lock())),
    };
    let fault = |error: String| format!("{name}: {error}; `mtree --help` describes the format");
    let expected = spec::from_text(&text.map_err(|error| format!("{name}: {error}"))?).map_err(fault)?;
    let found = scan::whole(dir, known_only.then_some(&expected))?;
    let mut changes = compare::compare(&expected, &found);
    if known_only {
        // The parents of the known paths.
        changes.retain(|change| change.before.is_some());
    }
    warn_of_gaps(&expected);
    let lines: Vec<String> = changes.iter().map(|change| report::mtree(change) + "\n").collect();
    print(&lines.concat())?;
    Ok(if changes.is_empty() { 0 } else { DIFFERENT })
}

fn read(from: &mut dyn Read) -> io::Result<String> {
    let mut text = String::new();
    from.take(MAX_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_BYTES {
        return Err(io::Error::other("it is too long for a specification"));
    }
    Ok(text)
}

/// An incomplete specification must not look complete.
fn warn_of_gaps(state: &State) {
    let count = state.values().filter(|entry| entry.content.gap().is_some()).count();
    if count > 0 {
        let text = "are in the specification without their content, which was too much or not readable";
        // Without standard error there is no one to tell.
        let _written = writeln!(io::stderr(), "mtree: {count} paths {text}");
    }
}

/// Unlike a message, an unwritten specification is a failure.
fn print(text: &str) -> Result<(), String> {
    let mut output = io::stdout().lock();
    output.write_all(text.as_bytes()).and_then(|()| output.flush()).map_err(|error| format!("standard output: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn parsed(words: &[&str]) -> Result<Order, String> {
        parse(Parser::from_args(words)).map_err(|error| options::wrong(&error, USAGE))
    }

    #[test]
    fn words() {
        let create = |dir: &str| Ok(Order::Create { dir: PathBuf::from(dir) });
        let compare = |file: Option<&str>, dir: &str, known_only| {
            Ok(Order::Compare { file: file.map(PathBuf::from), dir: PathBuf::from(dir), known_only })
        };
        assert_eq!(parsed(&["-c"]), create("."));
        assert_eq!(parsed(&["-c", "-p", "/etc"]), create("/etc"));
        assert_eq!(parsed(&["-cp/etc"]), create("/etc"));
        assert_eq!(parsed(&[]), compare(None, ".", false));
        assert_eq!(parsed(&["-ef", "-c", "-p", "a b"]), compare(Some("-c"), "a b", true));
        assert_eq!(parsed(&["-p=a"]), compare(None, "=a", false));
        assert_eq!(parsed(&["-c", "--help"]), Ok(Order::Help));
    }

    #[test]
    fn what_is_refused() {
        for (words, why) in [
            (&["-u"][..], "unknown option `-u`"),
            (&["-cq"], "unknown option `-q`"),
            (&["/etc"], "unexpected argument `/etc`"),
            (&["-"], "unexpected argument `-`"),
            (&["-f"], "-f needs a value"),
            (&["-p", "a", "-pb"], "-p is given twice"),
            (&["-c", "-f", "a"], "-c makes a specification, so it goes with neither -f nor -e"),
            (&["-ce"], "-c makes a specification, so it goes with neither -f nor -e"),
        ] {
            assert_eq!(parsed(words), Err(format!("{why}; {USAGE}")));
        }
    }

    #[test]
    fn a_directory_and_its_specification() {
        let place = testkit::TempDir::new("integrity-mtree");
        let (dir, file) = (place.join("dir"), place.join("spec"));
        fs::create_dir_all(dir.join("in it")).unwrap();
        fs::write(dir.join("in it/file"), "one").unwrap();
        fs::write(&file, spec::to_text(&scan::whole(&dir, None).unwrap())).unwrap();
        let status = |known_only| differences(Some(&file), &dir, known_only);
        assert_eq!((status(false), status(true)), (Ok(0), Ok(0)));
        fs::write(dir.join("new"), "").unwrap();
        assert_eq!((status(false), status(true)), (Ok(DIFFERENT), Ok(0)));
        fs::write(dir.join("in it/file"), "two").unwrap();
        assert_eq!((status(false), status(true)), (Ok(DIFFERENT), Ok(DIFFERENT)));
        fs::write(&file, "#mtree\n. type=dir\n").unwrap();
        let error = status(false).unwrap_err();
        assert!(error.contains("spec: it does not begin as this version of the program writes"), "{error}");
        assert!(differences(Some(&dir), &dir, false).is_err());
    }
}
