//! Golden files: expected texts in the crate's folder `tests`, readable in a review, compared exactly.

use std::fs;
use std::path::PathBuf;

fn place(name: &str) -> PathBuf {
    PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo runs the tests")).join("tests").join(name)
}

/// A file of `tests/`.
///
/// # Panics
/// When it cannot be read.
pub fn input(name: &str) -> String {
    fs::read_to_string(place(name)).unwrap_or_else(|error| panic!("tests/{name}: {error}"))
}

/// Compares with a file of `tests/`; with ASHLAR_BLESS set, writes the file instead.
///
/// # Panics
/// When they differ.
pub fn assert_matches(name: &str, found: &str) {
    if std::env::var_os("ASHLAR_BLESS").is_some() {
        fs::write(place(name), found).unwrap();
    }
    assert_eq!(found, input(name), "differs from tests/{name}; if it is meant, run again with ASHLAR_BLESS=1");
}
