//! Records of refusals: in the kernel's log, or in auditd's if it runs.

use std::fs;
use std::io;
use std::thread;
use std::time::Duration;

/// auditd's log.
const AUDIT_LOG: &str = "/var/log/audit/audit.log";
/// The rate limit of the kernel's log: without auditd it drops records.
const LIMIT: &str = "/proc/sys/kernel/printk_ratelimit";
/// Number of attempts to find a record, and the pause between them.
const TRIES: u32 = 20;
const PAUSE: Duration = Duration::from_millis(100);

/// Removes the limit, so that every refusal has a record.
pub fn lift_limit() -> io::Result<()> {
    fs::write(LIMIT, "0")
}

/// Whether a refusal by `profile` of the thread `name` is recorded.
pub fn found(profile: &str, name: &str) -> io::Result<bool> {
    let words = words(profile, name);
    for _ in 0..TRIES {
        let log = String::from_utf8_lossy(&sys::kernel_log()?).into_owned();
        let audit = match fs::read_to_string(AUDIT_LOG) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            other => other?,
        };
        if is_in(&log, &words) || is_in(&audit, &words) {
            return Ok(true);
        }
        thread::sleep(PAUSE);
    }
    Ok(false)
}

fn words(profile: &str, name: &str) -> [String; 3] {
    [r#"apparmor="DENIED""#.to_owned(), format!(r#"profile="{profile}""#), format!(r#"comm="{name}""#)]
}

fn is_in(log: &str, words: &[String]) -> bool {
    log.lines().any(|line| words.iter().all(|word| line.contains(word)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_this_thread_and_profile_is_meant() {
        let log = "audit: type=1400 audit(1.2:3): apparmor=\"DENIED\" operation=\"open\" class=\"file\" profile=\"klogd\" \
                   name=\"/etc/shadow\" pid=7 comm=\"try-1\" requested_mask=\"r\" denied_mask=\"r\" fsuid=0 ouid=0\n\
                   audit: type=1400 audit(1.2:4): apparmor=\"STATUS\" profile=\"klogd\" comm=\"try-2\"\n";
        assert!(is_in(log, &words("klogd", "try-1")));
        assert!(!is_in(log, &words("klogd", "try-2")));
        assert!(!is_in(log, &words("klogd", "try-11")));
        assert!(!is_in(log, &words("syslogd", "try-1")));
    }
}
