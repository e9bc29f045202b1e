//! `run`: the ISO in QEMU, for a person.

use anyhow::{Context as _, Result, bail};
use ashlar_core::qemu::{Firmware, Machine, Medium, Seat};
use camino::Utf8Path;

use super::App;
use super::boot_test::flash;
use crate::cli::RunArgs;
use crate::exit::Exit;
use crate::host::{exec, tools};

/// Memory of the machine in MiB.
const MEMORY: u32 = 1024;

/// Starts the given ISO, or the one of profile `minimal`, and stays until the machine powers off.
pub fn run(app: &App, args: &RunArgs) -> Result<Exit> {
    tools::require("run")?;
    let iso = match &args.iso {
        Some(iso) if !iso.is_file() => bail!("there is no file {iso}"),
        Some(iso) => iso.clone(),
        None => super::iso::build(app, "minimal")?,
    };
    let scratch = tempfile::tempdir()?;
    let scratch = Utf8Path::from_path(scratch.path()).context("the temporary directory is not UTF-8")?;
    let machine = Machine {
        flash: flash(if args.bios { Firmware::Bios } else { Firmware::Uefi }, scratch)?,
        medium: if args.disk { Medium::Disk } else { Medium::Cd },
        iso,
        seat: if args.graphic { Seat::Window } else { Seat::Terminal },
        memory: MEMORY,
        processors: 2,
    };
    let command = machine.command();
    app.reporter.note(command.to_string());
    app.reporter.note("`poweroff` ends the machine, as does Ctrl-A X; Ctrl-A C opens QEMU's monitor");
    match exec::interactive(&command)? {
        0 => Ok(Exit::Good),
        code => bail!("QEMU ended with exit code {code}; the command was\n  {command}"),
    }
}
