//! Failures while a sandbox is applied.

use std::io;

use base::findings::Span;

use crate::plan::Place;

/// Why a part of the sandbox could not be applied.
#[derive(Debug)]
pub struct Failure {
    /// The place in the profile that caused it; none if every profile does.
    pub at: Option<Span>,
    /// What, why, and what to do.
    pub message: String,
}

impl Failure {
    /// Without a place.
    pub fn new(message: impl Into<String>) -> Self {
        Self { at: None, message: message.into() }
    }

    /// With its place.
    pub fn at(place: &Place, message: impl Into<String>) -> Self {
        Self { at: place.at, message: message.into() }
    }
}

/// Adds what failed.
pub fn failed(what: impl Into<String>) -> impl FnOnce(io::Error) -> Failure {
    let what = what.into();
    move |error| Failure::new(format!("{what}: {error}"))
}
