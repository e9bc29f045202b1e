//! `ledger`: writes or checks the committed digests of all outputs.

use anyhow::Result;
use ashlar_core::base::name::{Arch, PkgName};
use ashlar_core::formats::ledger::{Expected, Ledger};

use super::App;
use crate::cli::LedgerCommand;
use crate::exit::Exit;

/// Runs `ledger update` or `ledger check`; both build what is not built yet.
pub fn run(app: &App, command: &LedgerCommand) -> Result<Exit> {
    let repository = app.repository()?;
    let current = current(app, &repository)?.render();
    let path = repository.ledger_path(Arch::X86_64);
    match command {
        LedgerCommand::Update => {
            fs_err::create_dir_all(app.root.join("digests"))?;
            fs_err::write(&path, current)?;
            println!("wrote {}", path.strip_prefix(&app.root).unwrap_or(&path));
            Ok(Exit::Good)
        }
        LedgerCommand::Check => {
            let committed = if path.exists() { fs_err::read_to_string(&path)? } else { String::new() };
            if committed == current {
                println!("the ledger is current");
                return Ok(Exit::Good);
            }
            let committed: std::collections::BTreeSet<&str> = committed.lines().collect();
            current.lines().filter(|line| !committed.contains(line)).for_each(|line| println!("now: {line}"));
            println!("the ledger is out of date; `cargo xtask ledger update` writes it");
            Ok(Exit::OutOfDate)
        }
    }
}

/// The ledger of what the tree builds now.
fn current(app: &App, repository: &crate::host::repository::Repository) -> Result<Ledger> {
    let store = app.store()?;
    // What is being recorded cannot be judged by the old record of it.
    let options = crate::build::session::Options { enforce_ledger: false, ..app.options() };
    let session = crate::build::session::Session::start(repository, &store, &app.reporter, options)?;
    let all: Vec<PkgName> = repository.recipes.keys().cloned().collect();
    let mut ledger = Ledger::default();
    for (name, built) in session.build(&all)? {
        ledger.insert(name.as_str(), Expected { digest: built.diff_id, key: built.key });
    }
    for (name, expected) in crate::compose::outputs(&session, repository)? {
        ledger.insert(name, expected);
    }
    Ok(ledger)
}
