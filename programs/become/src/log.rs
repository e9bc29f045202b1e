//! Lines for the system's log, and for the person.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::time::Duration;

use base::syslog;
use sha2::{Digest as _, Sha256};

const PRIORITY: u8 = syslog::priority(syslog::AUTHPRIV, syslog::NOTICE);
/// Bytes of a text that are written, so that the kernel's log takes the line as well, which has 1,024 bytes for each. Of a longer one,
/// the rest is counted and its digest written.
const MOST: usize = 800;
/// A log service that takes nothing for so long is as good as none.
const PATIENCE: Duration = Duration::from_secs(1);

/// Writes a line: to the log, or if it cannot be had, to the kernel's. An error: nobody keeps it.
pub fn write(text: &str) -> io::Result<()> {
    let message = syslog::line(PRIORITY, "become", &line(text));
    syslog::send(&message, Some(PATIENCE)).or_else(|of_log| {
        // The kernel keeps it, and the next log service takes it from there.
        to_kernel(&message).map_err(|of_kernel| io::Error::other(format!("/dev/log: {of_log}; /dev/kmsg: {of_kernel}")))
    })
}

/// Writes a line that has nobody to hear of its loss but who reads this service's errors.
pub fn note(text: &str) {
    if let Err(error) = write(text) {
        tell(&format!("{} (not in the log: {error})", line(text)));
    }
}

/// A line for the person.
pub fn tell(text: &str) {
    // With no standard error there is nobody to tell.
    let _written = writeln!(io::stderr(), "become: {text}");
}

fn to_kernel(message: &str) -> io::Result<()> {
    OpenOptions::new().write(true).open("/dev/kmsg")?.write_all(message.as_bytes())
}

/// The text as part of one line. Control characters in it cannot begin another one. What is too long cannot hide its end: the
/// count and the digest are of the whole text, so that it can be compared with what audit has.
fn line(text: &str) -> String {
    let plain = syslog::one_line(text);
    let mut bytes = 0;
    let within = |char: &char| {
        bytes += char.len_utf8();
        bytes <= MOST
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
        assert_eq!(line(&"a".repeat(MOST)), "a".repeat(MOST));
        // Letters of several bytes do not make it longer than the kernel's log takes.
        assert!(line(&"€".repeat(10_000)).len() < 1_000);
    }

    /// Padding that pushes the end of a command out of the line leaves its length and digest.
    #[test]
    fn what_is_cut_is_counted() {
        let one = line(&format!("{}; rm -rf /", "a".repeat(MOST)));
        let other = line(&format!("{}; echo ok", "a".repeat(MOST)));
        assert!(one.contains("aaa [10 of 810 characters cut, sha256 of all "), "{one}");
        assert_ne!(one, other);
        let whole = "41edece42d63e8d9bf515a9ba6932e1c20cbc9f5a5d134645adb5db1b9737ea3";
        assert!(line(&"a".repeat(1_000)).ends_with(&format!("[200 of 1000 characters cut, sha256 of all {whole}]")));
    }
}
