//! An unprivileged user attacks in six ways, and goes on while an administrator logs in and works.
//!
//! The user may exhaust only the user's own share. The same questions follow each attack: can an administrator log in, do the services
//! answer, can the configuration change, does the log have the administrator's line, is there room for others.

use std::time::Duration;

use super::accounts::{ADMIN, GUEST};
use super::conversation::{Item, MOMENT, Scenario};
use super::machine::{BIOS, Setup};
use super::steps::{guest, joins, off, up};
use crate::console::facts::{Expected, Fact};
use crate::console::task::Task;

/// How long an administrator's login may take, with a command as root, in milliseconds.
const LOGIN: i64 = 5_000;

/// Commands of the administrator, over a connection of their own, while the attack goes on.
const WORK: &str = "become id -u";

/// A way to use up what others need: its name, what the user runs, and what comes of it where that is certain.
struct Attack {
    name: &'static str,
    command: &'static str,
    outcome: Expected,
    /// Name of the login that follows.
    login: &'static str,
}

const ATTACKS: [Attack; 6] = [
    Attack {
        name: "he fills his home, with data and with names",
        command: "dd if=/dev/zero of=fill bs=64k; i=0; while :; do i=$((i+1)); >file$i || break; done; echo there is no room",
        outcome: Expected::Has("the session ended"),
        login: "ms to log in: full home",
    },
    Attack {
        name: "he fills the places for temporary files",
        command: "dd if=/dev/zero of=/tmp/fill bs=64k; dd if=/dev/zero of=/dev/shm/fill bs=64k; echo there is no room",
        outcome: Expected::Has("the session ended"),
        login: "ms to log in: full /tmp",
    },
    Attack {
        name: "he makes processes without end",
        command: "nohup sh -c 'f() { f | f & }; f; while :; do sleep 600 & done' >/dev/null 2>&1 & sleep 5; echo so",
        outcome: Expected::Has(""),
        login: "ms to log in: fork bomb",
    },
    Attack {
        name: "he takes memory without end",
        command: "for i in 1 2 3 4 5 6 7 8; do awk 'BEGIN { s = \"x\"; for (;;) s = s s }' & done; wait; \
                  nohup sh -c 'while :; do dd if=/dev/zero of=/dev/null bs=512M count=1; done' >/dev/null 2>&1 & sleep 2; echo so",
        outcome: Expected::Has(""),
        login: "ms to log in: memory hogs",
    },
    Attack {
        name: "he keeps the processors busy",
        command: "i=0; while [ $i -lt 100 ]; do i=$((i+1)); nohup sh -c 'while :; do :; done' >/dev/null 2>&1 & done; echo so",
        outcome: Expected::Has("so"),
        login: "ms to log in: busy processors",
    },
    Attack {
        name: "he floods log, pipes and open files",
        command: "for i in 1 2 3 4; do nohup sh -c 'while :; do logger -p auth.notice -t become flood; done' >/dev/null 2>&1 & done; \
                  for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do nohup sh -c 'cat /dev/zero | sleep 600' >/dev/null 2>&1 & done; \
                  n=; i=0; while [ $i -lt 400 ]; do i=$((i+1)); n=\"$n /etc/passwd\"; done; \
                  i=0; while [ $i -lt 100 ]; do i=$((i+1)); nohup tail -f $n >/dev/null 2>&1 & done; echo so",
        outcome: Expected::Has("so"),
        login: "ms to log in: floods",
    },
];

pub(super) fn exhaustion(name: &'static str) -> Scenario {
    let mut items = up();
    items.push(Item::OverSsh(vec![guest(), joins()]));
    items.push(login("ms to log in: quiet machine"));
    items.push(Item::OverSsh(groups()));
    for Attack { name, command, outcome, login: after } in ATTACKS {
        let task = Task::Attack { user: GUEST.to_owned(), command: command.to_owned() };
        items.push(Item::Check { name, task, expected: outcome, within: Some(MOMENT * 2) });
        items.push(login(after));
        items.push(Item::OverSsh(answers()));
        items.push(Item::OverSsh(vec![ended()]));
    }
    // Beside his sixteen there are others' connections, the administrator's among them.
    items.push(Item::Check {
        name: "he keeps connections open",
        task: Task::Crowd { user: GUEST.to_owned(), connections: 20 },
        // The client counts who has shown the right key; the machine, below, who then became the user.
        expected: Expected::Between(16, 20),
        within: Some(Duration::MAX),
    });
    items.push(Item::OverSsh(vec![Fact::as_root(
        "connections that he has",
        "for p in $(cat /sys/fs/cgroup/users/*/cgroup.procs); do \
         grep -qx Name:.sshd-session /proc/$p/status && grep -cx Uid:.0.0.0.0 /proc/$p/status; done | grep -cx 1",
        Expected::Is("16".to_owned()),
    )]));
    items.push(login("ms to log in: many connections"));
    items.push(Item::OverSsh(answers()));
    items.extend(off());
    Scenario {
        name,
        summary: "an unprivileged user attacks in six ways; an administrator still gets in, and services answer",
        // More connections a minute than usual: otherwise the packet filter slows the user down, and this test.
        setup: Setup { profile: "test-options", ..BIOS },
        patience: 6,
        items,
    }
}

