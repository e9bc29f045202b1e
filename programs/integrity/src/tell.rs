//! The system's log, and a record for audit.

use std::io::{self, Write as _};
use std::time::Duration;

use base::syslog;

const PRIORITY: u8 = syslog::priority(syslog::AUTHPRIV, syslog::WARNING);
/// A log service that takes nothing for so long is as good as none.
const PATIENCE: Duration = Duration::from_secs(1);

/// What a record for audit says.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// Something is not as it was: ANOM_RBAC_INTEGRITY_FAIL, as AIDE writes.
    Changed,
    /// A baseline was made: TRUSTED_APP.
    Noted,
}

/// The log takes no longer line.
const LONGEST: usize = 900;

/// A line for the system's log, and for whoever looks when there is none. Paths are spelled in ASCII.
pub fn log(text: &str) {
    let text = text.get(..LONGEST).unwrap_or(text);
    if syslog::send(&syslog::line(PRIORITY, "integrity", text), Some(PATIENCE)).is_err() {
        complain(text);
    }
}

/// A record for audit. Where there is no audit, or no right to write records, the log has it.
pub fn event(kind: Kind, text: &str) {
    let number = match kind {
        Kind::Changed => 2109,
        Kind::Noted => 1121,
    };
    if let Err(error) = sys::netlink::tell_audit(number, format!("{text}\0").as_bytes()) {
        log(&format!("{text} (no audit record: {error})"));
    }
}

fn complain(text: &str) {
    // With no standard error there is nobody to tell.
    let _written = writeln!(io::stderr(), "integrity: {text}");
}
