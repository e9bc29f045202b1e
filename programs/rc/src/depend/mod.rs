//! What services say about each other: gathered from the scripts, kept in a cache, resolved to an order.
//!
//! Belongs here: reading `depend()` (`gather`, `text`), the cache (`cache`), the graph (`graph`), what is so right now
//! (`situation`) and the order that follows from both (`order`, `cycle`). Starting anything does not: see `openrc`.
//!
//! For callers: `Graph::load(&paths)` gives the graph, `Situation::read(&paths, None)` what is enabled and running;
//! `graph.start_plan(&situation, &["sshd"])` then lists all services to start, in order, each with what it waits for.

pub mod cache;
pub mod cycle;
pub mod gather;
pub mod graph;
pub mod load;
pub mod order;
pub mod situation;
pub mod survey;
pub mod text;

pub use graph::Graph;
pub use order::{Obstacle, Plan, Step};
pub use situation::Situation;

#[cfg(test)]
mod properties;
