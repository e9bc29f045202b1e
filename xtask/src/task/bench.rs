//! `bench`: the figures behind claims, as ratios measured in one run.

mod boot;
mod layers;
mod malloc;
mod noop;
mod sandbox;

use anyhow::Result;
use clap::ValueEnum as _;

use super::App;
use crate::cli::{BenchArgs, Benchmark};
use crate::exit::Exit;

/// Runs the named benchmarks, all when none is named.
pub fn run(app: &App, args: &BenchArgs) -> Result<Exit> {
    for name in if args.names.is_empty() { Benchmark::value_variants() } else { &args.names } {
        match name {
            Benchmark::Noop => noop::run(app)?,
            Benchmark::Malloc => malloc::run(app)?,
            Benchmark::Sandbox => sandbox::run(app, args.runs)?,
            Benchmark::Boot => boot::run(app, args)?,
            Benchmark::Layers => layers::run(app, args.runs)?,
        }
    }
    Ok(Exit::Good)
}

/// The median of measurements.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_median_is_the_middle() {
        assert!((super::median(vec![3.0, 1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
        assert!(super::median(Vec::new()).is_nan());
    }
}
