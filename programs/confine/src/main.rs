//! `confine`: starts a command within what a profile grants. `exposure`: scores what running services could do.
//!
//! ```text
//! profile (TOML) -> plan -> apply -> the command         /proc -> facts -> score
//! ```
//! Beside a service that logs users in, [`logins`] keeps each user within a control group of his own.
//! [`profile`], [`plan`], [`filter`], [`logins`]' decisions and [`exposure`]'s facts and scores are pure; [`apply`], `logins::{start,watch}` and
//! `exposure::read` have all effects.

mod accounts;
mod apply;
mod calls;
mod capability;
mod cli;
mod exposure;
mod filter;
mod logins;
mod plan;
mod profile;
#[cfg(test)]
mod tests;

/// Bytes that mean something in a profile.
#[cfg(test)]
const FUZZ_ALPHABET: &[u8] = b"abn:-#'\"\\[]{},|>&*!%@ \n\n  \t:- ~?.\xff\xc3\xa4";

use std::env;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;

/// Where profiles are: the administrator's, then the image's.
pub const PROFILES: [&str; 2] = ["/etc/confine", "/usr/lib/confine"];

fn main() -> ExitCode {
    let mut words = env::args();
    let name = words.next().unwrap_or_default();
    let args: Vec<String> = words.collect();
    if Path::new(&name).file_name().is_some_and(|name| name == "exposure") {
        return match exposure::run(&args) {
            Ok((text, code)) => print(&text, code),
            Err(message) => complain(&format!("exposure: {message}"), 2),
        };
    }
    cli::run(&args)
}

/// Prints results.
pub fn print(text: &str, code: u8) -> ExitCode {
    match io::stdout().write_all(text.as_bytes()) {
        Ok(()) => code.into(),
        // Nobody reads it; that is not success.
        Err(_) => 1.into(),
    }
}

/// Says what is wrong.
pub fn complain(text: &str, code: u8) -> ExitCode {
    // Without an open standard error there is nobody to tell, but the exit status.
    let _said = writeln!(io::stderr(), "{text}");
    code.into()
}
