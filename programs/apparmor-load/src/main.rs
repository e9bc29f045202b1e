//! `apparmor-load`: loads the image's AppArmor profiles once, and closes loading.
//!
//! The profiles were compiled when the image was composed; neither this program nor anything else in the image can
//! compile profiles. It checks that the kernel enforces the file, not what the profiles allow.
//!
//! * [`policy`]: reads compiled profiles, as far as their names and modes. Pure.
//! * [`features`]: compares what they were compiled for with the kernel. Pure.
//! * [`kernel`]: the files below `/sys`.
//! * [`load`]: the order of things.

mod features;
mod kernel;
mod load;
mod policy;

/// Small numbers: types and lengths in a compiled policy.
#[cfg(test)]
const FUZZ_ALPHABET: &[u8] = &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13];

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use base::options;
use kernel::Kernel;
use lexopt::Parser;

const USAGE: &str = "\
usage: apparmor-load FILE             load the profiles and close loading
       apparmor-load --check FILE     check that they are enforced and loading is closed
       apparmor-load --list FILE      print their names
       apparmor-load --features       print the AppArmor features of this kernel
       apparmor-load --features FILE  compare these features with FILE";

#[derive(Debug, PartialEq, Eq)]
enum Request {
    Load(PathBuf),
    Check(PathBuf),
    List(PathBuf),
    Features(Option<PathBuf>),
}

fn parse(mut parser: Parser) -> Result<Request, lexopt::Error> {
    use lexopt::prelude::*;
    let request = match parser.next()? {
        Some(Long("check")) => Request::Check(parser.value()?.into()),
        Some(Long("list")) => Request::List(parser.value()?.into()),
        Some(Long("features")) => Request::Features(match parser.next()? {
            Some(Value(file)) => Some(file.into()),
            Some(other) => return Err(other.unexpected()),
            None => None,
        }),
        Some(Value(file)) => Request::Load(file.into()),
        Some(other) => return Err(other.unexpected()),
        None => return Err("no file given".into()),
    };
    parser.next()?.map_or(Ok(request), |more| Err(more.unexpected()))
}

fn main() -> ExitCode {
    let kernel = Kernel::at(Path::new("/"));
    let outcome = match parse(Parser::from_env()) {
        Ok(Request::Load(file)) => load::load(&kernel, &file),
        Ok(Request::Check(file)) => load::check(&kernel, &file),
        Ok(Request::List(file)) => list(&file),
        Ok(Request::Features(None)) => kernel.features().map(|found| features::render(&found)).map_err(describe),
        Ok(Request::Features(Some(file))) => compare_features(&kernel, &file),
        Err(error) => {
            say(&mut io::stderr(), &format!("apparmor-load: {}", options::wrong(&error, USAGE)));
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(text) => {
            say(&mut io::stdout(), text.trim_end());
            ExitCode::SUCCESS
        }
        Err(findings) => {
            for finding in findings {
                say(&mut io::stderr(), &format!("apparmor-load: {finding}"));
            }
            ExitCode::FAILURE
        }
    }
}

/// A failed write cannot be reported; the exit status still tells the result.
fn say(to: &mut dyn io::Write, line: &str) {
    let _written = to.write_all(format!("{line}\n").as_bytes()).and_then(|()| to.flush());
}

fn describe(error: io::Error) -> load::Findings {
    vec![error.to_string()]
}

fn list(file: &Path) -> Result<String, load::Findings> {
    let (_, profiles) = load::read(file)?;
    Ok(profiles.iter().map(|profile| format!("{}\n", profile.name)).collect())
}

fn compare_features(kernel: &Kernel, file: &Path) -> Result<String, load::Findings> {
    let expected = std::fs::read_to_string(file).map_err(|error| vec![format!("{}: {error}", file.display())])?;
    let found = features::differences(&expected, &kernel.features().map_err(describe)?);
    if found.is_empty() {
        Ok("The kernel has every feature that the profiles were compiled for.".to_owned())
    } else {
        Err(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_lines() {
        let read = |line: &str| {
            parse(Parser::from_args(line.split_whitespace())).map_err(|error| options::wrong(&error, "usage"))
        };
        for (line, want) in [
            ("a", Request::Load("a".into())),
            ("--check a", Request::Check("a".into())),
            ("--list=a", Request::List("a".into())),
            ("--features", Request::Features(None)),
            ("--features a", Request::Features(Some("a".into()))),
        ] {
            assert_eq!(read(line), Ok(want), "{line}");
        }
        for (line, why) in [
            ("", "no file given"),
            ("--check", "--check needs a value"),
            ("--check a b", "unexpected argument `b`"),
            ("--features a b", "unexpected argument `b`"),
            ("a --check", "unknown option `--check`"),
            ("--load a", "unknown option `--load`"),
        ] {
            assert_eq!(read(line), Err(format!("{why}; usage")), "{line}");
        }
    }
}
