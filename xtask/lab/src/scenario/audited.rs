//! Attacks that the machine must refuse and record: the kernel itself those of root and of the user `nobody` (service `attacks` of the
//! package test-services), the filter those of an SSH session. Then a full disk for the records.

mod log;
mod numbers;
mod records;

use super::accounts::ADMIN;
use super::conversation::Item;
use crate::console::facts::{Expected, Fact};
use records::search;

/// Where the service `attacks` leaves the output of `misbehave`: the answers for root and for the user `nobody`.
const ANSWERS: &str = "/run/test-services/attacks";
/// Where a session leaves the same.
const SESSION: &str = "/tmp/attacks";

/// An attack without any profile around it: name of the fact, who, attempt of `misbehave`, system call, key of the rule that records.
const BY_KERNEL: [(&str, &str, &str, &str, &str); 15] = [
    ("root loads a module", "root", "load-module", "init_module", "modules"),
    ("root starts a kernel", "root", "kexec", "kexec_load", "kexec"),
    ("root loads BPF", "root", "bpf", "bpf", "kernel-surface"),
    ("root makes an io_uring", "root", "io-uring", "io_uring_setup", "kernel-surface"),
    ("root handles page faults", "root", "user-fault", "userfaultfd", "kernel-surface"),
    ("root wants ports", "root", "ports", "iopl", "kernel-surface"),
    ("root traces init", "root", "attach", "ptrace", "injection"),
    ("root makes a user world", "root", "user-namespace", "unshare", "namespaces"),
    ("root writes to /usr", "root", "write-usr", "open", "read-only"),
    ("nobody traces init", "nobody", "attach", "ptrace", "injection"),
    ("nobody makes a user world", "nobody", "user-namespace", "unshare", "namespaces"),
    ("nobody mounts", "nobody", "mount", "mount", "mount"),
    ("nobody becomes root", "nobody", "become-user", "setresuid", "setuid"),
    ("nobody makes a device", "nobody", "make-device", "mknod", "device-node"),
    ("nobody writes to a disk", "nobody", "write-disk", "open", "raw-disk"),
];

/// An attack from a session, answered by the filter around it: name of the fact, attempt, system call.
const BY_FILTER: [(&str, &str, &str); 7] = [
    ("a session loads a module", "load-module", "init_module"),
    ("a session loads BPF", "bpf", "bpf"),
    ("a session traces init", "attach", "ptrace"),
    ("a session unshares", "user-namespace", "unshare"),
    ("a session mounts", "mount", "mount"),
    ("a session sets the bit", "set-id-bit", "chmod"),
    ("a session sets the clock", "set-clock", "settimeofday"),
];

pub(super) fn facts() -> Vec<Item> {
    vec![
        Item::OverSsh(by_kernel()),
        Item::OverSsh(by_filter()),
        Item::OverSsh(persons()),
        Item::OverSsh(numbers::shed()),
        Item::OverSsh(numbers::told()),
        Item::OverSsh(log::written()),
        Item::OverSsh(log::flooded()),
        Item::OverSsh(log::places()),
        Item::OverSsh(full()),
    ]
}

fn refused(answers: &str, attempt: &str) -> String {
    format!("grep -q '^{attempt} *refused' {answers}")
}

fn both() -> Expected {
    Expected::Is("refused, recorded".to_owned())
}

fn by_kernel() -> Vec<Fact> {
    let fact = |(name, who, attempt, call, key): (&'static str, &str, &str, &str, &str)| {
        let refused = refused(&format!("{ANSWERS}.{who}"), attempt);
        let uid = if who == "root" { 0 } else { 65534 };
        let search = search(&format!("-k {key} -sc {call} -ui {uid} -sv no -c misbehave"));
        Fact::as_root(
            name,
            &format!("{refused} && {search} | grep -q '^type=SYSCALL' && echo refused, recorded"),
            both(),
        )
    };
    BY_KERNEL.into_iter().map(fact).collect()
}

fn by_filter() -> Vec<Fact> {
    let attack = format!("/usr/lib/confine/misbehave >{SESSION}; grep -c refused {SESSION}");
    let mut facts = vec![Fact::new("attacks from a session", &attack, Expected::Between(30, 60))];
    facts.extend(BY_FILTER.map(|(name, attempt, call)| {
        let refused = refused(SESSION, attempt);
        let search = search(&format!("-m SECCOMP -sc {call} -ua {ADMIN} -c misbehave"));
        Fact::as_root(
            name,
            &format!("{refused} && {search} | grep -q '^type=SECCOMP' && echo refused, recorded"),
            both(),
        )
    }));
    facts
}

