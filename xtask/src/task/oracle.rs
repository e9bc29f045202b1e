//! `oracle`: real OpenRC and ours run the same generated service graphs; every answer is compared.
//!
//! What is asked and what counts as equal is decided in the crate `ashlar-oracle`; here its files are written, both sides are
//! run in namespaces of their own, and the verdict is printed.

mod namespace;
mod packages;
mod roots;

use anyhow::{Context as _, Result};
use ashlar_oracle::capture::Capture;
use ashlar_oracle::graph::Graph;
use ashlar_oracle::{compare, differences, generate, report, shipped};
use camino::Utf8Path;

use self::roots::{Prepared, Roots};
use super::App;
use crate::cli::OracleArgs;
use crate::exit::Exit;

/// Graphs of the short form.
const SHORT: u32 = 32;

/// Compares; fails when something differs that `differences.toml` does not explain.
pub fn run(app: &App, args: &OracleArgs) -> Result<Exit> {
    let started = std::time::Instant::now();
    let known = fs_err::read_to_string(app.root.join("tests/oracle/differences.toml"))?;
    let known = differences::parse(&known).map_err(|error| Exit::Invalid.error(error.to_string()))?;
    let roots = match roots::prepare(app, args.rc.as_deref())? {
        Prepared::Ready(roots) => roots,
        Prepared::Skipped(why) => {
            println!("skipped: {why}");
            return Ok(Exit::Unchecked);
        }
    };
    println!("seed {}, OpenRC {}", args.seed, roots.version);
    let graphs = graphs(args, &roots);
    let (real, ours) = both(app, &roots, &graphs)?;
    let comparison = compare::compare(&graphs, &real, &ours);
    let sorted = differences::sort(&comparison.differences, &known);
    if let Some(folder) = &args.outcomes {
        keep(folder, &graphs, &real, &ours)?;
        let lines: Vec<String> = sorted.unexplained.iter().map(|difference| format!("{difference}\n")).collect();
        fs_err::write(folder.join("unexplained.txt"), lines.concat())?;
        let lines = sorted.explained.iter().map(|(place, difference)| format!("{}: {difference}\n", known[*place].id));
        fs_err::write(folder.join("documented.txt"), lines.collect::<String>())?;
    }
    print!("{}", report::documented(&sorted, &known));
    print!("{}", report::unexplained(&sorted, &graphs, &real, &ours));
    println!("{} ({:.0} s)", report::summary(&comparison, &sorted), started.elapsed().as_secs_f64());
    Ok(if sorted.unexplained.is_empty() { Exit::Good } else { Exit::Differs })
}

/// The graphs that were asked for; the scripts of the package are the last.
fn graphs(args: &OracleArgs, roots: &Roots) -> Vec<Graph> {
    let count = if args.short { SHORT } else { args.graphs };
    match args.only {
        Some(shipped::NUMBER) => vec![shipped::graph(&roots.scripts)],
        Some(number) => vec![generate::graph(args.seed, number)],
        None => {
            let mut graphs = generate::graphs(args.seed, count);
            graphs.push(shipped::graph(&roots.scripts));
            graphs
        }
    }
}

/// Runs the graphs on both sides.
fn both(app: &App, roots: &Roots, graphs: &[Graph]) -> Result<(Capture, Capture)> {
    let dir =
        tempfile::Builder::new().prefix("ashlar-oracle-").tempdir().context("making a directory for the graphs")?;
    let dir = Utf8Path::from_path(dir.path()).context("the temporary directory's name is not UTF-8")?;
    for graph in graphs {
        namespace::write(&dir.join(graph.number.to_string()), graph, &roots.shipped)?;
    }
    let numbers: Vec<u32> = graphs.iter().map(|graph| graph.number).collect();
    // Most of the time is waiting: for children, and for services that are slow on purpose.
    namespace::run(&[&roots.real, &roots.ours], dir, &numbers, app.jobs() * 2)
}

/// Writes what was compared, for reading.
fn keep(folder: &Utf8Path, graphs: &[Graph], real: &Capture, ours: &Capture) -> Result<()> {
    fs_err::create_dir_all(folder)?;
    for graph in graphs {
        let steps: Vec<&str> = graph.steps.iter().map(|step| step.command.as_str()).collect();
        let text = format!(
            "{graph}{}\n\nreal: {:#?}\n\nours: {:#?}\n",
            steps.join("\n"),
            real.get(&graph.number),
            ours.get(&graph.number)
        );
        fs_err::write(folder.join(format!("{}.txt", graph.number)), text)?;
    }
    Ok(())
}
