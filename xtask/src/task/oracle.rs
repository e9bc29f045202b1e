//! `oracle`: real OpenRC and ours run the same generated service graphs, or the same service scripts; every answer is compared.
//!
//! What is asked and what counts as equal is decided in the crate `ashlar-oracle`; here its files are written, both sides are
//! run in namespaces of their own, and the verdict is printed.

mod graphs;
mod namespace;
mod packages;
mod roots;
mod scripts;

use anyhow::Result;
use ashlar_oracle::compare::Comparison;
use ashlar_oracle::differences::{self, Known, Sorted};
use ashlar_oracle::render::{Content, Entry};
use ashlar_oracle::report;
use camino::Utf8Path;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::time::Instant;

use self::packages::Original;
use self::roots::{Prepared, Roots};
use super::App;
use crate::cli::OracleArgs;
use crate::exit::Exit;

/// Compares; fails when something differs that the list of differences does not explain.
pub fn run(app: &App, args: &OracleArgs) -> Result<Exit> {
    if args.scripts.is_some() { scripts::run(app, args) } else { graphs::run(app, args) }
}

/// Reads a list of differences.
fn known(app: &App, file: &str) -> Result<Vec<Known>> {
    let text = fs_err::read_to_string(app.root.join(file))?;
    differences::parse(&text).map_err(|error| Exit::Invalid.error(format!("{file}: {error}")))
}

/// Both roots, or nothing when this machine cannot have them, which is said.
fn roots(app: &App, args: &OracleArgs, original: &Original) -> Result<Option<Roots>> {
    Ok(match roots::prepare(app, original, args.rc.as_deref())? {
        Prepared::Ready(roots) => {
            println!("seed {}, OpenRC {}", args.seed, roots.version);
            Some(roots)
        }
        Prepared::Skipped(why) => {
            println!("skipped: {why}");
            None
        }
    })
}

/// Writes entries below a folder, which is made.
fn write(folder: &Utf8Path, entries: Vec<Entry>) -> Result<()> {
    fs_err::create_dir_all(folder)?;
    for entry in entries {
        let path = folder.join(&entry.path);
        match entry.content {
            Content::Directory => fs_err::create_dir(&path)?,
            Content::Link(target) => symlink(target, &path)?,
            Content::File(text, executable) => {
                fs_err::write(&path, text)?;
                let mode = if executable { 0o755 } else { 0o644 };
                fs_err::set_permissions(&path, std::fs::Permissions::from_mode(mode))?;
            }
        }
    }
    Ok(())
}

/// Writes which differences there are and which entry explains them.
fn keep(folder: &Utf8Path, sorted: &Sorted<'_>, known: &[Known]) -> Result<()> {
    fs_err::create_dir_all(folder)?;
    let lines: Vec<String> = sorted.unexplained.iter().map(|difference| format!("{difference}\n")).collect();
    fs_err::write(folder.join("unexplained.txt"), lines.concat())?;
    let lines = sorted.explained.iter().map(|(place, difference)| format!("{}: {difference}\n", known[*place].id));
    fs_err::write(folder.join("documented.txt"), lines.collect::<String>())?;
    Ok(())
}

/// Prints the verdict; `unexplained` is the long text about what has no reason.
fn verdict(
    cases: &str,
    unexplained: &str,
    comparison: &Comparison,
    sorted: &Sorted<'_>,
    known: &[Known],
    started: Instant,
) -> Exit {
    print!("{}{unexplained}", report::documented(sorted, known));
    println!("{} ({:.0} s)", report::summary(cases, comparison, sorted), started.elapsed().as_secs_f64());
    if sorted.unexplained.is_empty() { Exit::Good } else { Exit::Differs }
}
