//! Service scripts beside the OpenRC of a Debian that has its own start-stop-daemon.

use anyhow::{Context as _, Result};
use ashlar_oracle::differences;
use ashlar_oracle::script::capture::{self, Capture};
use ashlar_oracle::script::{Case, compare, generate, render, report};
use camino::Utf8Path;
use std::os::unix::fs::PermissionsExt as _;

use super::roots::{self, Roots};
use super::{entries, namespace, packages, verdict};
use crate::app::App;
use crate::cli::OracleArgs;
use crate::exit::Exit;

/// Scripts of the short form: each theme twice.
const SHORT: u32 = 32;

/// A script that the stand-in interprets: its process shows another program than the one that was asked for.
const INTERPRETED: &str = "#!/usr/sbin/stand-in\n";

/// Compares; fails when something differs that `differences-scripts.toml` does not explain.
pub fn run(app: &App, args: &OracleArgs) -> Result<Exit> {
    let started = std::time::Instant::now();
    let known = verdict::known(app, "tests/oracle/differences-scripts.toml")?;
    let Some(roots) = roots::both(app, args, &packages::SCRIPTS)? else { return Ok(Exit::Unchecked) };
    furnish(app, &roots)?;
    let count = if args.short { SHORT } else { args.scripts.unwrap_or(SHORT) };
    let cases = match args.only {
        Some(number) => vec![generate::case(args.seed, number)],
        None => generate::cases(args.seed, count),
    };
    let (real, ours) = both(app, &roots, &cases)?;
    let comparison = compare::compare(&cases, &real, &ours);
    let sorted = differences::sort(&comparison.differences, &known);
    if let Some(folder) = &args.outcomes {
        verdict::keep(folder, &sorted, &known)?;
        keep(folder, &cases, &real, &ours)?;
    }
    let unexplained = report::unexplained(&sorted, &cases, &real, &ours);
    Ok(verdict::verdict(app, "scripts", &unexplained, &comparison, &sorted, &known, started))
}

/// Puts the stand-in under each of its names into both roots, and who looks at it.
fn furnish(app: &App, roots: &Roots) -> Result<()> {
    let programs = roots::programs(app, &roots.home, "tests/oracle/stand-in/Cargo.toml", &["stand-in", "observer"])?;
    let [stand_in, observer] = programs.as_slice() else { anyhow::bail!("the stand-in has two programs") };
    for root in [&roots.real, &roots.ours] {
        let folder = root.join("usr/sbin");
        for (program, name) in [(stand_in, "stand-in"), (stand_in, "other"), (observer, "observer")] {
            fs_err::copy(program, folder.join(name))?;
        }
        let interpreted = folder.join("script-daemon");
        fs_err::write(&interpreted, INTERPRETED)?;
        fs_err::set_permissions(&interpreted, std::fs::Permissions::from_mode(0o755))?;
    }
    Ok(())
}

/// Runs the scripts on both sides.
fn both(app: &App, roots: &Roots, cases: &[Case]) -> Result<(Capture, Capture)> {
    let dir =
        tempfile::Builder::new().prefix("ashlar-oracle-").tempdir().context("making a directory for the scripts")?;
    let dir = Utf8Path::from_path(dir.path()).context("the temporary directory's name is not UTF-8")?;
    for case in cases {
        let folder = dir.join(case.number.to_string());
        entries::write(&folder.join("etc"), render::entries(case))?;
        fs_err::write(folder.join("commands"), render::steps(case))?;
    }
    let numbers: Vec<u32> = cases.iter().map(|case| case.number).collect();
    // Nearly all of the time is waiting for daemons that end slowly.
    let printed = namespace::run(&[&roots.real, &roots.ours], dir, render::DRIVER, &numbers, app.jobs() * 4)?;
    let [real, ours] = printed.map(|texts| -> Result<Capture> {
        let mut all = Capture::new();
        for text in texts {
            capture::parse(&text, &mut all)?;
        }
        Ok(all)
    });
    Ok((real?, ours?))
}

/// Writes what was compared, for reading.
fn keep(folder: &Utf8Path, cases: &[Case], real: &Capture, ours: &Capture) -> Result<()> {
    for case in cases {
        let steps = case.steps.join("\n");
        let (theirs, own) = (real.get(&case.number), ours.get(&case.number));
        let text = format!("{case}{steps}\n\nreal: {theirs:#?}\n\nours: {own:#?}\n");
        fs_err::write(folder.join(format!("{}.txt", case.number)), text)?;
    }
    Ok(())
}
