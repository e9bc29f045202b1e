//! The message and the exit code of a failed command. Both follow from the types in the error's chain.

use ashlar_core::plan::hint;

use crate::exit::{Coded, Exit};
use crate::host::exec::{self, End, ExecError};
use crate::host::fetch::FetchError;
use crate::host::invalid::Invalid;
use crate::host::store::DiskFull;

/// Shows an error to the person who met it: the chain of intentions, then the cause, then what to do.
pub fn show(error: &anyhow::Error) {
    if error.chain().any(|cause| cause.is::<Invalid>()) {
        eprintln!("{}", error.root_cause());
        return;
    }
    // An exit code travels in the chain without saying anything.
    let says = |cause: &&(dyn std::error::Error + 'static)| !cause.is::<Coded>();
    let chain: Vec<String> = error.chain().filter(says).map(ToString::to_string).collect();
    eprintln!("error: {}", chain.join("\n  because: "));
    let tails = error.chain().filter_map(|cause| Some(cause.downcast_ref::<ExecError>()?.tail.as_str()));
    if let Some(help) = tails.filter_map(hint::hint).next() {
        eprintln!("help: {help}");
    }
    if let Some(full) = full(error) {
        eprintln!(
            "help: {full}; free some room (`cargo xtask gc`), or set ASHLAR_STORE to another disk; what is stored so far stays valid"
        );
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
