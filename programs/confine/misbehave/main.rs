//! A service that tries what no service may: run under a profile, it shows what holds.
//!
//! ```text
//! confine --profile FILE -- misbehave [NAME…]
//! misbehave --nobody [NAME…]
//! ```
//! In the second form it becomes the user nobody first; without a profile around it, that shows what the kernel itself refuses.
//! Prints one line for each attempt. The names are attempts that this profile allows, because its service needs them; the exit
//! status is 1 when any other succeeds. What succeeds is undone, or harmless.

mod attempts;

use std::env;
use std::io::{self, Write as _};
use std::process::ExitCode;

use attempts::{ATTEMPTS, Attempt};

/// Answers by which the kernel refuses; any other means that the attempt got through to it.
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
            // With no standard error there is nobody to tell; nothing is tried as somebody else.
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
        let said = match (is_refused(attempt, &result), allowed.iter().any(|name| name == attempt.name)) {
            (true, _) => "refused",
            (false, true) => "allowed, as granted",
            (false, false) => {
                unexpected += 1;
                "NOT REFUSED"
            }
        };
        let answer = result.map_or_else(|error| error.to_string(), |()| "success".into());
        text.push_str(&format!("{:16} {said} ({answer})\n", attempt.name));
    }
    // Without anybody who reads it, the exit status still says it.
    let _shown = io::stdout().write_all(text.as_bytes());
    if unexpected == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
