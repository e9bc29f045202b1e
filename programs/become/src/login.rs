//! Whose command it is, for audit: the number (`loginuid`) that the kernel attaches to all that a login starts.
//!
//! The service was started by nobody, so its commands have no number until they get their caller's. It can be set once, and
//! not even root changes it then. Whatever the command is, it gets the number, or it is not run: services are started by
//! `rc`'s resident starter, which has none, so no command needs to go without.
//!
//! The number is that of the process that asks, not of its user: who is root can become any user, and would otherwise have
//! his commands recorded as that user's.

use std::fs;
use std::io;

use sys::socket::Peer;

/// As the kernel writes it where nobody logged in.
const NOBODY: &str = "4294967295";
const OWN: &str = "/proc/self/loginuid";

/// The caller's number. `None`: this kernel keeps none.
pub fn number_of(peer: &Peer) -> io::Result<Option<String>> {
    if !fs::exists(OWN)? {
        return Ok(None);
    }
    let path = format!("/proc/{}/loginuid", peer.pid);
    let found = fs::read_to_string(&path).map_err(|error| io::Error::new(error.kind(), format!("{path}: {error}")))?;
    // Only while the process lives is what was read its own, and not that of another which got its number.
    if !peer.is_alive()? {
        return Err(io::Error::other("the process that asked is gone"));
    }
    number(peer.uid, found.trim_end()).map(Some).map_err(io::Error::other)
}

/// Attaches the number to this process and what it starts.
pub fn attach(number: &str) -> io::Result<()> {
    match fs::write(OWN, number) {
        Ok(()) => Ok(()),
        Err(_) if fs::read_to_string(OWN).is_ok_and(|own| own.trim_end() == number) => Ok(()),
        Err(error) => Err(io::Error::other(format!(
            "audit would not name {number} for this command ({error}), so it is not run: somebody started this service from a \
             shell; `rc-service become restart` by the same person makes it nobody's again"
        ))),
    }
}

/// The number for a command of `uid`, whose process has the number `found`.
fn number(uid: u32, found: &str) -> Result<String, String> {
    match (found, uid) {
        (NOBODY, 0) => Err("root without a login has nobody's number; what it runs, it can run itself".to_owned()),
        // No login: a service that runs as a member of the group.
        (NOBODY, uid) => Ok(uid.to_string()),
        (number, _) if number.parse::<u32>().is_ok() => Ok(number.to_owned()),
        _ => Err(format!("`{found}` is no number of a login")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixStream;

    #[test]
    fn numbers() {
        let is = |uid, found| number(uid, found);
        assert_eq!(is(1000, "1000"), Ok("1000".to_owned()));
        // Root that took another user's place stays who he is.
        assert_eq!(is(1001, "1000"), Ok("1000".to_owned()));
        assert_eq!(is(0, "1000"), Ok("1000".to_owned()));
        assert_eq!(is(1000, NOBODY), Ok("1000".to_owned()));
        assert!(is(0, NOBODY).is_err());
        assert!(is(1000, "").is_err() && is(0, "-1").is_err());
    }

    /// The number is not read from a process that has ended: somebody else may have its place.
    #[test]
    fn a_caller_that_is_gone_has_no_number() {
        let (socket, _other) = UnixStream::pair().unwrap();
        let mut peer = Peer::of(&socket).unwrap();
        let own = number_of(&peer);
        let mut child = std::process::Command::new("true").spawn().unwrap();
        peer.watch_instead(sys::pidfd_open(child.id() as i32).unwrap());
        child.wait().unwrap();
        if fs::exists(OWN).unwrap() {
            // Who runs the tests as root without a login is refused, which is another test's matter.
            assert!(own.is_ok() || peer.uid == 0);
            assert_eq!(number_of(&peer).unwrap_err().to_string(), "the process that asked is gone");
        }
    }
}
