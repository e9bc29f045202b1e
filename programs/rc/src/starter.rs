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
mod place;
mod request;
mod serve;

use crate::paths::Paths;

pub use ask::hand_over;

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
