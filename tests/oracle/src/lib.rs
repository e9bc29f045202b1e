//! Real OpenRC beside ours: what is asked of both, and what counts as the same answer.
//!
//! The way of the data: [`generate`] makes a [`graph::Graph`] from a seed; [`render`] turns it into the files and commands of a
//! test root; both sides run them there (`cargo xtask oracle`, no business of this crate) and print a text that [`capture`]
//! reads; [`compare`] lists where the answers differ; [`differences`] says which of those are known, and why.
//!
//! Beside graphs, in [`script`]: single services with everything that a script may say, and what their daemons look like then.
//!
//! Nothing here has an effect: no file, process, clock or environment. The same seed gives the same graphs on any machine.

pub mod capture;
pub mod compare;
pub mod dependency;
pub mod differences;
pub mod generate;
pub mod graph;
pub mod messages;
pub mod random;
pub mod render;
pub mod report;
pub mod script;
pub mod shipped;
pub mod table;
mod theme;
