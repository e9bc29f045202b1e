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
use std::path::Path;
use std::process::ExitCode;

use kernel::Kernel;

const USAGE: &str = "\
usage: apparmor-load FILE             load the profiles and close loading
       apparmor-load --check FILE     check that they are enforced and loading is closed
       apparmor-load --list FILE      print their names
       apparmor-load --features       print the AppArmor features of this kernel
       apparmor-load --features FILE  compare these features with FILE";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let kernel = Kernel::at(Path::new("/"));
    let outcome = match arguments[..] {
        ["--check", file] => load::check(&kernel, Path::new(file)),
        ["--list", file] => list(Path::new(file)),
        ["--features"] => kernel.features().map(|found| features::render(&found)).map_err(describe),
        ["--features", file] => compare_features(&kernel, file),
        [file] if !file.starts_with('-') => load::load(&kernel, Path::new(file)),
        _ => {
            say(&mut io::stderr(), USAGE);
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

fn compare_features(kernel: &Kernel, file: &str) -> Result<String, load::Findings> {
    let expected = std::fs::read_to_string(file).map_err(|error| vec![format!("{file}: {error}")])?;
    let found = features::differences(&expected, &kernel.features().map_err(describe)?);
    if found.is_empty() {
        Ok("The kernel has every feature that the profiles were compiled for.".to_owned())
    } else {
        Err(found)
    }
}
