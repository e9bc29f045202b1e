//! `ledger`: writes or checks the committed digests of all outputs.

use anyhow::Result;
use ashlar_core::base::name::{Arch, PkgName};
use ashlar_core::formats::ledger::{Expected, Ledger};

use crate::app::App;
use crate::build::session::{Options, Session};
use crate::cli::LedgerCommand;
use crate::compose::{self, Variant, image, iso};
use crate::exit::Exit;
use crate::host::repository::Repository;

/// Runs `ledger update` or `ledger check`; both build what is not built yet.
pub fn run(app: &App, command: &LedgerCommand) -> Result<Exit> {
    let repository = app.whole_repository()?;
    // Before anything is built: a ledger that cannot be read is not worth the wait.
    let committed = match command {
        LedgerCommand::Update => Ledger::default(),
        LedgerCommand::Check => repository.ledger(Arch::X86_64)?,
    };
    let current = current(app, &repository)?;
    let path = repository.ledger_path(Arch::X86_64);
    match command {
        LedgerCommand::Update => {
            fs_err::create_dir_all(app.root.join("digests"))?;
            fs_err::write(&path, current.render())?;
            app.reporter.say(format!("wrote {}", path.strip_prefix(&app.root).unwrap_or(&path)));
            Ok(Exit::Good)
        }
        LedgerCommand::Check => {
            let mut changes = committed.changes(&current);
            if changes.is_empty() && fs_err::read_to_string(&path)? != current.render() {
                changes
                    .push(format!("{}: the same entries, written another way", repository.ledger_file(Arch::X86_64)));
            }
            if changes.is_empty() {
                app.reporter.say("the ledger is current");
                return Ok(Exit::Good);
            }
            changes.iter().for_each(|line| app.reporter.say(line));
            app.reporter.say("the ledger is out of date; `cargo xtask ledger update` writes what is built now");
            Ok(Exit::OutOfDate)
        }
    }
}

/// The ledger of what the tree builds now.
fn current(app: &App, repository: &Repository) -> Result<Ledger> {
    let store = app.store()?;
    // What is being recorded cannot be judged by the old record of it.
    let options = Options { enforce_ledger: false, ..app.options() };
    let session = Session::start(repository, &store, &app.reporter, options)?;
    let all: Vec<PkgName> = repository.recipes.keys().cloned().collect();
    let mut ledger = Ledger::default();
    for (name, built) in session.build(&all)? {
        ledger.insert(name.as_str(), Expected { digest: built.diff_id, key: built.key });
    }
    for (name, expected) in outputs(&session, repository)? {
        ledger.insert(name, expected);
    }
    Ok(ledger)
}

/// Every image and ISO, built, for the ledger.
fn outputs(session: &Session<'_>, repository: &Repository) -> Result<Vec<(String, Expected)>> {
    let mut outputs = Vec::new();
    for name in compose::images(repository)?.keys() {
        let composed = image::compose(session, repository, name)?;
        outputs.push((format!("image/{name}"), Expected { digest: composed.diff_id, key: composed.key }));
    }
    for name in compose::profiles(repository)?.keys() {
        let iso = iso::build(session, repository, &Variant::plain(name), iso::Stage::Iso)?;
        let digest = iso.output("iso")?;
        outputs.push((format!("iso/{name}"), Expected { digest, key: iso.key }));
    }
    Ok(outputs)
}
