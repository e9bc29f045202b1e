//! `graph`: who needs whom, in dot.

use anyhow::Result;

use crate::app::App;
use crate::exit::Exit;

/// Prints the graph.
pub fn run(app: &App) -> Result<Exit> {
    app.reporter.say(app.whole_repository()?.graph.dot());
    Ok(Exit::Good)
}
