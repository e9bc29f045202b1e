//! Services that misbehave, and containers that try to get out.

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
            "/usr/lib/apparmor/try </usr/lib/apparmor/refusals | grep -v '^ok ' | tail -n 5",
            Expected::Has("115 of 115 attempts refused and recorded"),
        ),
    ]));
    items.extend(off());
    let setup = Setup { profile: "test-services", ..BIOS };
    let summary = "services that crash, hang, fail, are broken or need each other do not stop the boot";
    Scenario { name, summary, setup, patience: 1, items }
}

pub(super) fn containers(name: &'static str) -> Scenario {
    let is = |text: &str| Expected::Is(text.to_owned());
    let group = "/sys/fs/cgroup/containers/web";
    let process = format!("$(grep -h . {group}/cgroup.procs | tail -n 1)");
    let mut items = up();
    items.push(Item::OverSsh(vec![
        // Its service was started at boot; the limits are those of `container`.
        Fact::as_root(
            "a container as a service",
            "rc-service container.web status >/dev/null && container ps | grep -c '^web  *running '",
            is("1"),
        ),
        Fact::as_root(
            "its limits",
            &format!("cd {group} && echo $(cat memory.max pids.max cpu.max)"),
            is("268435456 128 100000 100000"),
        ),
        Fact::as_root(
            "its rights",
            &format!("echo $(grep -hE '^(Uid|CapEff|CapBnd|NoNewPrivs|Seccomp):' /proc/{process}/status | cut -f 2)"),
            is("65532 0000000000000000 0000000000000000 1 2"),
        ),
        Fact::as_root(
            "its profile",
            &format!("cat /proc/{process}/attr/apparmor/current"),
            is("container-default (enforce)"),
        ),
        // Not without one, which it could exchange for a person's.
        Fact::as_root("its root", &format!("grep -c ' / ro,' /proc/{process}/mountinfo"), is("1")),
        Fact::as_root(
            "its network is its own",
            &format!("test $(readlink /proc/{process}/ns/net) != $(readlink /proc/self/ns/net) && echo own"),
            is("own"),
        ),
        Fact::as_root("audit does not take it for a person", &format!("cat /proc/{process}/loginuid"), is("999")),
        Fact::as_root(
            "its files are not counted against others",
            "test $(sed -n 's/^shmem //p' /sys/fs/cgroup/containers.images/memory.stat) -gt 100000 && echo apart",
            is("apart"),
        ),
        // Once as nobody's container, started at boot, and once as the administrator's, whose number it has.
        Fact::as_root("known ways out", "container logs escapes | grep -c '^refused '", is("31")),
        Fact::as_root("the same for who is logged in", "container run --name again /srv/escapes | grep -c '^refused '", is("31")),
        Fact::as_root(
            "none of them worked",
            "container ps | grep -e '^escapes ' -e '^again ' | tr -s ' ' | cut -d ' ' -f 2-3",
            is("exited 0\nexited 0"),
        ),
        Fact::as_root(
            "a user that the kernel would take for root",
            "container run --name disguised /srv/disguised 2>&1 || echo refused",
            Expected::Has("neither a name nor a decimal number from 1 to 2147483647"),
        ),
        Fact::as_root(
            "a user's name is the image's",
            "container run -d --name named /srv/named >/dev/null && \
             echo $(grep -hE '^([UG]id|Groups):' /proc/$(tail -n 1 /sys/fs/cgroup/containers/named/cgroup.procs)/status | cut -f 2); \
             container stop named && container rm named",
            is("70 71 72"),
        ),
        Fact::as_root(
            "another image than asked for",
            "container run --name other --digest sha256:$(printf %064d 0) /srv/hello 2>&1 || echo refused",
            Expected::Has("not the requested sha256:0000"),
        ),
        Fact::as_root(
            "root is refused",
            "container run --name root --user 0 /srv/hello 2>&1 || echo refused",
            Expected::Has("refused"),
        ),
        Fact::as_root(
            "a killed container is seen as such",
            &format!("kill -9 {process}; sleep 2; container ps | grep '^web ' | tr -s ' ' | cut -d ' ' -f 2-3"),
            is("exited 137"),
        ),
        Fact::as_root(
            "and starts again",
            "rc-service container.web restart >/dev/null 2>&1; container ps | grep -c '^web  *running '",
            is("1"),
        ),
        Fact::as_root("its number again", &format!("cat /proc/{process}/loginuid"), is("999")),
        Fact::as_root(
            "stopped",
            "rc-service container.web stop >/dev/null; container logs web | tail -n 1",
            is("ended"),
        ),
        Fact::as_root(
            "an image that is used stays",
            "for image in $(container images); do container rmi $image 2>/dev/null; done; container images | grep -c .",
            is("2"),
        ),
        Fact::as_root(
            "forgotten",
            "for name in web escapes again; do container rm $name; done; container ps | grep -c .",
            is("1"),
        ),
        Fact::as_root(
            "and their images",
            "for image in $(container images); do container rmi $image; done; container images | wc -l",
            is("0"),
        ),
    ]));
    items.extend(off());
    let setup = Setup { profile: "test-containers", ..BIOS };
    Scenario { name, summary: "containers are confined, and known ways out of them fail", setup, patience: 1, items }
}
