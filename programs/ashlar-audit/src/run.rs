//! Runs one check: observes and evaluates.

use std::collections::BTreeSet;
use std::io;

use crate::attempt;
use crate::evaluate::{self, Outcome, file, kernel, process, sockets};
use crate::system::{ProgramOutput, System, read};
use checks::{Check, Probe, Text};

/// Observes the machine, and evaluates the check.
pub fn check(system: &System, check: &Check) -> Outcome {
    match &check.probe {
        Probe::Sysctl { key, value } => {
            let path = format!("/proc/sys/{}", key.replace('.', "/"));
            seen(value, read(path), |found| kernel::sysctl(value, found))
        }
        Probe::Kconfig { option, value } => {
            seen(value, system.fixed("/proc/config.gz"), |config| kernel::kconfig(option, value, config))
        }
        Probe::Word { word, present } => {
            seen(word, system.fixed("/proc/cmdline"), |line| kernel::word(word, *present, line))
        }
        Probe::Mode { path, mode, owner } => match system.stat(path) {
            Ok(found) => file::mode(*mode, owner, &found),
            Err(error) => Outcome::unobserved(format!("{mode:04o} {owner}"), error),
        },
        Probe::Contains { path, want } => seen(path, read(path), |text| evaluate::text(want, text)),
        Probe::Absent { path } => absent(path),
        Probe::Mount { path, options, fstype } => {
            seen(path, read("/proc/self/mountinfo"), |mounts| file::mount(path, options, fstype.as_deref(), mounts))
        }
        Probe::Process(wanted) => match system.processes(&wanted.name) {
            Ok(processes) => process::all(wanted, &processes),
            Err(error) => Outcome::unobserved("a look at /proc", error),
        },
        Probe::Command { argv, want, exit } => match system.run(argv) {
            Ok(output) => command(want, *exit, &output),
            Err(error) => Outcome::unobserved(argv.join(" "), error),
        },
        Probe::Listening { only } => match listening() {
            Ok(found) => sockets::only(only, &found),
            Err(error) => Outcome::unobserved("a look at /proc/net", error),
        },
        Probe::Scan { what, allowed } => match system.scan(what) {
            Ok(found) => file::scan(what, allowed, &found),
            Err(error) => Outcome::unobserved(format!("a search for {what}"), error),
        },
        Probe::Refused { attempt, errno } => refused(attempt, errno),
    }
}

fn seen(expected: &str, text: io::Result<String>, evaluate: impl FnOnce(&str) -> Outcome) -> Outcome {
    match text {
        Ok(text) => evaluate(&text),
        Err(error) => Outcome::unobserved(expected, error),
    }
}

fn absent(path: &str) -> Outcome {
    match std::fs::symlink_metadata(path) {
        Ok(_) => Outcome::new(false, "nothing there", "it exists"),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Outcome::new(true, "nothing there", "nothing"),
        Err(error) => Outcome::unobserved("nothing there", error),
    }
}

fn command(want: &[Text], exit: i32, output: &ProgramOutput) -> Outcome {
    let text = evaluate::text(want, &output.text);
    if output.status == exit {
        return if want.is_empty() { Outcome::new(true, format!("exit {exit}"), "so") } else { text };
    }
    let line = output.text.lines().next().unwrap_or_default();
    Outcome::new(false, format!("exit {exit}"), format!("exit {}: {line}", output.status))
}

fn listening() -> io::Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    for (table, protocol) in sockets::TABLES {
        match read(format!("/proc/net/{table}")) {
            Ok(text) => found.extend(sockets::open(protocol, &text)),
            // The kernel does not have this protocol.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

fn refused(name: &str, errno: &[String]) -> Outcome {
    let expected = format!("refused with {}", errno.join(" or "));
    match attempt::attempt(name) {
        Ok(Ok(())) => Outcome::new(false, expected, "it worked"),
        Ok(Err(error)) => {
            let name = attempt::error_name(&error);
            Outcome::new(errno.contains(&name), expected, name)
        }
        Err(error) => Outcome::unobserved(expected, error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands() {
        let output = ProgramOutput { status: 1, text: "denied\n".into() };
        assert_eq!(command(&[], 0, &output), Outcome::new(false, "exit 0", "exit 1: denied"));
        assert!(command(&[Text::Piece("denied".into())], 1, &output).pass);
        assert!(!command(&[Text::Piece("fine".into())], 1, &output).pass);
    }

    #[test]
    fn what_cannot_be_seen_is_not_kept() {
        let system = System::default();
        let probe = Probe::Contains { path: "/nowhere".into(), want: vec![Text::Piece("x".into())] };
        let expected = Check { layer: 1, id: "a".into(), summary: "s".into(), reason: "r".into(), probe };
        assert!(!check(&system, &expected).pass);
        let expected = Check { probe: Probe::Absent { path: "/nowhere".into() }, ..expected };
        assert!(check(&system, &expected).pass);
    }
}
