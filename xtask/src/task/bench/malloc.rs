//! The allocator: one program built with each C library and run in turn: stock musl, our musl, that of another checkout, and
//! the host's glibc.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use ashlar_core::base::command::Command;
use ashlar_core::base::name::PkgName;
use camino::{Utf8Path, Utf8PathBuf};

use super::median::median;
use crate::app::App;
use crate::build::session::Session;
use crate::cli::BenchArgs;
use crate::compose::{image_tools, root};
use crate::host::exec;
use crate::host::repository::Repository;

/// With two, threads free what others allocated; with one, no allocator has to care.
const THREADS: [u32; 2] = [1, 2];
/// What the program prints, in the order of the table's columns.
const PATTERNS: [&str; 4] = ["small", "mixed", "exchange", "mean"];
const BASIS: &str = "host glibc";

/// Builds and runs `tests/bench/malloc.c`, in turn, and prints medians and ratios of each pattern.
pub fn run(app: &App, args: &BenchArgs) -> Result<()> {
    let repository = app.repository()?;
    let store = app.store()?;
    let session = app.session(&repository, &store)?;
    let mut stock = app.repository()?;
    let musl = stock.recipes.get_mut(&"musl".parse::<PkgName>()?).context("there is no musl recipe")?;
    musl.env.insert("MALLOC".to_owned(), "mallocng".to_owned());
    let stock_session = app.session(&stock, &store)?;
    let mut programs = vec![
        ("stock musl", program(app, &stock_session, &stock, "stock")?),
        ("ashlar musl", program(app, &session, &repository, "ours")?),
    ];
    if let Some(checkout) = &args.beside {
        let other = Repository::load_good(checkout)?;
        let other_session = app.session(&other, &store)?;
        // The program is this checkout's; it lies in that session's directory, which goes with the session.
        let built = program(app, &other_session, &other, "other")?;
        let kept = session.scratch().join("beside");
        fs_err::copy(&built, &kept)?;
        programs.push(("beside", kept));
    }
    programs.push((BASIS, host_program(app, &session)?));
    for threads in THREADS {
        measure(app, &programs, threads, args.runs)?;
    }
    Ok(())
}

/// Runs the programs in turn with so many threads and prints a line for each.
fn measure(app: &App, programs: &[(&str, Utf8PathBuf)], threads: u32, runs: u32) -> Result<()> {
    let mut rates: BTreeMap<(&str, &str), Vec<f64>> = BTreeMap::new();
    for _ in 0..runs {
        for (name, program) in programs {
            let text = exec::read(&Command::new(program.as_str()).arg(threads.to_string()))?;
            for (pattern, rate) in PATTERNS.into_iter().zip(figures(&text)?) {
                rates.entry((name, pattern)).or_default().push(rate);
            }
        }
    }
    app.reporter.say(format!(
        "millions of free and malloc a second, threads: {threads}, median of {runs}, and times {BASIS} of the same round"
    ));
    app.reporter.say(format!("  {:<12}{}", "", PATTERNS.map(|pattern| format!("{pattern:>17}")).concat()));
    for (name, _) in programs {
        let columns = PATTERNS.map(|pattern| {
            let (own, basis) = (&rates[&(*name, pattern)], &rates[&(BASIS, pattern)]);
            let ratios = own.iter().zip(basis).map(|(own, basis)| own / basis).collect();
            format!("{:>9.1} x {:>5.2}", median(own.clone()) / 1e6, median(ratios))
        });
        app.reporter.say(format!("  {name:<12}{}", columns.concat()));
    }
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

/// The program's figures, in the order of `PATTERNS`.
fn figures(text: &str) -> Result<Vec<f64>> {
    let mut lines = text.lines();
    let mut figures = Vec::new();
    for pattern in PATTERNS {
        let words: Vec<&str> = lines.next().unwrap_or_default().split_whitespace().collect();
        let [name, rate] = words.as_slice() else { anyhow::bail!("no `{pattern}` in: {text}") };
        ensure!(*name == pattern, "`{name}` in place of `{pattern}` in: {text}");
        figures.push(rate.parse().with_context(|| format!("`{rate}` is not a number"))?);
    }
    Ok(figures)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_programs_lines_are_figures() {
        assert_eq!(
            super::figures("small 3000000\nmixed 2\nexchange 1\nmean 2\n").unwrap(),
            [3_000_000.0, 2.0, 1.0, 2.0]
        );
        let error = super::figures("small 3\nexchange 1\n").unwrap_err().to_string();
        assert!(error.starts_with("`exchange` in place of `mixed`"), "{error}");
        assert!(super::figures("").is_err());
    }
}
