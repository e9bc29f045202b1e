//! Running processes, as `/proc/PID` shows them.

use super::{Outcome, words};
use checks::Wanted;

/// One process.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Process {
    /// `/proc/PID/status`.
    pub status: String,
    /// `/proc/PID/attr/apparmor/current`, empty when unreadable.
    pub label: String,
    /// Name of the effective user.
    pub user: String,
}

/// A field of `/proc/PID/status`.
pub fn field<'a>(status: &'a str, name: &str) -> Option<&'a str> {
    status.lines().find_map(|line| Some(line.strip_prefix(name)?.strip_prefix(':')?.trim()))
}

/// Checks every process of a name; there must be at least one, unless that is optional.
pub fn all(wanted: &Wanted, processes: &[Process]) -> Outcome {
    let expected = expected(wanted);
    if processes.is_empty() {
        return Outcome::new(wanted.optional, expected, format!("no process `{}`", wanted.name));
    }
    let faults: Vec<String> = processes.iter().filter_map(|process| fault(wanted, process)).collect();
    match faults.first() {
        None => Outcome::new(true, expected, format!("{} process(es)", processes.len())),
        Some(fault) => Outcome::new(false, expected, fault.clone()),
    }
}

fn expected(wanted: &Wanted) -> String {
    let mut list = Vec::new();
    list.extend(wanted.user.iter().map(|user| format!("user {user}")));
    list.extend(wanted.apparmor.iter().map(|profile| format!("profile {profile} enforced")));
    list.extend(wanted.no_new_privs.iter().map(|set| format!("no_new_privs {}", u8::from(*set))));
    list.extend(wanted.seccomp.iter().map(|mode| format!("seccomp {mode}")));
    list.extend(wanted.capabilities.iter().map(|list| format!("capabilities within {}", words(list))));
    if list.is_empty() { "running".to_owned() } else { list.join(", ") }
}

fn fault(wanted: &Wanted, process: &Process) -> Option<String> {
    let pid = field(&process.status, "Pid").unwrap_or("?");
    let value = |name: &str| field(&process.status, name).unwrap_or("nothing").to_owned();
    let mut faults = Vec::new();
    if wanted.user.as_ref().is_some_and(|user| *user != process.user) {
        faults.push(format!("user {}", process.user));
    }
    if let Some(profile) = &wanted.apparmor {
        if process.label.trim_end_matches(['\0', '\n']) != format!("{profile} (enforce)") {
            faults.push(format!("label `{}`", process.label.trim()));
        }
    }
    if wanted.no_new_privs.is_some_and(|set| value("NoNewPrivs") != u8::from(set).to_string()) {
        faults.push(format!("no_new_privs {}", value("NoNewPrivs")));
    }
    if wanted.seccomp.is_some_and(|mode| value("Seccomp") != mode.to_string()) {
        faults.push(format!("seccomp {}", value("Seccomp")));
    }
    if let Some(allowed) = &wanted.capabilities {
        match capabilities(&value("CapEff")) {
            Some(held) => {
                let more: Vec<String> = held.into_iter().filter(|name| !allowed.contains(name)).collect();
                if !more.is_empty() {
                    faults.push(format!("also {}", words(&more)));
                }
            }
            None => faults.push("capabilities unreadable".to_owned()),
        }
    }
    (!faults.is_empty()).then(|| format!("process {pid}: {}", faults.join(", ")))
}

/// The names of a hexadecimal capability mask; a bit without a name appears as its number.
fn capabilities(mask: &str) -> Option<Vec<String>> {
    let mask = u64::from_str_radix(mask, 16).ok()?;
    let name = |bit: usize| base::capability::NAMES.get(bit).map_or_else(|| bit.to_string(), |name| (*name).to_owned());
    Some((0..64).filter(|bit| mask >> bit & 1 == 1).map(name).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process() -> Process {
        let status = "Name:\tchronyd\nPid:\t77\nNoNewPrivs:\t1\nSeccomp:\t2\nCapEff:\t0000000002000400\n";
        Process { status: status.into(), label: "chronyd (enforce)\n".into(), user: "chrony".into() }
    }

    fn wanted() -> Wanted {
        Wanted {
            name: "chronyd".into(),
            user: Some("chrony".into()),
            apparmor: Some("chronyd".into()),
            no_new_privs: Some(true),
            seccomp: Some(2),
            capabilities: Some(vec!["net_bind_service".into(), "sys_time".into()]),
            optional: false,
        }
    }

    #[test]
    fn a_confined_process_passes() {
        assert!(all(&wanted(), &[process()]).pass);
    }

    #[test]
    fn every_missing_piece_is_told() {
        let loose = Process {
            status: "Pid:\t78\nNoNewPrivs:\t0\nSeccomp:\t0\nCapEff:\t0000000002200400\n".into(),
            label: "unconfined\n".into(),
            user: "root".into(),
        };
        let told = all(&wanted(), &[process(), loose]);
        assert!(!told.pass);
        assert_eq!(told.found, "process 78: user root, label `unconfined`, no_new_privs 0, seccomp 0, also sys_admin");
        assert_eq!(all(&wanted(), &[]), Outcome::new(false, told.expected, "no process `chronyd`"));
        assert!(all(&Wanted { optional: true, ..wanted() }, &[]).pass);
        let complain = Process { label: "chronyd (complain)\n".into(), ..process() };
        assert!(!all(&wanted(), &[complain]).pass);
    }

    #[test]
    fn masks() {
        assert_eq!(capabilities("0").unwrap(), Vec::<String>::new());
        assert_eq!(capabilities("20000000001").unwrap(), ["chown", "41"]);
        assert_eq!(capabilities("x"), None);
    }
}
