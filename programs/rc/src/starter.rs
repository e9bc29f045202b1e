//! `rc-starter`: starts services for logged-in users, so that a service belongs to no login.
//!
//! The kernel attaches a login UID to every process of a login (audit's `loginuid`), for good. A daemon that a user's own process
//! started would carry that user's, and so would everybody who logs in through it. So init keeps this program running, which has no
//! login UID, and the programs that change services pass their command line to it:
//!
//! ```text
//! rc-service sshd restart (of a login)  -- socket: words, descriptors, signals -->  rc-starter -> rc-service sshd restart
//!                                       <---------- exit code ------------------
//! ```
//!
//! [`request`] validates each request: programs of rc with a script of /etc/init.d, and the few variables that rc defines itself.
//! Nothing else of the caller has any effect: the command gets its own session, directory and environment. Each request is logged
//! with the caller's login UID; audit has the call of the program that asked.
//!
//! [`ask`] is the client, [`serve`] the service.

mod ask;
mod request;
mod serve;

use crate::paths::Paths;
use std::path::PathBuf;
use std::time::Duration;

pub use ask::hand_over;

/// The time limit for a complete request.
const PATIENCE: Duration = Duration::from_secs(10);

/// Set for the programs that the starter runs, which must not ask it again. A caller who sets it runs the command in
/// the own process.
const STARTED: &str = "RC_OF_STARTER";

/// The kernel's value for "not set".
const NOBODY: &str = "4294967295";

/// Only root can enter it: access to the socket starts services.
fn directory(paths: &Paths) -> PathBuf {
    paths.state.join("starter")
}

/// Whether this process has a login UID. A kernel without audit has none.
fn is_of_a_login(paths: &Paths) -> bool {
    let number = std::fs::read_to_string(paths.root.join("proc/self/loginuid")).unwrap_or_default();
    !matches!(number.trim_end(), "" | NOBODY)
}

fn socket(paths: &Paths) -> PathBuf {
    directory(paths).join("socket")
}

/// `rc-starter [--detach]`
///
/// With `--detach` it returns when it accepts requests, and another process stays; without, it waits until no other
/// runs, and then takes its place. Init does the first before any service, and keeps the second.
pub fn run(args: &[String]) -> u8 {
    let detach = match args {
        [] => false,
        [word] if word == "--detach" => true,
        _ => {
            crate::message::eerror("rc-starter: usage: rc-starter [--detach]; init starts it, see /etc/inittab");
            return 1;
        }
    };
    match serve::serve(&Paths::system(), detach) {
        Ok(()) => 0,
        Err(error) => {
            crate::message::eerror(&format!("rc-starter: {error}; services cannot be changed from a login without it"));
            1
        }
    }
}
