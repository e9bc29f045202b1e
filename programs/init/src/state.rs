//! The encrypted state of an installed system: finding its partition, and repairing what is in it.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use disks::block::Places;
use disks::installed::{self, Installed, Origin};
use disks::variables::Variables;
use sys::watchdog::{self, WATCHDOG};

use crate::plan::{ENVIRONMENT, STATE};
use crate::report;

/// How long the disk that the firmware started from may take to appear. USB and network storage are slow.
const PATIENCE: Duration = Duration::from_secs(30);
/// Seconds that a trial has until its services run.
const START: i32 = 240;
/// The program that knows LUKS.
pub const CRYPTSETUP: &str = "/usr/bin/cryptsetup";
/// The program that repairs ext4.
const E2FSCK: &str = "/usr/bin/e2fsck";

/// The partition of the state, if the firmware started a slot of an installed system that has one.
///
/// Only the disk with that slot is looked at: what another disk calls a state never takes part in a start.
pub fn find() -> Option<PathBuf> {
    let installed = origin()?;
    let partition = match installed.state(&Places::default()) {
        Ok(partition) => partition,
        Err(error) => {
            report::note(&format!("{error}; all changes are in memory"));
            return None;
        }
    };
    // An erased partition, as a factory reset leaves it, has nothing to open.
    match output(CRYPTSETUP, &["isLuks", "--type", "luks2", &partition.to_string_lossy()]) {
        Ok(answer) if answer.status.success() => Some(partition),
        Ok(_) => {
            report::note(&format!("{} holds no state; all changes are in memory", partition.display()));
            None
        }
        // Opening it will say why that does not work either.
        Err(_) => Some(partition),
    }
}

fn origin() -> Option<Installed> {
    let (places, variables) = (Places::default(), Variables::default());
    let end = Instant::now() + PATIENCE;
    loop {
        let late = Instant::now() >= end;
        match installed::find(&places, &variables) {
            Ok(Origin::Medium) => return None,
            Ok(Origin::Installed(found)) if late || found.state(&places).is_ok() => return Some(found),
            Ok(Origin::Missing(id)) if late => {
                report::note(&format!("no disk has the partition {id} that was started; all changes are in memory"));
                return None;
            }
            Ok(_) => thread::sleep(Duration::from_millis(100)),
            Err(error) => {
                report::note(&format!("where this system lies is not known: {error}; all changes are in memory"));
                return None;
            }
        }
    }
}

/// Repairs the file system: by its journal and what is safe, and if that is not enough, by everything that `e2fsck` proposes. Nobody
/// is there to be asked, and a machine that does not start helps nobody.
pub fn check() -> io::Result<()> {
    for how in ["-p", "-y"] {
        let answer = output(E2FSCK, &[how, STATE])?;
        let text = String::from_utf8_lossy(&answer.stdout).into_owned();
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            report::note(&format!("e2fsck: {line}"));
        }
        // 1: errors were corrected; 2: and the system should restart, if it had been mounted.
        if let Some(0..=3) = answer.status.code() {
            return Ok(());
        }
    }
    Err(io::Error::other("e2fsck could not repair it; `dmesg` of another start of this machine has what it said"))
}

/// Starts the watchdog of a machine whose slot is on trial. From here to the service `confirm` nothing waits for a person.
pub fn watch() -> io::Result<()> {
    let Origin::Installed(found) = installed::find(&Places::default(), &Variables::default())? else { return Ok(()) };
    if !found.is_on_trial(&Variables::default())? {
        return Ok(());
    }
    let Some(device) = watchdog::start(Path::new(WATCHDOG))? else {
        report::note("the slot is on trial, and the machine has no watchdog");
        return Ok(());
    };
    let seconds = watchdog::set_timeout(&device, START)?;
    report::note(&format!("the slot is on trial: the watchdog waits {seconds} seconds"));
    Ok(())
}

/// Runs a program to its end.
fn output(program: &str, arguments: &[&str]) -> io::Result<Output> {
    let mut command = Command::new(program);
    command.args(arguments).env_clear().envs(ENVIRONMENT).stdin(Stdio::null());
    command.output().map_err(disks::about(Path::new(program)))
}
