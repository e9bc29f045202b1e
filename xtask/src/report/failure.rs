//! The message and the exit code of a failed command. Both follow from the types in the error's chain.

use ashlar_core::base::event::{Event, Failure, counted};
use ashlar_core::plan::hint;

use super::{Reporter, colour};
use crate::exit::{Coded, Exit};
use crate::host::exec::{self, End, ExecError};
use crate::host::fetch::FetchError;
use crate::host::interrupt::Interrupted;
use crate::host::invalid::Invalid;
use crate::host::store::DiskFull;

/// Shows an error to whoever met it: the chain of intentions, then the cause, then what to do.
pub fn show(reporter: &Reporter, error: &anyhow::Error) {
    reporter.clear();
    if let Some(Invalid { findings }) = error.chain().find_map(|cause| cause.downcast_ref()) {
        for (rendered, finding) in findings {
            told(reporter, Event::Finding(finding.clone()), &format!("{rendered}\n"));
        }
        let message = counted(findings.len(), "finding");
        let failure = Failure { message: message.clone(), exit: exit(error) as u8, ..Failure::default() };
        return told(reporter, Event::Error(failure), &message);
    }
    let failure = failure(error);
    let chain: Vec<&str> = std::iter::once(&failure.message).chain(&failure.because).map(String::as_str).collect();
    let mut text = format!("error: {}", chain.join("\n  because: "));
    failure.help.iter().for_each(|help| text.push_str(&format!("\nhelp: {help}")));
    if let Some(command) = failure.command.as_ref().filter(|_| reporter.is_verbose()) {
        text.push_str(&format!("\nthe command was: {command}"));
    }
    told(reporter, Event::Error(failure), &text);
}

/// To a program as JSON, to a person as text.
fn told(reporter: &Reporter, event: Event, text: &str) {
    if reporter.is_json() {
        reporter.emit(event);
    } else {
        eprintln!("{}", colour::painted(text));
    }
}

/// An error as what is told of it.
fn failure(error: &anyhow::Error) -> Failure {
    // An exit code travels in the chain without saying anything.
    let says = |cause: &&(dyn std::error::Error + 'static)| !cause.is::<Coded>();
    let mut chain = error.chain().filter(says).map(ToString::to_string);
    let command = error.chain().find_map(|cause| cause.downcast_ref::<ExecError>());
    let mut help: Vec<String> = Vec::new();
    help.extend(command.and_then(|failed| hint::hint(&failed.tail)).map(str::to_owned));
    help.extend(full(error).map(|full| {
        format!(
            "{full}; free some room (`cargo xtask gc`), or set ASHLAR_STORE to another disk; what is stored so far stays valid"
        )
    }));
    help.extend(command.and_then(|failed| failed.remedy.clone()));
    Failure {
        message: chain.next().unwrap_or_default(),
        because: chain.collect(),
        help,
        command: command.map(|failed| failed.command.clone()),
        log: command.and_then(|failed| failed.log.clone()),
        exit: exit(error) as u8,
    }
}

/// Which disk is full, when that is what went wrong.
fn full(error: &anyhow::Error) -> Option<String> {
    if let Some(full) = error.downcast_ref::<DiskFull>() {
        return Some(full.to_string());
    }
    exec::met_full_disk(error).then(|| "the disk is full".to_owned())
}

/// The exit code of an error: the one it was given where it arose, else that of its type.
pub fn exit(error: &anyhow::Error) -> Exit {
    let mut exit = Exit::Broken;
    for cause in error.chain() {
        if let Some(Coded(code)) = cause.downcast_ref() {
            return *code;
        }
        if cause.is::<ashlar_lab::scenario::NoScenario>() {
            return Exit::Usage;
        }
        if cause.is::<Interrupted>() {
            return Exit::Stopped;
        }
        if cause.is::<Invalid>() {
            return Exit::Invalid;
        }
        if cause.is::<FetchError>() {
            return Exit::Source;
        }
        if let Some(failed) = cause.downcast_ref::<ExecError>() {
            exit = if matches!(failed.end, End::NotFound(_)) { Exit::Host } else { Exit::Build };
        }
    }
    exit
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context as _;
    use ashlar_core::base::command::Command;
    use std::io::ErrorKind;

    #[test]
    fn the_type_of_an_error_decides() {
        assert_eq!(exit(&anyhow::anyhow!("x")), Exit::Broken);
        let missing = exec::read(&Command::new("no-such-tool-here"));
        assert_eq!(exit(&missing.context("doing").unwrap_err()), Exit::Host);
        let failed = exec::read(&Command::new("false"));
        assert_eq!(exit(&failed.unwrap_err()), Exit::Build);
        assert_eq!(exit(&anyhow::Error::new(Coded(Exit::Differs)).context("y")), Exit::Differs);
    }

    #[test]
    fn a_full_disk_is_told_by_its_kind() {
        let io = std::io::Error::from(ErrorKind::StorageFull);
        assert_eq!(full(&anyhow::Error::new(io).context("writing")).unwrap(), "the disk is full");
        // A program may say what it likes.
        assert_eq!(full(&anyhow::anyhow!("No space left on device")), None);
    }
}
