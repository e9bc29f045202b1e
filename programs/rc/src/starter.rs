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
mod place;
mod request;
mod serve;

use crate::paths::Paths;

pub use ask::hand_over;

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