fn login(name: &'static str) -> Item {
    let task = Task::Timed { user: ADMIN.to_owned(), command: WORK.to_owned() };
    Item::Check { name, task, expected: Expected::Between(0, LOGIN), within: Some(MOMENT * 2) }
}

/// Control groups: the listener alone in its group, each user in a group of their own, over SSH with and without a shell.
fn groups() -> Vec<Fact> {
    let is = |text: &str| Expected::Is(text.to_owned());
    vec![
        Fact::new("the administrator's group", "sed 's/[0-9]*$/N/' /proc/self/cgroup", is("0::/wheel/N")),
        Fact::as_root(
            "the service's group has the listener only",
            "test $(cat /sys/fs/cgroup/openrc.sshd/cgroup.procs) = $(cat /run/sshd.pid) && echo alone",
            is("alone"),
        ),
        // Root's half of a connection is on the user's account as well: uids of sshd-session.
        Fact::as_root(
            "a whole connection is in the user's",
            "for p in $(cat /sys/fs/cgroup/wheel/*/cgroup.procs); do [ $(cat /proc/$p/comm) != sshd-session ] || \
             sed -n 's/^Uid:.\\([0-9]*\\).*/\\1/p' /proc/$p/status; done | sort -un | head -n 1",
            is("0"),
        ),
        Fact::as_root(
            "kept for services",
            "for s in sshd syslog become chronyd; do cat /sys/fs/cgroup/openrc.$s/memory.min; done | grep -vcx 0",
            is("4"),
        ),
    ]
}

/// What must go on, asked by the connection that was there before.
fn answers() -> Vec<Fact> {
    let is = |text: &str| Expected::Is(text.to_owned());
    vec![
        Fact::as_root(
            "services that do not run",
            "for s in auditd become chronyd klogd nftables sshd syslog; do rc-service $s status >/dev/null 2>&1 || echo $s; done",
            is(""),
        ),
        Fact::as_root("chronyd answers", "chronyc -n tracking >/dev/null && echo yes", is("yes")),
        Fact::as_root(
            "configuration can be written",
            "dd if=/dev/zero of=/etc/probe bs=64k count=16 2>/dev/null && rm /etc/probe && echo yes",
            is("yes"),
        ),
        Fact::new(
            "there is room for others",
            "dd if=/dev/zero of=probe bs=64k count=64 2>/dev/null && dd if=probe of=/tmp/probe bs=64k 2>/dev/null && \
             rm probe /tmp/probe && echo yes",
            is("yes"),
        ),
        Fact::as_root(
            "the log has what is said now",
            "w=probe-$(cut -d ' ' -f 1 /proc/uptime); logger -t probe $w; n=0; \
             until grep -q $w /var/log/messages* || [ $n = 10 ]; do n=$((n+1)); sleep 1; done; grep -q $w /var/log/messages* && echo yes",
            is("yes"),
        ),
    ]
}

/// Ends the user's processes, removes the user's files, and prints the processes that are left in the user's group.
fn ended() -> Fact {
    Fact::as_root(
        "an administrator ends it",
        &format!(
            "g=/sys/fs/cgroup/users/$(id -u {GUEST}); echo 1 >$g/cgroup.kill; \
             find /home/{GUEST} /tmp /dev/shm -type f -user {GUEST} ! -path '*/.ssh/*' -delete; \
             n=0; while [ $(cat $g/pids.current) != 0 ] && [ $n -lt 10 ]; do n=$((n+1)); sleep 1; done; cat $g/pids.current"
        ),
        Expected::Is("0".to_owned()),
    )
}
