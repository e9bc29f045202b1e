//! `become`: runs a command as root for a member of the group wheel.
//!
//! There are no setuid programs in this system, so no program of a user can turn into root. Instead a service of root runs the
//! command: the client hands it the command line and its own standard input, output and error over a socket. The kernel says
//! who the client is; the socket is for root and wheel alone, and /etc/group is read again for each request. Every request
//! is logged, also those that are refused. No password is asked: whoever is logged in as a member of wheel is trusted.
//!
//! What the command gets from its caller: words, directory, TERM, the three descriptors, and some signals. Nothing else: no
//! environment, no limits, no controlling terminal, so it is nothing that the caller's other processes can get at.
//!
//! * [`request`]: the words of a request as bytes, and back. No effects.
//! * [`member`]: who is allowed. No effects.
//! * [`client`], [`server`], [`session`]: the three processes of a request.
//! * [`slots`]: how many commands at a time. No effects.
//! * [`login`]: whose command it is, for audit.
//! * [`log`]: the system's log.

mod client;
mod log;
mod login;
mod member;
mod request;
mod server;
mod session;
mod slots;

use std::io;
use std::process::ExitCode;

/// This program did not work; other numbers are the command's.
const FAILED: u8 = 125;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let result = match words.first().map(String::as_str) {
        Some("--daemon") => server::serve(),
        Some("--session") => session::hold(),
        Some("--help" | "-h") => Err(io::Error::other("usage: become [COMMAND [WORD]...]; without a command, a shell")),
        _ => client::ask(words),
    };
    result.map_or_else(
        |error| {
            log::tell(&error.to_string());
            ExitCode::from(FAILED)
        },
        ExitCode::from,
    )
}