/// The number of a login, through SSH and `become`.
fn persons() -> Vec<Fact> {
    let number = format!("id -u {ADMIN}");
    let is = |text: &str| Expected::Is(text.to_owned());
    vec![
        Fact::new(
            "number of the login",
            &format!("test $(cat /proc/self/loginuid) = $({number}) && echo own"),
            is("own"),
        ),
        Fact::as_root(
            "kept by become",
            &format!("test $(cat /proc/self/loginuid) = $({number}) && echo own"),
            is("own"),
        ),
        Fact::as_root("nobody changes it", "echo 0 2>&1 >/proc/self/loginuid | grep -c permitted", is("1")),
        Fact::as_root("a service has none", "cat /proc/$(cat /run/sshd.pid)/loginuid", is("4294967295")),
        Fact::as_root(
            "a login is recorded",
            &format!("{} | grep -c 'op=login.*res=success' | grep -qv '^0$' && echo so", search("-m USER_LOGIN")),
            is("so"),
        ),
        Fact::as_root(
            "a command as root",
            &format!(
                "{} | grep -q '^type=SYSCALL' && echo so",
                search(&format!("-k root-exec -ua {ADMIN} -x /usr/bin/busybox"))
            ),
            is("so"),
        ),
        Fact::as_root(
            "a changed account file",
            &format!(
                "cat /dev/null >>/etc/passwd; {} | grep -q '^type=SYSCALL' && echo so",
                search(&format!("-k identity -ua {ADMIN}"))
            ),
            is("so"),
        ),
        // What the kernel recorded before auditd was there: AppArmor's profiles being loaded.
        Fact::as_root(
            "the log begins before auditd",
            "grep -m 1 -c 'apparmor=.STATUS. operation=.profile_load' /var/log/audit/audit.log",
            is("1"),
        ),
        Fact::as_root("nothing was lost", "auditctl -s | grep -x 'lost 0'", is("lost 0")),
        Fact::as_root(
            "the rules' own records",
            "grep -c 'op=add_rule key=\"32bit-abi\"' /var/log/audit/audit.log",
            is("1"),
        ),
        Fact::as_root(
            "rules cannot be changed",
            "auditctl -D >/dev/null 2>&1; auditctl -e 0 >/dev/null 2>&1; auditctl -s | head -n 1; \
             test $(auditctl -l | grep -c key=) = $(grep -c '^-a' /etc/audit/audit.rules) && echo all",
            is("enabled 2\nall"),
        ),
        Fact::as_root(
            "a changed file is told",
            "echo x >/etc/motd.new; integrity check; echo $?",
            is("added /etc/motd.new\n1"),
        ),
        Fact::as_root(
            "and accepted",
            "integrity update >/dev/null && integrity check; rm /etc/motd.new",
            is("nothing changed"),
        ),
    ]
}

/// Only root can fill the log's own file system. Then the machine goes on, reports it, and records again when there is room.
fn full() -> Vec<Fact> {
    let is = |text: &str| Expected::Is(text.to_owned());
    let place = "/var/log/audit/filler";
    let recorded = |file: &str| {
        format!("touch /etc/{file}; sleep 1; grep -q 'name=\"/etc/{file}\"' /var/log/audit/audit.log && echo so")
    };
    vec![
        Fact::as_root(
            "the log's place is full",
            &format!("cat /dev/zero >{place} 2>/dev/null; df /var/log/audit | grep -c ' 100% '"),
            is("1"),
        ),
        Fact::as_root("the machine goes on", "rc-service auditd status >/dev/null && echo up", is("up")),
        Fact::as_root(
            "and says so",
            "n=0; while [ $n -lt 40 ]; do touch /etc/full$n; n=$((n+1)); done; sleep 1; rm /etc/full*; \
             grep -q 'udit daemon.*\\(disk space\\|no space\\)' /var/log/messages && echo told",
            is("told"),
        ),
        Fact::as_root("with room it records again", &format!("rm {place}; {}", recorded("room")), is("so")),
    ]
}
