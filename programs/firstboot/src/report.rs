//! What people read: lines on standard error, and in the kernel's log, from where klogd brings them into the system's.

use std::fs::OpenOptions;
use std::io::{self, Write as _};

use crate::plan::Step;

/// A line for the person at the console and for the log.
pub fn line(text: &str) {
    // With no standard error there is nobody to tell.
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
    // In a container there is no such log; the person was told above.
    let _written = kernel.and_then(|mut kernel| kernel.write_all(format!("<5>ashlar-firstboot: {text}").as_bytes()));
}
