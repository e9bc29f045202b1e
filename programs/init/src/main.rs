//! `init`: process 1 of the initramfs.
//!
//! The unified kernel image carries the whole system as one EROFS file inside the initramfs.
//! This program mounts that file read-only, switches to it, puts overlays in memory over the
//! few places that may change, and becomes the system's own init.
//!
//! Its actions are a fixed list of values ([`plan::PLAN`]): no argument, environment variable, kernel parameter or file
//! of the medium changes them. If a step fails, it prints the reason on the console and switches the machine off; it
//! has no emergency shell.
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
            Err(error) if step.may_fail() => report::note(&format!("{step}: {error}; continuing without it")),
            Err(error) => report::end(step, &error),
        }
    }
    // Not reached: the last step replaces this program. Returning makes the kernel panic.
    ExitCode::FAILURE
}
