//! The differences, their documented reasons, and the report of both.

use std::time::Instant;

use anyhow::Result;
use ashlar_oracle::compare::Comparison;
use ashlar_oracle::differences::{self, Known, Sorted};
use ashlar_oracle::report;
use camino::Utf8Path;

use crate::app::App;
use crate::exit::Exit;

/// Reads a list of differences.
pub fn known(app: &App, file: &str) -> Result<Vec<Known>> {
    let text = fs_err::read_to_string(app.root.join(file))?;
    differences::parse(&text).map_err(|error| Exit::Invalid.error(format!("{file}: {error}")))
}

/// Writes which differences there are and which entry explains them.
pub fn keep(folder: &Utf8Path, sorted: &Sorted<'_>, known: &[Known]) -> Result<()> {
    fs_err::create_dir_all(folder)?;
    let lines: Vec<String> = sorted.unexplained.iter().map(|difference| format!("{difference}\n")).collect();
    fs_err::write(folder.join("unexplained.txt"), lines.concat())?;
    let lines = sorted.explained.iter().map(|(place, difference)| format!("{}: {difference}\n", known[*place].id));
    fs_err::write(folder.join("documented.txt"), lines.collect::<String>())?;
    Ok(())
}

/// Prints the verdict; `unexplained` is the long text about what has no reason.
pub fn verdict(
    app: &App,
    cases: &str,
    unexplained: &str,
    comparison: &Comparison,
    sorted: &Sorted<'_>,
    known: &[Known],
    started: Instant,
) -> Exit {
    app.reporter.say(format!("{}{unexplained}", report::documented(sorted, known)));
    app.reporter.say(format!(
        "{} ({:.0} s)",
        report::summary(cases, comparison, sorted),
        started.elapsed().as_secs_f64()
    ));
    if sorted.unexplained.is_empty() { Exit::Good } else { Exit::Differs }
}
