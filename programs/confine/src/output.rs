//! What the programs print, and with which code they end.

use std::io::{self, Write as _};
use std::process::ExitCode;

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
