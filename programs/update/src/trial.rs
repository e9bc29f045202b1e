//! What `ashlar-confirm` does: knows a trial, watches it, and decides.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use lexopt::Parser;
use slots::update::{self, Step};
use sys::Fork;
use sys::watchdog::{self, WATCHDOG};

use crate::failure::Failure;
use crate::health;
use crate::machine::Running;
use crate::request::{self, Patience};
use crate::status;

/// The watchdog restarts the machine after so many seconds without a visit. `ashlar-audit` takes a part of them.
const SECONDS: i32 = 120;
/// Between two looks, and two visits to the watchdog.
const PAUSE: Duration = Duration::from_secs(5);

/// Returns when what has to be done at the start is done; a trial is watched in the background from then on.
pub fn run(parser: Parser) -> Result<(), Failure> {
    let patience = request::patience(parser).map_err(Failure::Usage)?;
    let Some(mut running) = Running::find()? else { return Ok(()) };
    let facts = running.facts()?;
    let steps = update::at_start(&facts);
    for text in steps.iter().map(status::step).filter(|text| !text.is_empty()) {
        log(&text);
    }
    running.carry_out(&steps, &[])?;
    if facts.running == facts.committed() {
        // Firmware may have lost an entry.
        return running.carry_out(&update::confirm(&facts, Ok(())), &[]);
    }
    log(&format!("Ashlar {} is on trial in slot {}", facts.system.version, facts.running));
    match sys::fork()? {
        Fork::Parent(_) => Ok(()),
        Fork::Child => {
            sys::new_session()?;
            watch(&mut running, patience)
        }
    }
}

/// Decides when the system was healthy long enough, or is late. Afterwards the watchdog is kept from acting, for as long as the system
/// runs: nobody can stop it.
fn watch(running: &mut Running, patience: Patience) -> Result<(), Failure> {
    let path = Path::new(WATCHDOG);
    let mut watchdog = watchdog::start(path).map_err(disks::about(path))?;
    if let Some(device) = &watchdog {
        // A device with one fixed time keeps that.
        let _set = watchdog::set_timeout(device, SECONDS);
    }
    let verdict = observe(patience, &mut || keep(&mut watchdog));
    let facts = running.facts()?;
    let text = match &verdict {
        Ok(()) => format!("Ashlar {} is healthy, and starts by default from now on", facts.system.version),
        Err(why) => format!("Ashlar {} failed its trial: {why}", facts.system.version),
    };
    // Before a restart, and after everything else: whoever reads the text can rely on it.
    let (restart, others): (Vec<Step>, Vec<Step>) =
        update::confirm(&facts, verdict).into_iter().partition(|step| *step == Step::Restart);
    running.carry_out(&others, &[])?;
    log(&text);
    tell(&text);
    running.carry_out(&restart, &[])?;
    while watchdog.is_some() {
        keep(&mut watchdog);
        thread::sleep(PAUSE);
    }
    Ok(())
}

fn keep(watchdog: &mut Option<File>) {
    if let Some(Err(error)) = watchdog.as_mut().map(|device| device.write_all(b".")) {
        log(&format!("the watchdog cannot be kept: {error}"));
    }
}

fn observe(patience: Patience, come_by: &mut dyn FnMut()) -> Result<(), String> {
    let begin = Instant::now();
    let mut healthy_since = None;
    let mut why = "nothing was looked at".to_owned();
    while begin.elapsed() < patience.deadline {
        come_by();
        match health::quick() {
            Ok(()) => {
                let since = *healthy_since.get_or_insert_with(Instant::now);
                if since.elapsed() >= patience.healthy_for {
                    match health::thorough() {
                        Ok(()) => return Ok(()),
                        Err(wrong) => (healthy_since, why) = (None, wrong),
                    }
                }
            }
            Err(wrong) => (healthy_since, why) = (None, wrong),
        }
        thread::sleep(PAUSE);
    }
    Err(format!("not healthy within {} seconds: {why}", patience.deadline.as_secs()))
}

/// A line on the consoles: nobody may be logged in.
fn tell(text: &str) {
    let console = OpenOptions::new().write(true).open("/dev/console");
    // A machine may have none.
    let _written = console.and_then(|mut console| console.write_all(format!("\r\n{text}.\r\n").as_bytes()));
}

/// A record of the kernel's log, from where klogd copies it to the system's log.
fn log(text: &str) {
    let kernel = OpenOptions::new().write(true).open("/dev/kmsg");
    // Without that log, the journal of the update has the outcome.
    let _written = kernel.and_then(|mut kernel| kernel.write_all(format!("<5>ashlar-confirm: {text}").as_bytes()));
}
