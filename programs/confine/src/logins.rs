//! Control groups of logins: a process is in the group of a user before it becomes that user.
//!
//! A service that logs users in (`logins` in its profile) runs behind a filter that holds the call which changes the
//! user, and notifies a process beside the service. That process moves the login, with its connection, into the user's
//! group, and only then lets the call continue. So no session, with a shell or without, can stay in the service's own
//! group.
//!
//! Here: decisions, without effects. [`start`] makes the other process, [`watch`] is that process.

pub mod start;
pub mod watch;

use crate::plan::{Logins, Users};

/// The group of all users who are not `apart`; members of the profile's `apart` are in a group of that name.
const USERS: &str = "users";

/// Sent by the process that moves logins as soon as it listens; an error message never begins like this.
const READY: [u8; 1] = [1];

/// A process, as the kernel shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// PID.
    pub pid: u32,
    /// PID of its parent.
    pub parent: u32,
    /// Its control group, without the first `/`.
    pub group: String,
    /// Whether it can still change its user: one of its UIDs is root's.
    pub is_root: bool,
}

impl Process {
    /// From `/proc/PID/{stat,status,cgroup}`.
    pub fn from_texts(pid: u32, stat: &str, status: &str, cgroup: &str) -> Option<Process> {
        // The name in parentheses can be anything that the process wants.
        let parent = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()?;
        let mut uids = status.lines().find_map(|line| line.strip_prefix("Uid:"))?.split_whitespace();
        let group = cgroup.lines().find_map(|line| line.strip_prefix("0::/"))?.to_owned();
        Some(Process { pid, parent, group, is_root: uids.any(|uid| uid == "0") })
    }
}

/// The processes to move when `process` becomes a user: itself, and its parent, which serves the connection as root.
/// The parent does not move if it is the service itself, the first of the group; `grandparent` shows that, because the
/// service's own parent is outside.
pub fn who_moves(process: &Process, parent: Option<&Process>, grandparent: Option<&Process>) -> Vec<u32> {
    let inside = |other: Option<&Process>| other.is_some_and(|other| other.group == process.group);
    let served = parent.filter(|_| inside(parent) && inside(grandparent)).map(|parent| parent.pid);
    // The parent first: a reader that sees the child in the group then sees the whole login.
    served.into_iter().chain([process.pid]).collect()
}

/// Whether a user is `apart`, by the texts of `/etc/passwd` and `/etc/group`.
pub fn is_apart(uid: u32, users: &Users, passwd: &str, group: &str) -> bool {
    let fields = |line: &'_ str| line.split(':').map(str::to_owned).collect::<Vec<_>>();
    let Some(account) = passwd.lines().map(fields).find(|account| account.len() == 7 && account[2] == uid.to_string())
    else {
        return false;
    };
    let named = |entry: &Vec<String>| entry.len() == 4 && entry[0] == users.apart;
    group.lines().map(fields).filter(named).any(|entry| {
        entry[2] == account[3] || entry[3].split(',').any(|member| !member.is_empty() && member == account[0])
    })
}

/// The parent of a user's group.
fn base(users: &Users, apart: bool) -> &str {
    if apart { &users.apart } else { USERS }
}

/// The control group of a user.
fn group_of(uid: u32, users: &Users, apart: bool) -> String {
    format!("{}/{uid}", base(users, apart))
}

/// The limits of a group of users' groups: file and value.
fn of_all(users: &Users, apart: bool) -> Vec<(&'static str, String)> {
    let controllers = ("cgroup.subtree_control", "+cpu +memory +pids".to_owned());
    let limits = [
        ("memory.max", users.all_memory.to_string()),
        ("pids.max", users.all_processes.to_string()),
        ("cpu.weight", users.weight.to_string()),
    ];
    [controllers].into_iter().chain(limits.into_iter().filter(|_| !apart)).collect()
}

