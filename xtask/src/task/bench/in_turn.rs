//! Packages built in two ways, in turn.

use std::time::Instant;

use anyhow::Result;
use ashlar_core::base::name::PkgName;
use ashlar_core::plan::BuildPlan;

use super::median::median;
use crate::app::App;
use crate::build::package::PackageBuild;

/// Small and middle ones, of every sort: many short programs, many files for the compiler, tests that start processes.
const PACKAGES: [&str; 6] = ["linux-headers", "musl", "libcap", "busybox", "grub-bios", "openssl"];

/// Builds each package in turn in both ways, and prints medians and the ratio of their sums. `plans` gives the plan of each way,
/// `build` carries the plan of one out. Another diff id fails.
pub fn in_turn(
    app: &App,
    runs: u32,
    ways: [&str; 2],
    plans: impl Fn(&PkgName) -> Result<[BuildPlan; 2]>,
    build: impl Fn(usize, &BuildPlan) -> Result<PackageBuild>,
) -> Result<()> {
    let [first, second] = ways;
    app.reporter.say(format!("seconds to build a package, median of {runs}"));
    app.reporter.say(format!("  {:16} {first:>10} {second:>10} {:>8}", "", "ratio"));
    let mut sums = [0.0; 2];
    for name in PACKAGES {
        let name: PkgName = name.parse()?;
        let plans = plans(&name)?;
        let mut seconds = [Vec::new(), Vec::new()];
        let mut outputs = Vec::new();
        for run in 0..runs * 2 {
            // Which is first changes, so that what warms up or slows down over time counts for both.
            let way = ((run / 2 + run) % 2) as usize;
            let started = Instant::now();
            outputs.push(build(way, &plans[way])?.outputs);
            seconds[way].push(started.elapsed().as_secs_f64());
        }
        anyhow::ensure!(outputs.windows(2).all(|two| two[0] == two[1]), "{name} differs between {first} and {second}");
        let [a, b] = seconds.map(median);
        app.reporter.say(format!("  {:16} {a:>10.1} {b:>10.1} {:>8.3}", name.as_str(), a / b));
        sums[0] += a;
        sums[1] += b;
    }
    let [a, b] = sums;
    app.reporter.say(format!("  {:16} {a:>10.1} {b:>10.1} {:>8.3}", "all", a / b));
    Ok(())
}
