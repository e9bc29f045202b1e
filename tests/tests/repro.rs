//! `verify-repro` catches every kind of leak, one fixture each, and lets a clean package pass.
#![expect(clippy::unwrap_used, reason = "all of this is test code")]

use ashlar_tests::checkout::{Checkout, Ended};

/// The documented exit code for "not reproducible".
const DIFFERS: i32 = 40;

fn verify(package: &str) -> Option<Ended> {
    Checkout::new().map(|checkout| checkout.run(&["verify-repro", package]))
}

/// Package, file and bytes are named. Gives the report.
fn caught(leak: &str, hint: &str) -> Option<String> {
    let ended = verify(&format!("leak-{leak}"))?;
    assert_eq!(ended.code, Some(DIFFERS), "{}", ended.stderr);
    let report = ended.stdout;
    assert!(report.contains(&format!("leak-{leak}: NOT reproduced, 1 path differs")), "{report}");
    assert!(report.contains(&format!("usr/share/leak/{leak}: ")), "{report}");
    assert!(report.contains("first difference at byte ") && report.contains(hint), "{report}");
    let row = |side: &str| report.lines().find_map(|line| line.trim_start().strip_prefix(side)).map(str::to_owned);
    let (ours, theirs) = (row("a 0000").unwrap(), row("b 0000").unwrap());
    assert_ne!(ours, theirs, "the bytes shown must be those that differ");
    assert!(report.ends_with("1 checked: 0 reproduced, 1 differ, 0 undecided\n"), "{report}");
    Some(report)
}

#[test]
fn the_time_is_caught() {
    drop(caught("time", "looks like a time: use SOURCE_DATE_EPOCH"));
}

#[test]
fn the_path_is_caught() {
    drop(caught("path", "looks like a hash"));
}

#[test]
fn the_hostname_is_caught() {
    drop(caught("hostname", "looks like a hash"));
}

#[test]
fn a_random_number_is_caught() {
    drop(caught("random", "looks like a hash"));
}

#[test]
fn the_core_count_is_caught() {
    if std::thread::available_parallelism().unwrap().get() < 2 {
        testkit::skip!("with one processor there is no other number of them");
    }
    if let Some(report) = caught("cores", "looks like a number") {
        assert!(report.contains(" 31 0a"), "the second build sees one processor: {report}");
    }
}

#[test]
fn directory_order_is_caught() {
    let Some(checkout) = Checkout::new() else { return };
    let ended = checkout.run(&["verify-repro", "leak-order"]);
    if ended.stderr.contains("file order not varied") {
        testkit::skip!("the order of files is varied only with 12 GB of free memory");
    }
    assert_eq!(ended.code, Some(DIFFERS), "{}", ended.stderr);
    let report = ended.stdout;
    assert!(
        report.contains("usr/share/leak/order: ") && report.contains("the same bytes in another order"),
        "{report}"
    );
}

#[test]
fn a_clean_package_passes() {
    let Some(ended) = verify("clean") else { return };
    let told = ended.told(0, &["second build: another store", "built clean 1"]);
    assert_eq!(told.built(), ["clean", "clean"], "both stores build it");
    assert_eq!(told.stdout, "clean: reproduced\n1 checked: 1 reproduced, 0 differ, 0 undecided\n");
}

#[test]
fn what_is_below_is_not_judged_again() {
    let Some(checkout) = Checkout::new() else { return };
    let ended = checkout.run(&["verify-repro", "chain-app"]).told(0, &[]);
    assert_eq!(ended.built(), ["chain-app", "chain-app", "chain-lib", "chain-mid"]);
    assert_eq!(ended.stdout, "chain-app: reproduced\n1 checked: 1 reproduced, 0 differ, 0 undecided\n");
}
