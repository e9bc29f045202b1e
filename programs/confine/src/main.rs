//! `confine`: starts a command in the sandbox of a profile. `exposure`: scores the sandboxes of running services.
//!
//! ```text
//! profile (TOML) -> plan -> apply -> the command         /proc -> facts -> score
//! ```
//! Beside a service that logs users in, [`logins`] moves each user's processes into the user's control group. [`profile`],
//! [`plan`], [`filter`], the decisions of [`logins`], and facts and scores of [`exposure`] are pure; all effects are in [`apply`],
//! `logins::{start,watch}` and `exposure::read`.

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

/// Bytes with a meaning in a profile.
#[cfg(test)]
const FUZZ_ALPHABET: &[u8] = b"abn:-#'\"\\[]{},|>&*!%@ \n\n  \t:- ~?.\xff\xc3\xa4";

use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;

/// Directories of profiles: the administrator's, then the image's.
pub const PROFILES: [&str; 2] = ["/etc/confine", "/usr/lib/confine"];

fn main() -> ExitCode {
    let parser = lexopt::Parser::from_env();
    let name = parser.bin_name().map(Path::new).and_then(Path::file_name);
    if name.is_some_and(|name| name == "exposure") {
        return match exposure::run(parser) {
            Ok((text, code)) => print(&text, code),
            Err(message) => complain(&format!("exposure: {message}"), 2),
        };
    }
    cli::run(parser)
}

/// Prints results.
pub fn print(text: &str, code: u8) -> ExitCode {
    match io::stdout().write_all(text.as_bytes()) {
        Ok(()) => code.into(),
        // Nobody reads the output; that is not success.
        Err(_) => 1.into(),
    }
}

/// Prints an error.
pub fn complain(text: &str, code: u8) -> ExitCode {
    // Without standard error only the exit status reports the failure.
    let _written = writeln!(io::stderr(), "{text}");
    code.into()
}
