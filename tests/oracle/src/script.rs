//! Single services beside graphs: what a script may say, and what becomes of its daemon.
//!
//! The way of the data is that of the graphs: [`generate`] makes a [`Case`] from a seed, [`render`] its files; both sides run
//! its steps and print what processes and files there are after each, which [`capture`] reads and [`compare`] compares.

pub mod capture;
mod case;
pub mod compare;
pub mod generate;
pub mod render;
pub mod report;
mod theme;

pub use case::{Case, SERVICE};
