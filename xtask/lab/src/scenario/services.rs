//! Services that misbehave.

use super::conversation::{Item, Scenario};
use super::machine::{BIOS, Setup};
use super::steps::{off, up};
use crate::console::facts::{Expected, Fact};

pub(super) fn bad_services(name: &'static str) -> Scenario {
    let is = |text: &str| Expected::Is(text.to_owned());
    let mut items = up();
    items.push(Item::OverSsh(vec![
        Fact::as_root("sshd", "rc-service sshd status", Expected::Has("started")),
        // Waits until its supervisor has given up, which takes about four seconds.
        Fact::as_root(
            "crashing gave up",
            "n=0; while [ $n -lt 25 ] && ! rc-service crashing status | grep -q -e crashed -e stopped -e failed; do sleep 1; n=$((n+1)); done; \
             rc-service crashing status | grep -q started && echo running || echo ended",
            is("ended"),
        ),
        // One start, then as many as respawn_max allows.
        Fact::new("crashing was respawned", "grep -c . /run/test-services/crashing", Expected::Between(3, 4)),
        Fact::new(
            "what failed",
            "ls /run/openrc/failed | grep -v crashing",
            is("broken\nfailing\nhanging\nloop-a\nloop-b\nneeds-nobody"),
        ),
        Fact::as_root("the cycle is named", "grep -h cycle: /var/log/rc.log", Expected::Has("cycle:loop-a>loop-b>loop-a")),
        Fact::as_root("the seed's script", "rc-service jefe status", Expected::Has("started")),
        // The third of these lines: it began when both others had ended.
        Fact::as_root(
            "needs net, comes after docker",
            "grep -h -e ' jefe start ' -e ' docker started ' -e ' network started ' /var/log/rc.log | cut -d ' ' -f 2-3 | sed -n 3p",
            is("jefe start"),
        ),
        Fact::as_root(
            "limits of its control group",
            "cd /sys/fs/cgroup/openrc.jefe && echo $(cat memory.max pids.max cgroup.procs | head -n 2) $(grep -c . cgroup.procs)",
            is("33554432 8 1"),
        ),
        // The names of profiles under which a program could do more than their services need.
        Fact::as_root(
            "what profiles let through",
            "while read -r s a; do confine --profile /usr/lib/confine/$s.toml --service misbehave -- /usr/lib/confine/misbehave $a >/dev/null 2>&1 || echo $s; done </usr/lib/confine/allowed",
            is(""),
        ),
        // One without a profile of its own.
        Fact::as_root("a service from elsewhere", "grep '^no new privileges' /run/confine/jefe", is("no new privileges: yes")),
        Fact::as_root("after the bad ones", "rc-service last status", Expected::Has("started")),
        // Each attempt works for root without a profile, is refused under it, and leaves a record.
        Fact::as_root(
            "what AppArmor's profiles refuse",
            "/usr/lib/apparmor/try </usr/lib/apparmor/refusals | grep -v '^ok ' | tail -n 5 | sed 's/^\\([1-9][0-9]*\\) of \\1 /all /'",
            is("all attempts refused and recorded"),
        ),
    ]));
    items.extend(off());
    let setup = Setup { profile: "test-services", ..BIOS };
    let summary = "services that crash, hang, fail, are broken or need each other do not stop the boot";
    Scenario { name, summary, setup, patience: 1, items }
}
