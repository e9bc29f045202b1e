//! `apparmor-try`: makes attempts that AppArmor profiles must refuse, and checks that each is refused and recorded.
//!
//! It reads a table of attempts (`hardening/2-access/refusals`) from standard input. It makes each attempt twice: first
//! without a profile, where it must succeed, so that the refusal means something; then in a thread that has entered the
//! profile. The thread's name identifies the record of the refusal. For boot tests, as root, in a test image.
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

/// The result of an attempt.
enum Verdict {
    /// Refused, and recorded.
    Held,
    /// Why it proves nothing, or what is wrong.
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
        match evaluate(attempt, &format!("try-{number}")) {
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

fn evaluate(attempt: &Attempt, thread: &str) -> Verdict {
    if let Err(error) = attempt::make(&attempt.action) {
        return Verdict::Failed(format!("it fails without a profile too ({error}), so the test proves nothing"));
    }
    match attempt::confined(&attempt.profile, thread, &attempt.action) {
        Ok(Err(error)) if error.kind() == io::ErrorKind::PermissionDenied => {}
        Ok(Err(error)) => return Verdict::Failed(format!("it failed for another reason: {error}")),
        Ok(Ok(())) => return Verdict::Failed("it was allowed".to_owned()),
        Err(error) => return Verdict::Failed(format!("the profile could not be entered: {error}")),
    }
    match record::found(&attempt.profile, thread) {
        Ok(true) => Verdict::Held,
        Ok(false) => Verdict::Failed("refused, but audit has no record of it".to_owned()),
        Err(error) => Verdict::Failed(format!("refused, but the records cannot be read: {error}")),
    }
}

/// A failed write cannot be reported; the exit status still tells the result.
fn say(line: &str) {
    let _written = io::stdout().write_all(format!("{line}\n").as_bytes());
}
