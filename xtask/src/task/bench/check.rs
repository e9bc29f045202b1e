//! A tree of 10,000 packages: how long `check` takes, then the plans and keys of all, and how much memory both hold.

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::{Context as _, Result};
use ashlar_core::base::digest::Digest;
use camino::Utf8Path;

use super::generated;
use super::median::median;
use crate::app::App;
use crate::build::plan;
use crate::host::repository::Repository;
use crate::host::{checkout, memory};
use crate::report::{Detail, Format, Reporter};

const RECIPES: usize = 10_000;
/// What `check` and planning may take, in seconds, and what both may hold at once, in bytes.
const CHECK: f64 = 1.0;
const PLANS: f64 = 2.0;
const MEMORY: u64 = 100_000_000;
/// What `check` reads of this checkout, besides the generated recipes.
const READ: [&str; 8] = ["digests", "docs", "hardening", "images", "iso", "pkgs", "programs", "toolchain"];

/// Copies this tree, adds the recipes, and measures `runs` times.
pub fn run(app: &App, runs: u32) -> Result<()> {
    let scratch = tempfile::tempdir()?;
    let root = Utf8Path::from_path(scratch.path()).context("the temporary directory is not UTF-8")?;
    grow(&app.root, root)?;
    let large = App {
        root: root.to_owned(),
        global: app.global.clone(),
        reporter: Reporter::new(Format::Human, Detail::Quiet),
    };
    memory::forget_peak()?;
    let (mut checks, mut plans, mut packages) = (Vec::new(), Vec::new(), 0);
    let mut peaks = [0, 0];
    for _ in 0..runs {
        let started = Instant::now();
        let repository = crate::task::check::valid(&large)?.repository;
        checks.push(started.elapsed().as_secs_f64());
        peaks[0] = peaks[0].max(memory::peak()?);
        let started = Instant::now();
        packages = keys(&repository)?;
        plans.push(started.elapsed().as_secs_f64());
        peaks[1] = memory::peak()?;
    }
    app.reporter
        .say(format!("a tree of {packages} packages of which {RECIPES} are generated, median and best of {runs}"));
    seconds(app, "check", checks, CHECK);
    seconds(app, "plans and keys", plans, PLANS);
    for (what, peak) in ["memory of check", "with plans"].into_iter().zip(peaks) {
        let (most, verdict) = (MEMORY / 1_000_000, verdict(peak <= MEMORY));
        app.reporter.say(format!("  {what:16} {:>6.1} MB {:12} bound {most} MB: {verdict}", peak as f64 / 1e6, ""));
    }
    Ok(())
}

fn seconds(app: &App, what: &str, took: Vec<f64>, most: f64) {
    let best = took.iter().copied().fold(f64::INFINITY, f64::min);
    let median = median(took);
    app.reporter
        .say(format!("  {what:16} {median:>6.2} s  {best:>6.2} s    bound {most} s: {}", verdict(median <= most)));
}

fn verdict(within: bool) -> &'static str {
    if within { "within" } else { "OVER" }
}

/// Plans every recipe behind those it needs, as a build would; the packages of each get the digest that their name and key give.
fn keys(repository: &Repository) -> Result<usize> {
    let seed = Digest::of("seed");
    let mut diff_ids = BTreeMap::new();
    for name in repository.graph.order() {
        let plan = plan::of(repository, repository.recipe_of(name)?, seed, &|name| diff_ids.get(name).copied())?;
        let key = plan.keyed().key;
        diff_ids.extend(plan.package_names().map(|name| (name.clone(), Digest::of(format!("{name} {key}")))));
    }
    Ok(diff_ids.len())
}

/// Writes what `check` reads of the checkout at `from`, and the generated recipes, below `to`.
fn grow(from: &Utf8Path, to: &Utf8Path) -> Result<()> {
    for folder in READ.map(Utf8Path::new) {
        for path in checkout::files_below(from, folder)? {
            let bytes = checkout::read(&from.join(folder).join(&path))?;
            write(&to.join(folder).join(path), &bytes)?;
        }
    }
    for number in 0..RECIPES {
        let folder = to.join("pkgs").join(generated::name(number));
        for (path, text) in generated::files(number) {
            write(&folder.join(path), text.as_bytes())?;
        }
    }
    Ok(())
}

fn write(file: &Utf8Path, bytes: &[u8]) -> Result<()> {
    fs_err::create_dir_all(file.parent().context("a file lies in a folder")?)?;
    Ok(fs_err::write(file, bytes)?)
}
