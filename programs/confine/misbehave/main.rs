//! A service that attempts what no service may do: run under a profile, it tests the sandbox.
//!
//! ```text
//! confine --profile FILE -- misbehave [NAME…]
//! misbehave --nobody [NAME…]
//! ```
//! The second form becomes the user nobody first; without a profile around it, that shows what the kernel itself refuses.
//! It prints one line for each attempt. NAMEs are attempts that the profile allows, because its service needs them; the exit
//! status is 1 if any other succeeds. A successful attempt is undone, or harmless.

mod attempts;

use std::env;
use std::io::{self, Write as _};
use std::process::ExitCode;

use attempts::{ATTEMPTS, Attempt};

/// Errors that count as refusals; any other means that the kernel processed the call.
const REFUSALS: [i32; 4] = [libc::EPERM, libc::EACCES, libc::ENOSYS, libc::EROFS];

fn is_refused(attempt: &Attempt, result: &io::Result<()>) -> bool {
    let code = result.as_ref().err().and_then(io::Error::raw_os_error);
    code.is_some_and(|code| REFUSALS.contains(&code) || Some(code) == attempt.also)
}

fn main() -> ExitCode {
    let mut allowed: Vec<String> = env::args().skip(1).collect();
    let mut text = String::new();
    if allowed.first().is_some_and(|word| word == "--nobody") {
        drop(allowed.remove(0));
        if let Err(error) = attempts::be_nobody() {
            // Without standard error there is no one to tell; it makes no attempts as another user.
            let _shown = writeln!(io::stderr(), "misbehave: cannot become nobody: {error}");
            return ExitCode::FAILURE;
        }
    }
    let mut unexpected = 0;
    for name in allowed.iter().filter(|name| ATTEMPTS.iter().all(|attempt| attempt.name != name.as_str())) {
        text.push_str(&format!("{name}: there is no such attempt\n"));
        unexpected += 1;
    }
    for attempt in ATTEMPTS {
        let result = (attempt.run)();
        let outcome = match (is_refused(attempt, &result), allowed.iter().any(|name| name == attempt.name)) {
            (true, _) => "refused",
            (false, true) => "allowed, as granted",
            (false, false) => {
                unexpected += 1;
                "NOT REFUSED"
            }
        };
        let answer = result.map_or_else(|error| error.to_string(), |()| "success".into());
        text.push_str(&format!("{:16} {outcome} ({answer})\n", attempt.name));
    }
    // Without a reader, the exit status still tells the result.
    let _shown = io::stdout().write_all(text.as_bytes());
    if unexpected == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
