//! `oracle`: real OpenRC and ours run the same generated service graphs, or the same service scripts; every answer is compared.
//!
//! What is asked and what counts as equal is decided in the crate `ashlar-oracle`; here its files are written, both sides are
//! run in namespaces of their own, and the verdict is printed.

mod entries;
mod graphs;
mod namespace;
mod packages;
mod roots;
mod scripts;
mod verdict;

use anyhow::Result;

use crate::app::App;
use crate::cli::OracleArgs;
use crate::exit::Exit;

/// Compares; fails when something differs that the list of differences does not explain.
pub fn run(app: &App, args: &OracleArgs) -> Result<Exit> {
    if args.scripts.is_some() { scripts::run(app, args) } else { graphs::run(app, args) }
}
