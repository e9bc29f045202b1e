//! One module per command; each reads like a paragraph.

mod bench;
mod boot_test;
mod build_pkg;
mod bump;
mod check;
mod completions;
mod docs;
mod doctor;
mod elf;
mod export;
mod fetch;
mod fmt;
mod gc;
mod grade;
mod graph;
mod image;
mod inventory;
mod iso;
mod keys;
mod ledger;
mod log;
mod machine;
mod man;
mod new_pkg;
mod oracle;
mod outdated;
mod plan;
mod run;
mod screenshot;
mod seed;
mod setup;
mod shell;
mod target;
mod verify_repro;
mod why;

use anyhow::Result;

use crate::app::App;
use crate::cli::{Cli, Command};
use crate::compose::Variant;
use crate::exit::Exit;
use crate::host::repository;
use crate::report::Reporter;

/// Runs the command.
pub fn run(cli: &Cli, reporter: &Reporter) -> Result<Exit> {
    let app = App { root: repository::find_root()?, global: cli.global.clone(), reporter: reporter.clone() };
    match &cli.command {
        Command::Doctor => doctor::run(&app),
        Command::Setup => setup::run(&app),
        Command::Check => check::run(&app),
        Command::Fetch { packages, all, check_locations } => fetch::run(&app, packages, *all, *check_locations),
        Command::Outdated => outdated::run(&app),
        Command::Fmt { check } => fmt::run(&app, *check),
        Command::Bump(args) => bump::run(&app, args),
        Command::Seed { command } => seed::run(&app, command),
        Command::BuildPkg { packages, all, print_plan, seed } => {
            build_pkg::run(&app, packages, *all, *print_plan, &seed.seed)
        }
        Command::Image { name, output: _, print_plan: Some(form), seed } => {
            image::print_plan(&app, name, *form, &seed.seed)
        }
        Command::Image { name, output, print_plan: None, seed } => {
            image::run(&app, name, output.as_deref(), &seed.seed)
        }
        Command::Iso { profile, without, sign, stage, output, print_plan, seed } => {
            let variant = Variant { profile: profile.clone(), without: without.clone() };
            match (print_plan, &sign.sign) {
                (Some(form), _) => iso::print_plan(&app, &variant, *stage, *form, &seed.seed),
                (None, Some(keys)) => {
                    iso::sign(&app, &variant, keys, sign.sign_with.as_ref(), output.as_deref(), &seed.seed)
                }
                (None, None) => iso::run(&app, &variant, *stage, output.as_deref(), &seed.seed),
            }
        }
        Command::Keys { command } => keys::run(&app, command),
        Command::Run(args) => run::run(&app, args),
        Command::BootTest(args) => boot_test::run(&app, args),
        Command::VerifyRepro(args) => verify_repro::run(&app, args),
        Command::Docs { check } => docs::run(&app, *check),
        Command::Inventory { profiles, check } => inventory::run(&app, profiles, *check),
        Command::Elf { profile } => elf::run(&app, profile),
        Command::Grade(args) => grade::run(&app, args),
        Command::Ledger { command } => ledger::run(&app, command),
        Command::Bench(args) => bench::run(&app, args),
        Command::Oracle(args) => oracle::run(&app, args),
        Command::Shell { package } => shell::run(&app, package),
        Command::Log { package, phase } => log::run(&app, package, phase.as_deref()),
        Command::Why { what } => why::run(&app, what),
        Command::Graph => graph::run(&app),
        Command::NewPkg(args) => new_pkg::run(&app, args),
        Command::Man { command } => man::run(&app, command.as_deref()),
        Command::Completions { shell } => completions::run(&app, *shell),
        Command::Screenshot(args) => screenshot::run(&app, args),
        Command::Gc { distfiles } => gc::run(&app, *distfiles),
        Command::Export { package, to } => export::run(&app, package, to),
    }
}
