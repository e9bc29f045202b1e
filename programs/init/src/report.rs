//! Reports progress, and switches the machine off after a failure.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use crate::plan::{self, Step};

/// How long the message of a failure stays on the screen.
const READING_TIME: Duration = Duration::from_secs(20);

/// Writes a line to the kernel's log, where `dmesg` shows it.
pub fn note(text: &str) {
    // `<6>` is the level "info". A failed write to the log must not stop the boot.
    let _written = write_to("/dev/kmsg", &format!("<6>init: {text}\n"));
}

/// Prints on the console why the system does not start, waits, and switches the machine off.
pub fn end(step: &Step, error: &io::Error) -> ! {
    let text = failure(step, error);
    note(&format!("failed to {step}: {error}"));
    // Standard error is the console, unless opening the console is what failed.
    if io::stderr().write_all(text.as_bytes()).is_err() {
        let _written = write_to("/dev/console", &text);
    }
    thread::sleep(READING_TIME);
    let error = sys::power_off();
    note(&format!("cannot switch the machine off: {error}"));
    // If process 1 ends, the kernel panics, and reboots if it is configured to.
    std::process::exit(1)
}

fn failure(step: &Step, error: &io::Error) -> String {
    format!(
        "\n*** The system cannot start ***\n\
         It failed to {step}:\n  {error}\n{}\n\
         The machine is switched off in {} seconds.\n\n",
        step.remedy(),
        READING_TIME.as_secs(),
    )
}

/// Refuses to do anything to a system that is already running.
pub fn only_as_process_one() -> ExitCode {
    let text = format!("init: this runs as process 1 of an initramfs, where it would, on\n{}", plan::text());
    // Without standard error there is no one to tell.
    let _written = io::stderr().write_all(text.as_bytes());
    ExitCode::from(2)
}

/// One message is one write: the kernel's log takes each as a record.
fn write_to(path: &str, text: &str) -> io::Result<()> {
    OpenOptions::new().write(true).open(path)?.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_says_what_where_why_and_what_to_do() {
        let error = io::Error::from_raw_os_error(libc::ENOENT);
        let text = failure(&Step::Image, &error);
        for part in ["mount the image /root.erofs on /sysroot", "No such file", "Check the medium", "20 seconds"] {
            assert!(text.contains(part), "{part} is missing in: {text}");
        }
    }

    #[test]
    fn every_step_has_a_remedy() {
        for step in plan::START.iter().chain(plan::MEMORY).chain(&plan::installed(std::path::Path::new("/dev/sda3"))) {
            assert!(step.remedy().ends_with('.'), "{step}");
        }
    }
}
