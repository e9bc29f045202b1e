//! One check: what to look at, and who judges it.

use std::collections::BTreeSet;
use std::io;

use crate::attempt;
use crate::judge::{self, Outcome, file, kernel, process, sockets};
use crate::system::{Said, System, read};
use checks::{Check, Probe, Text};

/// Looks, and judges what was seen.
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
            Err(error) => Outcome::unseen(format!("{mode:04o} {owner}"), error),
        },
        Probe::Contains { path, want } => seen(path, read(path), |text| judge::text(want, text)),
        Probe::Absent { path } => absent(path),
        Probe::Mount { path, options, fstype } => {
            seen(path, read("/proc/self/mountinfo"), |mounts| file::mount(path, options, fstype.as_deref(), mounts))
        }
        Probe::Process(wanted) => match system.processes(&wanted.name) {
            Ok(processes) => process::all(wanted, &processes),
            Err(error) => Outcome::unseen("a look at /proc", error),
        },
        Probe::Command { argv, want, exit } => match system.run(argv) {
            Ok(said) => command(want, *exit, &said),
            Err(error) => Outcome::unseen(argv.join(" "), error),
        },
        Probe::Listening { only } => match listening() {
            Ok(found) => sockets::only(only, &found),
            Err(error) => Outcome::unseen("a look at /proc/net", error),
        },
        Probe::Scan { what, allowed } => match system.scan(what) {
            Ok(found) => file::scan(what, allowed, &found),
            Err(error) => Outcome::unseen(format!("a search for {what}"), error),
        },
        Probe::Refused { attempt, errno } => refused(attempt, errno),
    }
}

fn seen(expected: &str, text: io::Result<String>, judge: impl FnOnce(&str) -> Outcome) -> Outcome {
    match text {
        Ok(text) => judge(&text),
        Err(error) => Outcome::unseen(expected, error),
    }
}

fn absent(path: &str) -> Outcome {
    match std::fs::symlink_metadata(path) {
        Ok(_) => Outcome::new(false, "nothing there", "something is there"),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Outcome::new(true, "nothing there", "nothing"),
        Err(error) => Outcome::unseen("nothing there", error),
    }
}

fn command(want: &[Text], exit: i32, said: &Said) -> Outcome {
    let text = judge::text(want, &said.text);
    if said.status == exit {
        return if want.is_empty() { Outcome::new(true, format!("exit {exit}"), "so") } else { text };
    }
    let line = said.text.lines().next().unwrap_or_default();
    Outcome::new(false, format!("exit {exit}"), format!("exit {}: {line}", said.status))
}

fn listening() -> io::Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    for (table, protocol) in sockets::TABLES {
        match read(format!("/proc/net/{table}")) {
            Ok(text) => found.extend(sockets::open(protocol, &text)),
            // A protocol that the kernel does not have.
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
        Err(error) => Outcome::unseen(expected, error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands() {
        let said = Said { status: 1, text: "denied\n".into() };
        assert_eq!(command(&[], 0, &said), Outcome::new(false, "exit 0", "exit 1: denied"));
        assert!(command(&[Text::Piece("denied".into())], 1, &said).pass);
        assert!(!command(&[Text::Piece("fine".into())], 1, &said).pass);
    }

    #[test]
    fn what_cannot_be_seen_is_not_kept() {
        let system = System::default();
        let probe = Probe::Contains { path: "/nowhere".into(), want: vec![Text::Piece("x".into())] };
        let promise = Check { layer: 1, id: "a".into(), summary: "s".into(), reason: "r".into(), probe };
        assert!(!check(&system, &promise).pass);
        let promise = Check { probe: Probe::Absent { path: "/nowhere".into() }, ..promise };
        assert!(check(&system, &promise).pass);
    }
}
