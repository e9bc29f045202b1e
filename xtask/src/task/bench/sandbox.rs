//! The cost of the sandbox: packages built in turn with all of it, and with the mounts and namespaces alone.

use std::time::Instant;

use anyhow::Result;
use ashlar_core::base::name::PkgName;

use super::median::median;
use crate::app::App;

/// Small and middle ones, of every sort: many short programs, many files for the compiler, tests that start processes.
const PACKAGES: [&str; 6] = ["linux-headers", "musl", "libcap", "busybox", "grub-bios", "openssl"];

/// Builds each package in turn with and without, and prints medians and the ratio of their sums. Nothing is stored of them but
/// layers that are there already, for both give the same bytes: another diff id fails.
pub fn run(app: &App, runs: u32) -> Result<()> {
    let repository = app.repository()?;
    let store = app.store()?;
    let session = app.session(&repository, &store)?;
    app.reporter.say(format!("seconds to build a package, median of {runs}"));
    app.reporter.say(format!("  {:16} {:>10} {:>10} {:>8}", "", "sandbox", "without", "ratio"));
    let (mut with, mut without) = (0.0, 0.0);
    for name in PACKAGES {
        let name: PkgName = name.parse()?;
        drop(session.build(std::slice::from_ref(&name))?);
        let plan = session.plan_of(&name)?;
        let mut seconds = [Vec::new(), Vec::new()];
        let mut outputs = Vec::new();
        for run in 0..runs * 2 {
            // Which is first changes, so that what warms up or slows down over time counts for both.
            let bare = (run / 2 + run) % 2 == 1;
            let started = Instant::now();
            outputs.push(session.build_again(&plan, bare)?.outputs);
            seconds[usize::from(bare)].push(started.elapsed().as_secs_f64());
        }
        anyhow::ensure!(outputs.windows(2).all(|two| two[0] == two[1]), "{name} differs with and without the sandbox");
        let [all, few] = seconds.map(median);
        app.reporter.say(format!("  {:16} {all:>10.1} {few:>10.1} {:>8.3}", name.as_str(), all / few));
        with += all;
        without += few;
    }
    app.reporter.say(format!("  {:16} {with:>10.1} {without:>10.1} {:>8.3}", "all", with / without));
    Ok(())
}
