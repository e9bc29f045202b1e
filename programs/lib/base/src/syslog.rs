//! Lines for the system's log at `/dev/log`.

use std::io;
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

/// Facility for authorisation.
pub const AUTHPRIV: u8 = 10;
/// Severity: warning.
pub const WARNING: u8 = 4;
/// Severity: notice.
pub const NOTICE: u8 = 5;

/// The number of a facility and a severity.
pub const fn priority(facility: u8, severity: u8) -> u8 {
    facility * 8 + severity
}

/// The text as part of one line: a control character in it begins no new line and controls no terminal.
pub fn one_line(text: &str) -> String {
    text.chars().map(|char| if char.is_control() { '?' } else { char }).collect()
}

/// A line in the format of syslog and the kernel's log; `tag` names the program.
pub fn line(priority: u8, tag: &str, text: &str) -> String {
    format!("<{priority}>{}: {}", one_line(tag), one_line(text))
}

/// Sends a line of [`line()`]. `patience` is how long the log daemon may take; without it, sending never blocks.
///
/// # Errors
/// If nothing listens, or the daemon takes no line now.
pub fn send(line: &str, patience: Option<Duration>) -> io::Result<()> {
    let socket = UnixDatagram::unbound()?;
    match patience {
        Some(patience) => socket.set_write_timeout(Some(patience))?,
        None => socket.set_nonblocking(true)?,
    }
    socket.send_to(line.as_bytes(), "/dev/log").map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_one_line() {
        let made = line(priority(AUTHPRIV, NOTICE), "become\n", "a\nb\u{1b}[2J\u{9b}é");
        assert_eq!(made, "<85>become?: a?b?[2J?é");
    }
}
