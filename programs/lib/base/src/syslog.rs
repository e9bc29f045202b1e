//! Lines for the system's log, which listens at `/dev/log`.

use std::io;
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

/// Facility for what concerns who may do what.
pub const AUTHPRIV: u8 = 10;
/// Severity: something is not as it should be.
pub const WARNING: u8 = 4;
/// Severity: worth knowing.
pub const NOTICE: u8 = 5;

/// The number of a facility and a severity.
pub const fn priority(facility: u8, severity: u8) -> u8 {
    facility * 8 + severity
}

/// The text as part of one line: a control character in it begins no other line and commands no terminal.
pub fn one_line(text: &str) -> String {
    text.chars().map(|char| if char.is_control() { '?' } else { char }).collect()
}

/// A line as the log and the kernel's log take it; `tag` names the program.
pub fn line(priority: u8, tag: &str, text: &str) -> String {
    format!("<{priority}>{}: {}", one_line(tag), one_line(text))
}

/// Sends what [`line()`] made. `patience` is how long a log service may take; without it nobody waits at all.
///
/// # Errors
/// When nothing listens, or it takes no line now: the caller says it elsewhere, or lets it go.
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
