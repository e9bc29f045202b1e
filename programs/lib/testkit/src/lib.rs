//! Code that the tests of our programs share. Only a dev-dependency.
//!
//! - [`skip!`] and [`skipped`]: a test that cannot run says why, and fails in continuous integration;
//! - [`repository`]: the tree around the crate, for tests that compare the two;
//! - [`golden`]: expected texts as files;
//! - [`fuzz`]: random input for readers of text and bytes;
//! - [`TempDir`]: a directory that is gone after the test.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "all of this is test code: without its input it must fail")]
#![allow(clippy::print_stdout, reason = "what was skipped, and how much was tried, belongs into the record of the run")]

pub mod fuzz;
pub mod golden;
pub mod repository;
mod temp_dir;

use std::fmt::Display;

pub use temp_dir::TempDir;

/// Ends the test, which returns nothing, because it cannot run here: `skip!("needs root")`. See [`skipped`].
#[macro_export]
macro_rules! skip {
    ($($why:tt)+) => {{
        $crate::skipped(format_args!($($why)+));
        return;
    }};
}

/// Reports that a test, or a part of one, cannot run here.
///
/// # Panics
/// If the variable `CI` is set: there everything must run, or a green result would mean little.
pub fn skipped(why: impl Display) {
    note(&why.to_string(), std::env::var_os("CI").is_some());
}

fn note(why: &str, must_run: bool) {
    assert!(!must_run, "this test cannot run, and CI is set, where every test must: {why}");
    println!("skipped: {why}");
}

#[cfg(test)]
mod tests {
    #[test]
    fn skipping_is_a_failure_where_everything_must_run() {
        super::note("needs root", false);
        let panic = std::panic::catch_unwind(|| super::note("needs root", true)).unwrap_err();
        assert!(panic.downcast_ref::<String>().unwrap().ends_with(": needs root"));
    }
}
