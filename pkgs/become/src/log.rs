//! The system's log.

use std::os::unix::net::UnixDatagram;

/// Facility authpriv, severity notice.
const PRIORITY: u8 = 10 * 8 + 5;
/// Longer lines are cut; the log's reader would do it anyway.
const MOST: usize = 800;

/// Writes a line. Control characters in it cannot begin another one.
pub fn write(text: &str) {
    let line: String = text.chars().take(MOST).map(|char| if char.is_control() { '?' } else { char }).collect();
    let sent = UnixDatagram::unbound()
        .and_then(|socket| socket.send_to(format!("<{PRIORITY}>become: {line}").as_bytes(), "/dev/log"));
    if sent.is_err() {
        // No log service: at least the console says it.
        crate::tell(&line);
    }
}
