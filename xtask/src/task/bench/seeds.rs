//! The time of another compiler: packages built in turn in the env of the seed `zig`, and in the usual one.

use anyhow::Result;
use ashlar_core::model::seed::SeedName;

use super::in_turn::in_turn;
use crate::app::App;

/// Builds packages in both. Nothing is stored of them but layers that are there already, for both give the same bytes.
pub fn run(app: &App, runs: u32) -> Result<()> {
    let repository = app.repository()?;
    let store = app.store()?;
    let other: SeedName = "zig".parse()?;
    let usual = SeedName::default();
    let sessions = [app.session_in(&repository, &store, &other)?, app.session_in(&repository, &store, &usual)?];
    let plans = |name: &_| {
        let [other, usual] = sessions.each_ref().map(|session| {
            drop(session.build(std::slice::from_ref(name))?);
            session.plan_of(name)
        });
        Ok([other?, usual?])
    };
    in_turn(app, runs, [other.as_str(), usual.as_str()], plans, |way, plan| sessions[way].build_again(plan, false))
}
