//! Lines for the system's log, and for the person.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::time::Duration;

use base::syslog;
use sha2::{Digest as _, Sha256};

const PRIORITY: u8 = syslog::priority(syslog::AUTHPRIV, syslog::NOTICE);
/// The largest text in bytes, so that a line also fits into a record of the kernel's log, which has 1,024. A longer
/// text is cut; the line has its length and digest.
const MAX_TEXT: usize = 800;
/// The log daemon counts as dead if it takes no line for this long.
const PATIENCE: Duration = Duration::from_secs(1);

/// Writes a line to the log, or else to the kernel's log. Fails if neither takes it.
pub fn write(text: &str) -> io::Result<()> {
    let message = syslog::line(PRIORITY, "become", &line(text));
    syslog::send(&message, Some(PATIENCE)).or_else(|of_log| {
        // The kernel keeps it until the next log daemon reads it.
        to_kernel(&message).map_err(|of_kernel| io::Error::other(format!("/dev/log: {of_log}; /dev/kmsg: {of_kernel}")))
    })
}

/// Writes a line; a failure is only printed on standard error.
pub fn note(text: &str) {
    if let Err(error) = write(text) {
        tell(&format!("{} (not in the log: {error})", line(text)));
    }
}

/// Prints a line for the caller.
pub fn tell(text: &str) {
    // Without standard error there is no one to tell.
    let _written = writeln!(io::stderr(), "become: {text}");
}

fn to_kernel(message: &str) -> io::Result<()> {
    OpenOptions::new().write(true).open("/dev/kmsg")?.write_all(message.as_bytes())
}

/// The text as part of one line. Control characters cannot begin a new line. A long text cannot hide its end: count and
/// digest cover the whole text, so that it can be compared with audit's record.
fn line(text: &str) -> String {
    let plain = syslog::one_line(text);
    let mut bytes = 0;
    let within = |char: &char| {
        bytes += char.len_utf8();
        bytes <= MAX_TEXT
    };
    let shown: String = plain.chars().take_while(within).collect();
    let (length, written) = (text.chars().count(), shown.chars().count());
    if length == written {
        return shown;
    }
    let digest: String = Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{shown} [{} of {length} characters cut, sha256 of all {digest}]", length - written)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_one_line() {
        assert_eq!(line("a\nb\u{1b}[2J"), "a?b?[2J");
        assert_eq!(line(&"a".repeat(MAX_TEXT)), "a".repeat(MAX_TEXT));
        // Multi-byte characters do not exceed the kernel's limit.
        assert!(line(&"€".repeat(10_000)).len() < 1_000);
    }

    /// Padding that pushes the end of a command out of the line still leaves its length and digest.
    #[test]
    fn what_is_cut_is_counted() {
        let one = line(&format!("{}; rm -rf /", "a".repeat(MAX_TEXT)));
        let other = line(&format!("{}; echo ok", "a".repeat(MAX_TEXT)));
        assert!(one.contains("aaa [10 of 810 characters cut, sha256 of all "), "{one}");
        assert_ne!(one, other);
        let whole = "41edece42d63e8d9bf515a9ba6932e1c20cbc9f5a5d134645adb5db1b9737ea3";
        assert!(line(&"a".repeat(1_000)).ends_with(&format!("[200 of 1000 characters cut, sha256 of all {whole}]")));
    }
}
