//! The cost of the sandbox: packages built in turn with all of it, and with the mounts and namespaces alone.

use anyhow::Result;

use super::in_turn::in_turn;
use crate::app::App;

/// Builds packages with and without. Nothing is stored of them but layers that are there already, for both give the same bytes.
pub fn run(app: &App, runs: u32) -> Result<()> {
    let repository = app.repository()?;
    let store = app.store()?;
    let session = app.session(&repository, &store)?;
    let plans = |name: &_| {
        drop(session.build(std::slice::from_ref(name))?);
        let plan = session.plan_of(name)?;
        Ok([plan.clone(), plan])
    };
    in_turn(app, runs, ["sandbox", "without"], plans, |way, plan| session.build_again(plan, way == 1))
}
