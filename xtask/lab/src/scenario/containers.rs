//! Containers: their confinement, known ways out of them, and their life.

use super::conversation::{Item, Scenario};
use super::machine::{BIOS, Setup};
use super::steps::{off, up};
use crate::console::facts::{Expected, Fact};

/// The control group of the container that is started at boot.
const GROUP: &str = "/sys/fs/cgroup/containers/web";

pub(super) fn containers(name: &'static str) -> Scenario {
    let process = format!("$(grep -h . {GROUP}/cgroup.procs | tail -n 1)");
    let mut items = up();
    items.push(Item::OverSsh([confined(&process), refused(), ended_and_removed(&process)].concat()));
    items.extend(off());
    let setup = Setup { profile: "test-containers", ..BIOS };
    Scenario { name, summary: "containers are confined, and known ways out of them fail", setup, patience: 1, items }
}

fn is(text: &str) -> Expected {
    Expected::Is(text.to_owned())
}

/// What holds for the container that is started at boot; `process` prints the number of its program.
fn confined(process: &str) -> Vec<Fact> {
    vec![
        // Its service was started at boot; the limits are those of `container`.
        Fact::as_root(
            "a container as a service",
            "rc-service container.web status >/dev/null && container ps | grep -c '^web  *running '",
            is("1"),
        ),
        Fact::as_root(
            "its limits",
            &format!("cd {GROUP} && echo $(cat memory.max pids.max cpu.max)"),
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
    ]
}

/// What neither a container nor who starts one gets.
fn refused() -> Vec<Fact> {
    vec![
        // Once as nobody's container, started at boot, and once as the administrator's, whose number it has.
        Fact::as_root("known ways out", "container logs escapes | grep -c '^refused '", is("31")),
        Fact::as_root(
            "the same for who is logged in",
            "container run --name again /srv/escapes | grep -c '^refused '",
            is("31"),
        ),
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
    ]
}

/// The container of `process` is killed, started and stopped; then all containers and images go.
fn ended_and_removed(process: &str) -> Vec<Fact> {
    vec![
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
    ]
}
