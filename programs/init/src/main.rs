//! `init`: process 1 of the initramfs.
//!
//! The unified kernel image carries the whole system as one EROFS file inside the initramfs.
//! This program mounts that file read-only, switches to it, puts a writable layer over the few places that may change, and
//! becomes the system's own init. The layers lie in memory, or in the encrypted state of an installed system.
//!
//! Its actions are two fixed lists of values ([`plan`]). Which one it is depends on the partition that the firmware started, as
//! [`state`] finds it: no argument, environment variable, kernel parameter or file of the medium changes it. If a step fails, it
//! prints the reason on the console and switches the machine off; it has no emergency shell.
//!
//! * [`plan`]: the steps, as data.
//! * [`perform`]: carrying a step out.
//! * [`state`]: finding the state, and mounting it.
//! * [`unlock`]: asking for what opens it.
//! * [`report`]: kernel log, console, the end after a failure.

mod perform;
mod plan;
mod report;
mod state;
mod unlock;

use std::process::ExitCode;

fn main() -> ExitCode {
    if std::process::id() != 1 {
        return report::only_as_process_one();
    }
    perform(plan::START);
    match state::find() {
        Some(state) => perform(&plan::installed(&state)),
        None => perform(plan::MEMORY),
    }
    // Not reached: the last step replaces this program. Returning makes the kernel panic.
    ExitCode::FAILURE
}

fn perform(steps: &[plan::Step]) {
    for step in steps {
        match perform::perform(step) {
            Ok(()) => {}
            Err(error) if step.may_fail() => report::note(&format!("{step}: {error}; continuing without it")),
            Err(error) => report::end(step, &error),
        }
    }
}
