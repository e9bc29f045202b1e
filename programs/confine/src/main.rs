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
mod failure;
mod filter;
mod load;
mod logins;
mod output;
mod plan;
mod profile;
#[cfg(test)]
mod tests;

/// Bytes with a meaning in a profile.
#[cfg(test)]
const FUZZ_ALPHABET: &[u8] = b"abn:-#'\"\\[]{},|>&*!%@ \n\n  \t:- ~?.\xff\xc3\xa4";

use std::path::Path;
use std::process::ExitCode;

use output::{complain, print};

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
