//! `bench`: the figures behind claims, as ratios measured in one run.

mod boot;
mod check;
mod generated;
mod in_turn;
mod layers;
mod malloc;
mod median;
mod noop;
mod sandbox;
mod seeds;

use anyhow::Result;
use clap::ValueEnum as _;

use crate::app::App;
use crate::cli::{BenchArgs, Benchmark};
use crate::exit::Exit;

/// Runs the named benchmarks, all when none is named.
pub fn run(app: &App, args: &BenchArgs) -> Result<Exit> {
    for name in if args.names.is_empty() { Benchmark::value_variants() } else { &args.names } {
        match name {
            Benchmark::Noop => noop::run(app)?,
            Benchmark::Check => check::run(app, args.runs)?,
            Benchmark::Malloc => malloc::run(app, args)?,
            Benchmark::Sandbox => sandbox::run(app, args.runs)?,
            Benchmark::Seeds => seeds::run(app, args.runs)?,
            Benchmark::Boot => boot::run(app, args)?,
            Benchmark::Layers => layers::run(app, args.runs)?,
        }
    }
    Ok(Exit::Good)
}
