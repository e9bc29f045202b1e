//! `iso`: builds the bootable ISO, stage by stage.

use std::time::Instant;

use anyhow::Result;
use ashlar_core::base::command::Command;
use ashlar_core::base::digest::Digest;
use ashlar_core::base::event::{Event, duration, size};
use ashlar_core::formats::efi_variable::KeyVariable;
use ashlar_core::model::seed::SeedName;
use camino::{Utf8Path, Utf8PathBuf};

use super::plan;
use crate::app::App;
use crate::cli::StageForm;
use crate::compose::Variant;
use crate::compose::inventory::{self, Committed};
use crate::compose::iso::{self, IsoBuild, Stage};
use crate::exit::Exit;
use crate::host::hash;
use crate::host::repository::Repository;
use crate::host::signing_keys::SigningKeys;
use crate::host::store::{Store, StoreEntry};

/// Builds an ISO, or its stages up to `last`.
pub fn run(app: &App, variant: &Variant, last: Stage, output: Option<&Utf8Path>, seed: &SeedName) -> Result<Exit> {
    let started = Instant::now();
    let (repository, store, made) = stages(app, variant, last, seed)?;
    let Ok(digest) = made.output("iso") else {
        app.reporter.say(format!("stage {last} is done; key {}", made.key.short()));
        return Ok(Exit::Good);
    };
    let output = output.map_or_else(|| path(app, variant), Utf8Path::to_owned);
    place(&store, &digest, &output)?;
    let bytes = fs_err::metadata(&output)?.len();
    let total = duration(started.elapsed().as_millis() as u64);
    let result = Event::Made {
        what: "iso",
        name: variant.name(),
        digest,
        manifest: None,
        path: Some(output.clone()),
        bytes: Some(bytes),
    };
    app.reporter.show(&result, || format!("Total: {total} | Output: {output} ({})\nsha256  {digest}", size(bytes)));
    // Keep the ISO for inspection, but fail: its contents are not the committed ones.
    if variant.without.is_empty()
        && let Committed::Differs(text) = inventory::compare(&repository, &store, &variant.profile, &made)?
    {
        return Err(Exit::OutOfDate.error(text));
    }
    Ok(Exit::Good)
}

/// Builds an ISO and writes it signed with the key of db in the directory `keys`, or by `command`.
pub fn sign(
    app: &App,
    variant: &Variant,
    keys: &Utf8Path,
    command: Option<&Command>,
    output: Option<&Utf8Path>,
    seed: &SeedName,
) -> Result<Exit> {
    // Before anything is built: without keys there is nothing to do.
    let keys = SigningKeys::at(keys);
    let certificate = keys.certificate(KeyVariable::Db)?;
    let output = output
        .map_or_else(|| app.root.join(format!("out/ashlar-{}-signed-x86_64.iso", variant.name())), Utf8Path::to_owned);
    let unsigned = write_signed(app, variant, &|image| keys.signed(image, command), &output, seed)?;
    let bytes = fs_err::metadata(&output)?.len();
    let (digest, _) = hash::of_file(&output)?;
    let result = Event::Made {
        what: "signed-iso",
        name: variant.name(),
        digest,
        manifest: None,
        path: Some(output.clone()),
        bytes: Some(bytes),
    };
    app.reporter.show(&result, || {
        format!(
            "Output: {output} ({})\nsha256    {digest}\nunsigned  {unsigned}\nsigned by the key of certificate {certificate}",
            size(bytes)
        )
    });
    Ok(Exit::Good)
}

/// Builds an ISO and writes it to `output` with its program signed by `sign`; gives the digest of the unsigned one.
pub fn write_signed(
    app: &App,
    variant: &Variant,
    sign: &dyn Fn(&[u8]) -> Result<Vec<u8>>,
    output: &Utf8Path,
    seed: &SeedName,
) -> Result<Digest> {
    let (repository, store) = (app.repository()?, app.store()?);
    let session = app.session_in(&repository, &store, seed)?;
    let made = iso::build(&session, &repository, variant, Stage::Iso)?;
    iso::signed(&session, &repository, variant, &made, sign, output)?;
    Ok(made.output("iso")?)
}

/// Prints the plans of the stages up to `last`. What they read is built.
pub fn print_plan(app: &App, variant: &Variant, last: Stage, form: StageForm, seed: &SeedName) -> Result<Exit> {
    let repository = app.repository()?;
    let store = app.store()?;
    let session = app.session_in(&repository, &store, seed)?;
    let plans = iso::plans(&session, &repository, variant, last)?;
    let printed = plans.into_iter().map(|(_, plan, steps)| (plan, steps)).collect::<Vec<_>>();
    plan::print(&app.reporter, &printed, form)?;
    Ok(Exit::Good)
}

/// Builds an ISO and gives the file.
pub fn build(app: &App, variant: &Variant) -> Result<Utf8PathBuf> {
    let (_, store, made) = stages(app, variant, Stage::Iso, &SeedName::default())?;
    let digest = made.output("iso")?;
    let output = path(app, variant);
    place(&store, &digest, &output)?;
    Ok(output)
}

fn stages(app: &App, variant: &Variant, last: Stage, seed: &SeedName) -> Result<(Repository, Store, IsoBuild)> {
    let repository = app.repository()?;
    let store = app.store()?;
    let session = app.session_in(&repository, &store, seed)?;
    let made = iso::build(&session, &repository, variant, last)?;
    drop(session);
    Ok((repository, store, made))
}

fn path(app: &App, variant: &Variant) -> Utf8PathBuf {
    app.root.join("out").join(format!("ashlar-{}-x86_64.iso", variant.name()))
}

/// Copies the stored ISO to its place, unless that file has these bytes already.
fn place(store: &Store, digest: &Digest, output: &Utf8Path) -> Result<()> {
    if let Some(parent) = output.parent() {
        fs_err::create_dir_all(parent)?;
    }
    if store.check(output, digest)? != StoreEntry::Good {
        let bytes = fs_err::read(store.artifact(digest))?;
        store.write_atomic(output, &bytes)?;
    }
    Ok(())
}
