//! `rc-starter`: starts services for those who are logged in, so that a service is nobody's child.
//!
//! The kernel attaches a number to each login and to all that comes from it (audit's `loginuid`), for good. A daemon that a person's
//! own process started would carry his number, and so would everybody who logs in through it. So init keeps this program, which has
//! no number, and the programs that change services hand their command line over to it:
//!
//! ```text
//! rc-service sshd restart (of a login)  -- socket: words, descriptors, signals -->  rc-starter -> rc-service sshd restart
//!                                       <---------- exit code ------------------
//! ```
//!
//! What comes over is judged in [`request`]: programs of rc with a script of /etc/init.d, and the few variables that rc defines
//! itself. Nothing else of the caller has any effect: the command gets a session, a directory and an environment of its own. Each
//! request goes into the system's log with the number of who asked; audit has his call of the program that asked.
//!
//! [`ask`] is the caller's side, [`serve`] the service's.

mod ask;
mod request;
mod serve;

use crate::paths::Paths;
use std::path::PathBuf;
use std::time::Duration;

pub use ask::hand_over;

/// A request must be complete after this.
const PATIENCE: Duration = Duration::from_secs(10);

/// Set for what the starter runs, which asks nobody else again. A caller who sets it himself runs his command himself.
const STARTED: &str = "RC_OF_STARTER";

/// As the kernel writes it where nobody logged in.
const NOBODY: &str = "4294967295";

/// Closed to all but root: whoever reaches the socket starts services.
fn directory(paths: &Paths) -> PathBuf {
    paths.state.join("starter")
}

/// Whether audit has a number of a login for this process. A kernel without audit has none for anybody.
fn is_of_a_login(paths: &Paths) -> bool {
    let number = std::fs::read_to_string(paths.root.join("proc/self/loginuid")).unwrap_or_default();
    !matches!(number.trim_end(), "" | NOBODY)
}

fn socket(paths: &Paths) -> PathBuf {
    directory(paths).join("socket")
}

/// `rc-starter [--detach]`
///
/// With `--detach` it returns when requests are accepted, and another process stays; without, it waits until no other is there,
/// and then takes its place. Init does the first before any service, and keeps the second.
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
