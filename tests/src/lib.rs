//! Shared set-up of the test suites; the suites themselves are in `tests/`.
