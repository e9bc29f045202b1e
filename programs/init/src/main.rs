//! `init`: process 1 of the initramfs.
//!
//! The unified kernel image carries the whole system as one EROFS file inside the initramfs.
//! This program mounts that file read-only, switches to it, puts overlays in memory over the
//! few places that may change, and becomes the system's own init.
//!
//! What it does is a fixed list of values ([`plan::PLAN`]): no argument, environment variable,
//! kernel command line or file of the medium changes it. When a step fails, the reason goes to
//! the console and the machine is switched off; there is no emergency shell.
//!
//! * [`plan`]: the steps, as data.
//! * [`perform`]: carrying a step out.
//! * [`report`]: kernel log, console, the end after a failure.

mod perform;
mod plan;
mod report;

use std::process::ExitCode;

fn main() -> ExitCode {
    if std::process::id() != 1 {
        return report::only_as_process_one();
    }
    for step in plan::PLAN {
        match perform::perform(step) {
            Ok(()) => {}
            Err(error) if step.may_fail() => report::note(&format!("{step}: {error}; going on without it")),
            Err(error) => report::end(step, &error),
        }
    }
    // Not reached: the last step replaces this program. Returning makes the kernel panic.
    ExitCode::FAILURE
}