/// The limits of a user's group.
fn of_each(users: &Users) -> [(&'static str, String); 2] {
    [("memory.max", users.memory.to_string()), ("pids.max", users.processes.to_string())]
}

/// The arguments for the other process.
fn words(logins: Logins, users: &Users) -> Vec<String> {
    let word = Logins::ALL.iter().find(|(found, ..)| *found == logins).map_or("many", |(_, word, _)| word);
    let Users { apart, logins, memory, processes, all_memory, all_processes, weight } = users;
    let numbers = [u64::from(*logins), *memory, u64::from(*processes), *all_memory, u64::from(*all_processes)];
    let mut words = vec![word.to_owned(), apart.clone()];
    words.extend(numbers.into_iter().chain([u64::from(*weight)]).map(|number| number.to_string()));
    words
}

/// Parses them.
pub fn from_words(words: &[String]) -> Option<(Logins, Users)> {
    let [word, apart, logins, memory, processes, all_memory, all_processes, weight] = words else { return None };
    let users = Users {
        apart: apart.clone(),
        logins: logins.parse().ok()?,
        memory: memory.parse().ok()?,
        processes: processes.parse().ok()?,
        all_memory: all_memory.parse().ok()?,
        all_processes: all_processes.parse().ok()?,
        weight: weight.parse().ok()?,
    };
    Some((Logins::from_word(word)?, users))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn users() -> Users {
        let (memory, all_memory) = (1 << 28, 1 << 29);
        Users { apart: "wheel".into(), logins: 16, memory, processes: 256, all_memory, all_processes: 1024, weight: 20 }
    }

    fn process(pid: u32, parent: u32, group: &str) -> Process {
        Process { pid, parent, group: group.into(), is_root: true }
    }

    #[test]
    fn a_process_is_read_whatever_its_name() {
        let read = |stat: &str, status: &str| Process::from_texts(7, stat, status, "1:x:/y\n0::/openrc.sshd\n");
        let found = read("7 (a) S 99 (b)) S 5 7 7", "Name:\ta\nUid:\t0\t0\t0\t0\n").unwrap();
        assert_eq!(found, process(7, 5, "openrc.sshd"));
        // A process with only some of a user's UIDs could take the rest without asking, so it is moved like one without
        // any.
        assert!(read("7 (sh) S 5 7", "Uid:\t0\t1000\t0\t1000\n").unwrap().is_root);
        assert!(!read("7 (sh) S 5 7", "Uid:\t1000\t1000\t1000\t1000\n").unwrap().is_root);
        for (stat, status) in [("", "Uid:\t0\n"), ("7 (sh) S", "Uid:\t0\n"), ("7 (sh) S 5", "Gid:\t0\n")] {
            assert_eq!(read(stat, status), None);
        }
    }

    #[test]
    fn a_connection_moves_whole_and_the_service_never() {
        let group = "openrc.sshd";
        let (init, listener) = (process(1, 0, ""), process(50, 1, group));
        let (served, session) = (process(60, 50, group), process(61, 60, group));
        assert_eq!(who_moves(&session, Some(&served), Some(&listener)), [60, 61]);
        // The listener itself, if it starts a user's process; a login on a console, whose parent is init.
        assert_eq!(who_moves(&served, Some(&listener), Some(&init)), [60]);
        assert_eq!(who_moves(&process(70, 1, "openrc.consoles"), Some(&init), None), [70]);
        assert_eq!(who_moves(&session, None, None), [61]);
    }

    #[test]
    fn administrators_are_apart() {
        let passwd = "root:x:0:0::/root:/bin/sh\nada:x:1000:1000::/home/ada:/bin/sh\nbob:x:1001:1001::/:/bin/sh\n\
                      eve:x:1002:10::/:/bin/sh\nbroken:x:1003\n";
        let group = "wheel:x:10:root,ada\nssh:x:21:ada,bob\nwheelers:x:30:bob\n";
        let apart: Vec<bool> = (1000..1005).map(|uid| is_apart(uid, &users(), passwd, group)).collect();
        assert_eq!(apart, [true, false, true, false, false]);
        assert_eq!(group_of(1000, &users(), true), "wheel/1000");
        assert_eq!(group_of(1001, &users(), false), "users/1001");
        // The limits of all other users do not bind those who are apart.
        assert_eq!(of_all(&users(), true).len(), 1);
        assert_eq!(of_all(&users(), false)[1], ("memory.max", (1_u64 << 29).to_string()));
    }

    #[test]
    fn words_come_back() {
        for logins in [Logins::One, Logins::Many] {
            assert_eq!(from_words(&words(logins, &users())), Some((logins, users())));
        }
        assert_eq!(from_words(&["one".to_owned()]), None);
    }
}
