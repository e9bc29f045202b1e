//! The login UID of a command: the kernel attaches it to everything that a login starts.
//!
//! The service belongs to no login, so its commands have no login UID until they get their caller's. It can be set
//! once; not even root can change it then. A command that cannot get it is not run. `rc`'s resident starter, which has
//! none, starts services, so no command needs to do without.
//!
//! It is read from the calling process, not derived from its user: root can become any user, and would otherwise have
//! others' commands recorded under that user.

use std::fs;
use std::io;

use sys::socket::Peer;

/// The kernel's value for "not set".
const NOBODY: &str = "4294967295";
const OWN: &str = "/proc/self/loginuid";

/// The caller's login UID. `None` if this kernel has none.
pub fn number_of(peer: &Peer) -> io::Result<Option<String>> {
    if !fs::exists(OWN)? {
        return Ok(None);
    }
    let path = format!("/proc/{}/loginuid", peer.pid);
    let found = fs::read_to_string(&path).map_err(|error| io::Error::new(error.kind(), format!("{path}: {error}")))?;
    // Only a live process proves that the value is its own: after its end another process may have its PID.
    if !peer.is_alive()? {
        return Err(io::Error::other("the process that asked is gone"));
    }
    number(peer.uid, found.trim_end()).map(Some).map_err(io::Error::other)
}

/// Sets the login UID of this process and everything it starts.
pub fn attach(number: &str) -> io::Result<()> {
    match fs::write(OWN, number) {
        Ok(()) => Ok(()),
        Err(_) if fs::read_to_string(OWN).is_ok_and(|own| own.trim_end() == number) => Ok(()),
        Err(error) => Err(io::Error::other(format!(
            "cannot set the login UID {number} ({error}), so the command did not run: a logged-in user started this service; the \
             same user can repair that with `rc-service become restart`"
        ))),
    }
}

/// The login UID for a command of `uid`, whose process has the login UID `found`.
fn number(uid: u32, found: &str) -> Result<String, String> {
    match (found, uid) {
        (NOBODY, 0) => Err("root without a login has no login UID; run the command directly".to_owned()),
        // Not a login, but a service that runs as a member of the group.
        (NOBODY, uid) => Ok(uid.to_string()),
        (number, _) if number.parse::<u32>().is_ok() => Ok(number.to_owned()),
        _ => Err(format!("`{found}` is not a login UID")),
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
        // Root that changed its user keeps its login UID.
        assert_eq!(is(1001, "1000"), Ok("1000".to_owned()));
        assert_eq!(is(0, "1000"), Ok("1000".to_owned()));
        assert_eq!(is(1000, NOBODY), Ok("1000".to_owned()));
        assert!(is(0, NOBODY).is_err());
        assert!(is(1000, "").is_err() && is(0, "-1").is_err());
    }

    /// The login UID is not read from a dead process: another may have its PID.
    #[test]
    fn a_caller_that_is_gone_has_no_number() {
        let (socket, _other) = UnixStream::pair().unwrap();
        let mut peer = Peer::of(&socket).unwrap();
        let own = number_of(&peer);
        let mut child = std::process::Command::new("true").spawn().unwrap();
        peer.watch_instead(sys::pidfd_open(child.id() as i32).unwrap());
        child.wait().unwrap();
        if fs::exists(OWN).unwrap() {
            // Root without a login is refused; another test covers that.
            assert!(own.is_ok() || peer.uid == 0);
            assert_eq!(number_of(&peer).unwrap_err().to_string(), "the process that asked is gone");
        }
    }
}
