//! The system's log, and a record for audit.

use std::io::{self, Write as _};
use std::time::Duration;

use base::syslog;

const PRIORITY: u8 = syslog::priority(syslog::AUTHPRIV, syslog::WARNING);
/// The log daemon counts as dead if it takes no line for this long.
const PATIENCE: Duration = Duration::from_secs(1);

/// Types of audit records.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// Differences were found: ANOM_RBAC_INTEGRITY_FAIL, as AIDE uses it.
    Changed,
    /// A baseline was made: TRUSTED_APP.
    Noted,
}

/// The longest line of the log.
const MAX_LINE: usize = 900;

/// Writes a line to the system's log, or to standard error without one. Paths are in ASCII.
pub fn log(text: &str) {
    let text = text.get(..MAX_LINE).unwrap_or(text);
    if syslog::send(&syslog::line(PRIORITY, "integrity", text), Some(PATIENCE)).is_err() {
        complain(text);
    }
}

/// Writes an audit record, or a log line if audit is missing or not permitted.
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
    // Without standard error there is no one to tell.
    let _written = writeln!(io::stderr(), "integrity: {text}");
}
