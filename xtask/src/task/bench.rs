//! `bench`: the figures behind claims, as ratios measured in one run.

mod malloc;
mod noop;

use anyhow::{Result, bail};

use super::App;
use crate::exit::Exit;

/// Runs the named benchmarks, all when none is named.
pub fn run(app: &App, names: &[String]) -> Result<Exit> {
    let all = ["noop".to_owned(), "malloc".to_owned()];
    for name in if names.is_empty() { &all[..] } else { names } {
        match name.as_str() {
            "noop" => noop::run(app)?,
            "malloc" => malloc::run(app)?,
            other => bail!("there is no benchmark `{other}`; benchmarks: noop, malloc"),
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
