//! Shared set-up of the test suites; the suites themselves are in `tests/`.
//!
//! [`checkout`] gives a small Ashlar tree with a store of its own, in which the real program is run as a person runs it;
//! [`server`] is a web server on this machine that can be told to misbehave. What a suite asserts is the suite's.

pub mod checkout;
pub mod server;
