//! `inventory`: what an image holds and opens, written to `digests/`, or compared with what is there.

use anyhow::Result;
use ashlar_core::verify::inventory;

use crate::app::App;
use crate::compose::inventory::Committed;
use crate::compose::{self, Variant, iso};
use crate::exit::Exit;

/// Writes the inventory of each named profile, or of all that are published; with `check`, only compares.
pub fn run(app: &App, profiles: &[String], check: bool) -> Result<Exit> {
    let repository = app.repository()?;
    let store = app.store()?;
    let session = app.session(&repository, &store)?;
    let published = compose::profiles(&repository)?.into_iter().filter(|(_, profile)| profile.published);
    let names: Vec<String> =
        if profiles.is_empty() { published.map(|(name, _)| name).collect() } else { profiles.to_vec() };
    let mut different = Vec::new();
    for name in &names {
        let made = iso::build(&session, &repository, &Variant::plain(name), iso::Stage::Overlay)?;
        if check {
            match compose::inventory::compare(&repository, &store, name, &made)? {
                Committed::Current => app.reporter.say(format!("{} is current", inventory::path(name))),
                Committed::Unpublished => {
                    app.reporter.say(format!("profile {name} is not published: nothing is committed of it"))
                }
                Committed::Differs(text) => different.push(text),
            }
            continue;
        }
        let path = inventory::path(name);
        fs_err::write(app.root.join(&path), compose::inventory::made(&store, &made)?)?;
        app.reporter.say(format!("wrote {path}"));
    }
    if different.is_empty() { Ok(Exit::Good) } else { Err(Exit::OutOfDate.error(different.join("\n"))) }
}
