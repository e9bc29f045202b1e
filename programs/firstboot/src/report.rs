//! Messages: lines on standard error and in the kernel's log, from where klogd copies them to the system's log.

use std::fs::OpenOptions;
use std::io::{self, Write as _};

use crate::plan::Step;

/// A line on the console and in the log.
pub fn line(text: &str) {
    // Without standard error there is no one to tell.
    let _written = writeln!(io::stderr(), "{text}");
    log(text);
}

/// The steps that follow, in the log only.
pub fn plan(steps: &[Step]) {
    for step in steps {
        log(&format!("will {step}"));
    }
}

/// One record of the kernel's log, as a notice.
fn log(text: &str) {
    let kernel = OpenOptions::new().write(true).open("/dev/kmsg");
    // A container has no such log; the console has the message.
    let _written = kernel.and_then(|mut kernel| kernel.write_all(format!("<5>ashlar-firstboot: {text}").as_bytes()));
}
