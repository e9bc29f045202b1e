//! `elf`: how the programs of an image are hardened, file by file.

use anyhow::{Context as _, Result};
use ashlar_core::base::event::counted;
use ashlar_core::base::name::PkgName;
use ashlar_core::verify::lint::report;

use crate::app::App;
use crate::compose::{self, Variant, inventory, iso};
use crate::exit::Exit;
use crate::host::store::Store;

/// Prints a row for each ELF file of the profile's root; fails when one lacks something. The kernel is not in the root.
pub fn run(app: &App, profile: &str) -> Result<Exit> {
    let repository = app.repository()?;
    let store = app.store()?;
    let session = app.session(&repository, &store)?;
    let made = iso::build(&session, &repository, &Variant::plain(profile), iso::Stage::Security)?;
    let profiles = compose::profiles(&repository)?;
    let profile = profiles.get(profile).context("the profile is not there any more")?;
    let rows = inventory::rows(&session, &repository, profile, &made)?;
    if app.reporter.is_json() {
        rows.iter().for_each(|row| app.reporter.show(row, String::new));
    } else {
        app.reporter.say(report::table(&rows));
        profile.root_names().iter().try_for_each(|name| units(app, &store, name))?;
    }
    let lacking: Vec<String> = rows
        .iter()
        .filter(|row| !row.lacking().is_empty())
        .map(|row| format!("\n  /{} of {} lacks {}", row.path, row.package, row.lacking().join(", ")))
        .collect();
    if lacking.is_empty() {
        return Ok(Exit::Good);
    }
    let help =
        "link through $CC; toolchain/hardening.toml has the flags, and the package's [[hardening]] what it leaves out";
    Err(Exit::Build.error(format!(
        "not hardened: {}{}\nhelp: {help}",
        counted(lacking.len(), "file"),
        lacking.concat()
    )))
}

/// The note of a package's last build about its units; nothing when it was not built here.
fn units(app: &App, store: &Store, package: &PkgName) -> Result<()> {
    let file = store.logs(package).join("units.log");
    if file.is_file() {
        app.reporter.say(format!("{package}: {}", fs_err::read_to_string(file)?.trim_end()));
    }
    Ok(())
}
