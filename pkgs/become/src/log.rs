//! The system's log.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::net::UnixDatagram;

/// Facility authpriv, severity notice.
const PRIORITY: u8 = 10 * 8 + 5;
/// Longer lines are cut; the log's reader would do it anyway.
const MOST: usize = 800;

/// Writes a line. Control characters in it cannot begin another one.
pub fn write(text: &str) {
    let line: String = text.chars().take(MOST).map(|char| if char.is_control() { '?' } else { char }).collect();
    let message = format!("<{PRIORITY}>become: {line}");
    let sent = UnixDatagram::unbound().and_then(|socket| socket.send_to(message.as_bytes(), "/dev/log"));
    if sent.is_err() {
        // No log service: the kernel keeps it, and the next log service takes it from there.
        let kept = OpenOptions::new()
            .write(true)
            .open("/dev/kmsg")
            .and_then(|mut kernel| kernel.write_all(message.as_bytes()));
        if kept.is_err() {
            crate::tell(&line);
        }
    }
}
