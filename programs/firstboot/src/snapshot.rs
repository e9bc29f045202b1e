//! Texts of tests that are kept as files in `tests/`: readable in a review, compared to the letter.

use std::path::PathBuf;

fn place(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests").join(name)
}

/// A file of `tests/`.
pub fn input(name: &str) -> String {
    std::fs::read_to_string(place(name)).unwrap_or_else(|error| panic!("tests/{name}: {error}"))
}

/// Compares with a file of `tests/`; with ASHLAR_BLESS set it is written instead.
pub fn assert_matches(name: &str, found: &str) {
    if std::env::var_os("ASHLAR_BLESS").is_some() {
        std::fs::write(place(name), found).unwrap();
    }
    assert_eq!(found, input(name), "differs from tests/{name}; if it is meant, run again with ASHLAR_BLESS=1");
}
