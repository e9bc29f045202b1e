//! The table of attempts: `PROFILE ACTION [WORD]…`, one per line.

use std::fmt;

/// An action that a program may attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Open a file for reading.
    Read(String),
    /// Open a file for writing; nothing is written.
    Write(String),
    /// Create a file, and remove it again.
    Create(String),
    /// Start a program.
    Exec(String),
    /// Mount a tmpfs on a directory; it is unmounted again.
    Mount(String),
    /// Make a socket of a family and a type.
    Socket(String, String),
    /// Send SIGCONT to a process.
    Signal(i32),
    /// Look into another process, as a debugger would.
    Look(i32),
    /// Set the host name to its present value. Needs CAP_SYS_ADMIN.
    Hostname,
    /// Set the clock to its present time. Needs CAP_SYS_TIME.
    Clock,
    /// Change the root to the present root. Needs CAP_SYS_CHROOT.
    Chroot,
    /// Read the kernel's log. Needs CAP_SYSLOG.
    KernelLog,
}

/// A line of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The profile that must refuse it.
    pub profile: String,
    /// The attempt.
    pub action: Action,
}

impl fmt::Display for Action {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(path) => write!(to, "read {path}"),
            Self::Write(path) => write!(to, "write {path}"),
            Self::Create(path) => write!(to, "create {path}"),
            Self::Exec(path) => write!(to, "exec {path}"),
            Self::Mount(path) => write!(to, "mount {path}"),
            Self::Socket(family, kind) => write!(to, "socket {family} {kind}"),
            Self::Signal(pid) => write!(to, "signal {pid}"),
            Self::Look(pid) => write!(to, "look {pid}"),
            Self::Hostname => write!(to, "hostname"),
            Self::Clock => write!(to, "clock"),
            Self::Chroot => write!(to, "chroot"),
            Self::KernelLog => write!(to, "kernel-log"),
        }
    }
}

impl fmt::Display for Attempt {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{} {}", self.profile, self.action)
    }
}

fn action(words: &[&str]) -> Option<Action> {
    let path = |path: &str| path.starts_with('/').then(|| path.to_owned());
    Some(match *words {
        ["read", file] => Action::Read(path(file)?),
        ["write", file] => Action::Write(path(file)?),
        ["create", file] => Action::Create(path(file)?),
        ["exec", file] => Action::Exec(path(file)?),
        ["mount", file] => Action::Mount(path(file)?),
        ["socket", family @ ("inet" | "inet6" | "packet" | "netlink"), kind @ ("raw" | "dgram" | "stream")] => {
            Action::Socket(family.to_owned(), kind.to_owned())
        }
        ["signal", pid] => Action::Signal(pid.parse().ok().filter(|pid| *pid > 0)?),
        ["look", pid] => Action::Look(pid.parse().ok().filter(|pid| *pid > 0)?),
        ["hostname"] => Action::Hostname,
        ["clock"] => Action::Clock,
        ["chroot"] => Action::Chroot,
        ["kernel-log"] => Action::KernelLog,
        _ => return None,
    })
}

/// All lines, or a finding for each wrong one.
pub fn read(text: &str) -> Result<Vec<Attempt>, Vec<String>> {
    let (mut attempts, mut findings) = (Vec::new(), Vec::new());
    for (number, line) in text.lines().enumerate() {
        let words: Vec<&str> = line.split('#').next().unwrap_or_default().split_whitespace().collect();
        let Some((profile, words)) = words.split_first() else { continue };
        match action(words) {
            Some(action) => attempts.push(Attempt { profile: (*profile).to_owned(), action }),
            None => findings.push(format!("line {}: unknown attempt `{}`", number + 1, words.join(" "))),
        }
    }
    if findings.is_empty() { Ok(attempts) } else { Err(findings) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_reads_like_this() {
        let text =
            "# comment\n\nsyslogd read /etc/shadow  # why\nsyslogd socket inet raw\nklogd signal 1\nklogd clock\n";
        let attempts = read(text).unwrap();
        let shown: String = attempts.iter().map(|attempt| format!("{attempt}\n")).collect();
        assert_eq!(shown, "syslogd read /etc/shadow\nsyslogd socket inet raw\nklogd signal 1\nklogd clock\n");
        // The output can be parsed again.
        assert_eq!(read(&shown).unwrap(), attempts);
    }

    #[test]
    fn every_wrong_line_is_told() {
        let text = "syslogd\nsyslogd read etc/shadow\nsyslogd socket inet tcp\nsyslogd signal -1\nsyslogd clock now\n";
        assert_eq!(
            read(text).unwrap_err(),
            [
                "line 1: unknown attempt ``",
                "line 2: unknown attempt `read etc/shadow`",
                "line 3: unknown attempt `socket inet tcp`",
                "line 4: unknown attempt `signal -1`",
                "line 5: unknown attempt `clock now`",
            ]
        );
    }

    #[test]
    fn the_table_of_the_layer_can_be_tried() {
        let Some(text) = testkit::repository::file("hardening/2-access/refusals") else { return };
        assert!(read(&text).unwrap().len() >= 40);
    }
}
