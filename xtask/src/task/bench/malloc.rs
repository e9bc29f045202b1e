//! The allocator: one program built three ways in one run, against stock musl, our musl, and the host's glibc.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use ashlar_core::base::command::Command;
use ashlar_core::base::name::PkgName;
use camino::{Utf8Path, Utf8PathBuf};

use super::median::median;
use crate::app::App;
use crate::build::session::Session;
use crate::compose::{image_tools, root};
use crate::host::exec;
use crate::host::repository::Repository;

const RUNS: usize = 3;
const THREADS: &str = "2";

/// Builds and runs `tests/bench/malloc.c`, in turn, and prints medians and ratios.
pub fn run(app: &App) -> Result<()> {
    let repository = app.repository()?;
    let store = app.store()?;
    let session = app.session(&repository, &store)?;
    let mut stock = app.repository()?;
    let musl = stock.recipes.get_mut(&"musl".parse::<PkgName>()?).context("there is no musl recipe")?;
    musl.env.insert("MALLOC".to_owned(), "mallocng".to_owned());
    let stock_session = app.session(&stock, &store)?;
    let programs = [
        ("stock musl", program(app, &stock_session, &stock, "stock")?),
        ("ashlar musl", program(app, &session, &repository, "ours")?),
        ("host glibc", host_program(app, &session)?),
    ];
    let mut results: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for _ in 0..RUNS {
        for (name, program) in &programs {
            results.entry(name).or_default().push(operations(program)?);
        }
    }
    let medians: BTreeMap<&str, f64> = results.into_iter().map(|(name, values)| (name, median(values))).collect();
    app.reporter.say(format!("allocations, {THREADS} threads, millions of operations a second, median of {RUNS}"));
    for (name, _) in &programs {
        let value = medians.get(name).copied().unwrap_or(f64::NAN);
        app.reporter.say(format!(
            "  {name:<12} {:>8.2}   {:>5.2} x stock musl",
            value / 1e6,
            value / medians["stock musl"]
        ));
    }
    app.reporter.say(format!("  ashlar musl / host glibc {:>5.2}", medians["ashlar musl"] / medians["host glibc"]));
    Ok(())
}

/// The program as a static-PIE of the session's sysroot.
fn program(app: &App, session: &Session<'_>, repository: &Repository, label: &str) -> Result<Utf8PathBuf> {
    let libs: Vec<PkgName> = vec!["musl".parse()?, "compiler-rt".parse()?];
    let built = session.build(&libs)?;
    let scratch = session.scratch().join(label);
    let sysroot = scratch.join("sysroot");
    fs_err::create_dir_all(&sysroot)?;
    let closure = repository.closure(&libs)?;
    let inputs = session.inputs(closure, &built)?;
    root::compose(session.store(), &inputs, &sysroot)?;
    for (name, text) in repository.toolchain.files(&[]) {
        let text = text.replace("@ROOT@", "/room").replace("=/sysroot", "=/room/sysroot");
        fs_err::write(scratch.join(name), text)?;
    }
    compile(app, session, &scratch, "clang --config=/room/cc.cfg")
}

/// The program linked dynamically with the seed's glibc headers; it runs with the host's glibc.
fn host_program(app: &App, session: &Session<'_>) -> Result<Utf8PathBuf> {
    let scratch = session.scratch().join("glibc");
    fs_err::create_dir_all(&scratch)?;
    compile(app, session, &scratch, "clang -O2 -fuse-ld=lld -pthread")
}

fn compile(app: &App, session: &Session<'_>, scratch: &Utf8Path, compiler: &str) -> Result<Utf8PathBuf> {
    fs_err::copy(app.root.join("tests/bench/malloc.c"), scratch.join("malloc.c"))?;
    image_tools::run(
        session,
        "bench",
        scratch,
        &format!("PATH=/usr/lib/llvm-19/bin:$PATH {compiler} malloc.c -o malloc"),
    )?;
    Ok(scratch.join("malloc"))
}

/// Runs the program and gives its figure: the last word of the line that begins with `mean`.
fn operations(program: &Utf8Path) -> Result<f64> {
    let text = exec::read(&Command::new(program.as_str()).arg(THREADS))?;
    let line = text.lines().find(|line| line.starts_with("mean")).with_context(|| format!("no mean in: {text}"))?;
    let word = line.split_whitespace().last().unwrap_or_default();
    word.parse().with_context(|| format!("`{word}` is not a number"))
}
