//! Service graphs beside the OpenRC of this machine's Debian.

use anyhow::{Context as _, Result};
use ashlar_core::base::command::Command;
use ashlar_oracle::capture::{self, Capture};
use ashlar_oracle::graph::Graph;
use ashlar_oracle::{compare, differences, generate, render, report, shipped};
use camino::Utf8Path;

use super::roots::{self, Roots};
use super::{entries, namespace, packages, verdict};
use crate::app::App;
use crate::cli::OracleArgs;
use crate::exit::Exit;
use crate::host::exec;

/// Graphs of the short form.
const SHORT: u32 = 32;

/// Compares; fails when something differs that `differences.toml` does not explain.
pub fn run(app: &App, args: &OracleArgs) -> Result<Exit> {
    let started = std::time::Instant::now();
    let known = verdict::known(app, "tests/oracle/differences.toml")?;
    let Some(roots) = roots::both(app, args, &packages::GRAPHS)? else { return Ok(Exit::Unchecked) };
    let graphs = graphs(args, &roots);
    let (real, ours) = both(app, &roots, &graphs)?;
    let comparison = compare::compare(&graphs, &real, &ours);
    let sorted = differences::sort(&comparison.differences, &known);
    if let Some(folder) = &args.outcomes {
        verdict::keep(folder, &sorted, &known)?;
        keep(folder, &graphs, &real, &ours)?;
    }
    let unexplained = report::unexplained(&sorted, &graphs, &real, &ours);
    Ok(verdict::verdict(app, "graphs", &unexplained, &comparison, &sorted, &known, started))
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
        write(&dir.join(graph.number.to_string()), graph, &roots.shipped)?;
    }
    let numbers: Vec<u32> = graphs.iter().map(|graph| graph.number).collect();
    // Most of the time is waiting: for children, and for services that are slow on purpose.
    let printed = namespace::run(&[&roots.real, &roots.ours], dir, render::DRIVER, &numbers, app.jobs() * 2)?;
    let [real, ours] = printed.map(|texts| -> Result<Capture> {
        let mut all = Capture::new();
        for text in texts {
            all.extend(capture::parse(&text).context("reading what a driver printed")?);
        }
        Ok(all)
    });
    Ok((real?, ours?))
}

/// Writes a graph's files.
fn write(folder: &Utf8Path, graph: &Graph, shipped: &Utf8Path) -> Result<()> {
    let etc = folder.join("etc");
    if graph.number == shipped::NUMBER {
        fs_err::create_dir_all(&etc)?;
        exec::read(&Command::new("cp").args(["-a", &format!("{shipped}/."), etc.as_str()]))?;
    } else {
        entries::write(&etc, render::entries(graph))?;
    }
    fs_err::write(folder.join("commands"), render::commands(graph))?;
    Ok(())
}

/// Writes what was compared, for reading.
fn keep(folder: &Utf8Path, graphs: &[Graph], real: &Capture, ours: &Capture) -> Result<()> {
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
