//! `become`: runs a command as root for a member of the group wheel.
//!
//! The system has no setuid programs, so no user's program can turn into root. Instead a root service runs the command:
//! the client passes the command line and its standard input, output and error over a socket. The kernel identifies the
//! client; only root and wheel can open the socket, and the service reads /etc/group again for each request. It logs
//! every request, refused ones too. It asks for no password: it trusts every login of a member of wheel.
//!
//! The command gets words, directory, TERM, three descriptors and some signals from its caller. It gets no environment, no limits
//! and no controlling terminal, so the caller's other processes cannot reach it.
//!
//! * [`request`]: the words of a request as bytes, and back. No effects.
//! * [`member`]: which users are allowed. No effects.
//! * [`client`], [`server`], [`session`]: the three processes of a request.
//! * [`slots`]: limits on concurrent commands. No effects.
//! * [`login`]: the login UID of the command, for audit.
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

/// `become` itself failed; other codes are the command's.
const FAILED: u8 = 125;

const USAGE: &str = "usage: become [COMMAND [WORD]...]; without a command, a shell";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let result = match words.first().map(String::as_str) {
        Some("--daemon") => server::serve(),
        Some("--session") => session::hold(),
        Some("--help" | "-h") => Err(io::Error::other(USAGE)),
        Some(option) if option.starts_with('-') => Err(io::Error::other(format!("unknown option `{option}`; {USAGE}"))),
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
