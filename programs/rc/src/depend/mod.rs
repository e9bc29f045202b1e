//! Dependencies between services: gathered from the scripts, cached, and resolved to an order.
//!
//! It contains reading `depend()` (`gather`, `text`), the cache (`cache`), the graph (`graph`), the present state
//! (`situation`), and the order that follows (`order`, `cycle`). It starts nothing: see `openrc`.
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
