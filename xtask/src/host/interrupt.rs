//! Ctrl-C, and SIGTERM: the run ends in order, so that its containers and temporary files go with it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use signal_hook::iterator::Signals;

static ASKED: AtomicBool = AtomicBool::new(false);

/// How long the run may take to end. The next run clears what it leaves then.
const GRACE: Duration = Duration::from_secs(10);

/// Somebody asked the run to end.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the run was asked to end")]
pub struct Interrupted;

/// From now on the first signal is noted, and a second one ends the process at once with `code`. `late` is called when the run has not
/// ended [`GRACE`] after the first; it must end the process.
pub fn watch(code: u8, late: impl FnOnce() + Send + 'static) -> Result<()> {
    for signal in [SIGINT, SIGTERM] {
        // In this order: the second signal finds the flag of the first.
        flag::register_conditional_shutdown(signal, code.into(), &ASKED).context("listening for signals")?;
        // Set in the signal's handler itself: a child that met the same Ctrl-C cannot be seen to fail before.
        flag::register(signal, &ASKED).context("listening for signals")?;
    }
    let mut signals = Signals::new([SIGINT, SIGTERM]).context("listening for signals")?;
    std::thread::spawn(move || {
        if signals.forever().next().is_some() {
            std::thread::sleep(GRACE);
            late();
        }
    });
    Ok(())
}

/// Whether somebody asked the run to end.
pub fn asked() -> bool {
    ASKED.load(Ordering::SeqCst)
}

/// Fails when somebody asked the run to end: what takes long asks this before it begins.
pub fn check() -> Result<()> {
    if asked() { Err(Interrupted.into()) } else { Ok(()) }
}
