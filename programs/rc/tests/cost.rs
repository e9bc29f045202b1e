//! The cost of `openrc` itself for 200 services, without the services' own processes.

#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

mod common;

use common::Root;
use std::fmt::Write;

const SERVICES: usize = 200;
/// Of processor time, in seconds. Far above what it takes: on a loaded machine caches are cold, and what is measured
/// here only has to notice work that grows with the square of the services. The printed figure is what counts.
const LIMIT: f64 = if cfg!(debug_assertions) { 1.0 } else { 0.25 };

#[test]
fn two_hundred_services() {
    let (mut scripts, mut level) = (String::new(), "default:".to_owned());
    for n in 0..SERVICES {
        let needs = if n > 10 { format!("need s{}; after s{}", n / 2, n - 7) } else { String::new() };
        write!(scripts, "s{n}: {needs}; use s{}; keyword -lxc,", (n + 150) % 150).unwrap();
        write!(level, " s{n}").unwrap();
    }
    let root = Root::new("cost", &scripts, &level);
    root.program("bin/stand-in", "#!/bin/sh\n:\n");
    let cache = root.0.join("usr/lib/rc/deptree");
    assert_eq!(root.run(&format!("rc-depend --write {} --root {}", cache.display(), root.0.display())).0, 0);
    root.run("openrc sysinit");
    // The stand-in marks nothing, so each run starts all of them. The best of three: other work on the machine
    // makes processor time longer, never shorter.
    (0..3).for_each(|_| drop(root.run("openrc default")));
    let log = root.read("var/log/rc.log");
    let costs = log
        .lines()
        .filter(|line| line.contains(" openrc own-cpu "))
        .filter_map(|l| l.rsplit(' ').next()?.parse::<f64>().ok());
    // The first of them is of sysinit, which has no services.
    let Some(cost) = costs.skip(1).min_by(f64::total_cmp) else {
        testkit::skip!("this kernel has no /proc/self/schedstat");
    };
    let started = log.lines().filter(|line| line.contains(" started ")).count();
    println!("openrc for {SERVICES} services: {:.1} ms of processor time of its own", cost * 1000.0);
    assert_eq!(started, 3 * SERVICES);
    assert!(cost < LIMIT, "{cost} s");
}
