//! Whose command it is, for audit: the number (`loginuid`) that the kernel attaches to all that a login starts.
//!
//! The service was started by nobody, so its commands have no number until they get their caller's. It can be set once, and
//! not even root changes it then. That is why what starts services gets none: a daemon that somebody restarted would carry his
//! number, and so would everybody who logs in through it. Who asked for it is in the log, and audit has recorded his call of
//! `become`. A shell that he asked for has his number, and so have services that he starts from there.

use std::fs;
use std::io;

use crate::log;

/// Commands that start services, and where services' scripts are.
const SERVICES: [&str; 6] = ["openrc", "openrc-run", "rc", "rc-service", "start-stop-daemon", "supervise-daemon"];
const SCRIPTS: &str = "/etc/init.d/";
/// As the kernel writes it where nobody logged in.
const NOBODY: &str = "4294967295";
const OWN: &str = "/proc/self/loginuid";

/// Attaches the caller's number to this process and what it starts. A kernel without audit has none.
pub fn attach(uid: u32, pid: i32, words: &[String]) {
    // Root's own number says nothing of who became root; that of the process that asks does.
    let callers = if uid == 0 { fs::read_to_string(format!("/proc/{pid}/loginuid")).ok() } else { None };
    let Some(number) = number(uid, callers.as_deref(), words) else { return };
    match fs::write(OWN, &number) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(_) if fs::read_to_string(OWN).is_ok_and(|own| own.trim_end() == number) => {}
        Err(error) => log::write(&format!(
            "audit does not name {number} for this command ({error}): somebody restarted this service from a shell; only a \
             restart of the machine makes it nobody's again"
        )),
    }
}

/// The number for a command of `uid`, whose process has the number `callers`.
fn number(uid: u32, callers: Option<&str>, words: &[String]) -> Option<String> {
    let program = words.first()?;
    let name = program.rsplit('/').next().unwrap_or(program);
    if SERVICES.contains(&name) || program.starts_with(SCRIPTS) {
        return None;
    }
    match (uid, callers.map(str::trim_end)) {
        (0, Some(NOBODY) | None) => None,
        (0, Some(number)) => Some(number.to_owned()),
        _ => Some(uid.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        for (uid, callers, command, wanted) in [
            (1000, None, "id", Some("1000")),
            // A person's number is his, whatever his process says.
            (1000, Some("1001"), "id", Some("1000")),
            (0, Some("1000\n"), "id", Some("1000")),
            (0, Some("4294967295"), "id", None),
            (0, None, "id", None),
            (1000, None, "rc-service sshd restart", None),
            (1000, None, "/usr/bin/rc-service sshd restart", None),
            (1000, None, "/etc/init.d/sshd restart", None),
            (1000, None, "start-stop-daemon --start --exec /usr/bin/sshd", None),
            (1000, None, "sh -c rc-service", Some("1000")),
        ] {
            assert_eq!(number(uid, callers, &words(command)).as_deref(), wanted, "{uid} {callers:?} {command}");
        }
        assert_eq!(number(1000, None, &[]), None);
    }
}
