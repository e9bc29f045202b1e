//! `apparmor-try`: does what AppArmor profiles must refuse, and looks whether it was refused and recorded.
//!
//! It reads a table of attempts (`hardening/2-access/refusals`) from standard input. Each is made twice: first without a profile,
//! where it must work, so that a refusal says something; then by a thread that has changed into the profile. The record of the
//! refusal is found by the thread's name. For boot tests, as root, in an image that is made for them.
//!
//! * [`table`]: the attempts, read. No effects.
//! * [`attempt`]: making one, with and without a profile.
//! * [`record`]: what the kernel wrote of it.

mod attempt;
mod record;
mod table;

use std::io::{self, Read as _, Write as _};
use std::process::ExitCode;

use table::Attempt;

/// What came of an attempt.
enum Verdict {
    /// Refused, and recorded.
    Held,
    /// Why it proves nothing, or shows a hole.
    Failed(String),
}

fn main() -> ExitCode {
    let mut text = String::new();
    let attempts = match io::stdin().read_to_string(&mut text) {
        Ok(_) => table::read(&text),
        Err(error) => Err(vec![error.to_string()]),
    };
    match attempts {
        Ok(attempts) => try_all(&attempts),
        Err(findings) => {
            for finding in findings {
                say(&format!("apparmor-try: {finding}"));
            }
            ExitCode::from(2)
        }
    }
}

fn try_all(attempts: &[Attempt]) -> ExitCode {
    if let Err(error) = record::lift_limit() {
        say(&format!("apparmor-try: the limit of the kernel's log cannot be lifted, run this as root: {error}"));
        return ExitCode::FAILURE;
    }
    let mut failed = 0;
    for (number, attempt) in attempts.iter().enumerate() {
        match judge(attempt, &format!("try-{number}")) {
            Verdict::Held => say(&format!("ok {attempt}")),
            Verdict::Failed(why) => {
                failed += 1;
                say(&format!("FAILED {attempt}: {why}"));
            }
        }
    }
    say(&format!("{} of {} attempts refused and recorded", attempts.len() - failed, attempts.len()));
    if failed == 0 && !attempts.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn judge(attempt: &Attempt, thread: &str) -> Verdict {
    if let Err(error) = attempt::make(&attempt.action) {
        return Verdict::Failed(format!("it does not work without a profile either ({error}), so this proves nothing"));
    }
    match attempt::confined(&attempt.profile, thread, &attempt.action) {
        Ok(Err(error)) if error.kind() == io::ErrorKind::PermissionDenied => {}
        Ok(Err(error)) => return Verdict::Failed(format!("it failed for another reason: {error}")),
        Ok(Ok(())) => return Verdict::Failed("it was allowed".to_owned()),
        Err(error) => return Verdict::Failed(format!("the profile could not be entered: {error}")),
    }
    match record::found(&attempt.profile, thread) {
        Ok(true) => Verdict::Held,
        Ok(false) => Verdict::Failed("refused, but there is no record of it".to_owned()),
        Err(error) => Verdict::Failed(format!("refused, but the records cannot be read: {error}")),
    }
}

/// Nobody can be told that a line could not be written; the exit code still says how it went.
fn say(line: &str) {
    let _written = io::stdout().write_all(format!("{line}\n").as_bytes());
}
