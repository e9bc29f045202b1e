//! The scenarios, in the order in which they run. To add one: a name in [`NAMES`], an arm in [`named`], a line in README.

use std::time::Duration;

use super::audited;
use super::{ADMIN, Cable, Clock, HOST, Item, MOMENT, PASSWORD, Scenario, Setup};
use crate::console::Step;
use crate::console::facts::{self, BECOME, Expected, Fact};
use crate::console::task::{Login, Task};
use crate::diag::suggest;
use crate::hardening::Layer;
use crate::qemu::{Firmware, Medium};
use crate::stranger::Try;
use crate::surface;

/// Every scenario's name.
pub const NAMES: [&str; 19] = [
    "uefi-cd",
    "uefi-disk",
    "bios-cd",
    "bios-disk",
    "ssh",
    "layers",
    "outside",
    "reboot",
    "unconfigured",
    "no-dhcp",
    "bad-services",
    "audited",
    "containers",
    "without-1-kernel",
    "without-2-access",
    "without-3-network",
    "without-4-ssh",
    "without-5-audit",
    "without-6-isolation",
];

/// How long nobody may answer on port 22 of a machine that asks its first question.
pub const SETTLED: Duration = Duration::from_secs(8);

/// What a console of a machine without a configuration shows, and the dialogue's first question.
const INVITATION: &str = "Press Enter to configure this machine";
const FIRST_QUESTION: &str = "Host name [ashlar]:";

/// A time that a 32-bit clock cannot show, so that it cannot come from the host or from a build.
const LATER: Clock = Clock { text: "2039-02-03T04:05:06", seconds: 2_180_318_706 };

/// Why a text is not a scenario.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "there is no boot scenario `{text}`{} (scenarios: {})",
    .suggestion.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default(),
    NAMES.join(", ")
)]
pub struct NoScenario {
    text: String,
    suggestion: Option<&'static str>,
}

/// The scenario of this name; `release` is the kernel's version.
///
/// # Errors
/// When there is none.
pub fn named(name: &str, release: &str) -> Result<Scenario, NoScenario> {
    Ok(match name {
        "uefi-cd" => medium("uefi-cd", Firmware::Uefi, Medium::Cd, release),
        "uefi-disk" => medium("uefi-disk", Firmware::Uefi, Medium::Disk, release),
        "bios-cd" => medium("bios-cd", Firmware::Bios, Medium::Cd, release),
        "bios-disk" => medium("bios-disk", Firmware::Bios, Medium::Disk, release),
        "ssh" => ssh(),
        "layers" => layers(),
        "outside" => outside(),
        "reboot" => reboot(),
        "unconfigured" => unconfigured(),
        "no-dhcp" => no_dhcp(),
        "bad-services" => bad_services(),
        "audited" => attacks(),
        "containers" => containers(),
        "without-1-kernel" => without("without-1-kernel", Layer::Kernel),
        "without-2-access" => without("without-2-access", Layer::Access),
        "without-3-network" => without("without-3-network", Layer::Network),
        "without-4-ssh" => without("without-4-ssh", Layer::Ssh),
        "without-5-audit" => without("without-5-audit", Layer::Audit),
        "without-6-isolation" => without("without-6-isolation", Layer::Isolation),
        _ => return Err(NoScenario { text: name.to_owned(), suggestion: suggest(name, NAMES) }),
    })
}

/// The machine most scenarios use: the firmware that starts faster.
const BIOS: Setup = Setup {
    profile: "minimal",
    without: None,
    firmware: Firmware::Bios,
    medium: Medium::Cd,
    cable: Cable::User,
    configured: true,
    clock: None,
    restarts: false,
};

fn medium(name: &'static str, firmware: Firmware, medium: Medium, release: &str) -> Scenario {
    let mut items = up();
    items.push(Item::OverSsh(facts::minimal(firmware, release)));
    items.extend(off());
    Scenario {
        name,
        summary: "starts this way, is what it should be, powers off",
        setup: Setup { firmware, medium, ..BIOS },
        patience: 1,
        items,
    }
}

fn ssh() -> Scenario {
    let mut items = up();
    items.push(Item::OverSsh(facts::services()));
    items.push(Item::OverSsh(facts::network()));
    items.push(clock(None));
    items.push(check("scp there and back", Task::Copy { user: ADMIN.to_owned(), bytes: 300_000 }, "same"));
    // Without a key of its own, root would be refused by any server.
    items.push(Item::OverSsh(vec![Fact::as_root(
        "root has the administrator's key",
        &format!("mkdir -m 700 /root/.ssh && cp /home/{ADMIN}/.ssh/authorized_keys /root/.ssh/ && chown root /root/.ssh/authorized_keys && grep -c . /root/.ssh/authorized_keys"),
        Expected::Is("1".to_owned()),
    )]));
    items.push(refused("password refused", Login::Password(ADMIN.to_owned())));
    items.push(refused("root refused", Login::Key("root".to_owned())));
    items.push(refused("strange key refused", Login::StrangeKey(ADMIN.to_owned())));
    items.extend(off());
    Scenario {
        name: "ssh",
        summary: "who has the key gets in and can work; others do not",
        setup: BIOS,
        patience: 1,
        items,
    }
}

fn layers() -> Scenario {
    let mut items = up();
    items.push(Item::OverSsh(vec![Fact::as_root(
        "every promise of the six layers",
        "ashlar-audit --failed",
        Expected::Has(", 0 failed;"),
    )]));
    // Of mounts the promises name those that must be; here nothing else may be.
    let mounts = Expected::Is(surface::seen_writable());
    items.push(Item::OverSsh(vec![Fact::as_root("what can be written", surface::SEE_WRITABLE, mounts)]));
    items.extend(off());
    Scenario {
        name: "layers",
        summary: "the running system keeps every promise of the six layers",
        setup: BIOS,
        patience: 1,
        items,
    }
}

fn without(name: &'static str, layer: Layer) -> Scenario {
    let number = layer.number();
    let mut items = up();
    items.push(Item::OverSsh(vec![
        Fact::as_root("every promise of the other five", "ashlar-audit --failed", Expected::Has(", 0 failed;")),
        // It is really not there: nothing of it is promised, and each of the others has promises.
        Fact::as_root(
            "layers with promises",
            "for n in 1 2 3 4 5 6; do [ \"$(ashlar-audit --list --layer $n | grep -c .)\" -ge 20 ] && echo $n; done",
            Expected::Is(
                (1..=6).filter(|other| *other != number).map(|n| n.to_string()).collect::<Vec<_>>().join("\n"),
            ),
        ),
    ]));
    items.extend(off());
    let setup = Setup { without: Some(layer), ..BIOS };
    Scenario { name, summary: "each layer stands without the others: one is left out", setup, patience: 1, items }
}

fn outside() -> Scenario {
    let attempt = |name, what, expected| Item::Check {
        name,
        task: Task::Stranger(what),
        expected: Expected::Is(expected),
        within: None,
    };
    let text = str::to_owned;
    let mut items = up();
    items.extend([
        attempt("all TCP ports", Try::Tcp, text("tcp 22")),
        attempt("all TCP ports over IPv6", Try::TcpOverIpv6, text("tcp 22")),
        attempt("all UDP ports", Try::Udp, text("no answer")),
        attempt("connections of two sources", Try::Rate, text("3 of 8, 3 of 8")),
        attempt("connections of two neighbours", Try::RateOverIpv6, text("3 of 8, 3 of 8")),
        attempt("connections of one network", Try::RateOfOneNetwork, text("3 of 8, 0 of 8")),
        attempt("forged addresses", Try::Forged, text("no answer")),
        attempt("odd flags", Try::OddFlags, text("no answer")),
        // A connection of its own, from QEMU's address: whatever others did, this one is heard.
        refused("others can still come", Login::StrangeKey(ADMIN.to_owned())),
    ]);
    // That nobody answered could also mean that nobody heard.
    let rules = |text: &str, rest: &str| format!("nft list ruleset | grep '{text}' | {rest}");
    items.push(Item::OverSsh(vec![
        // The other three are refused by the kernel itself: nobody can be none, all, or a group.
        Fact::as_root(
            "forged packets were seen",
            &rules("fib saddr", "grep -c 'packets 2 '"),
            Expected::Is(text("1")),
        ),
        Fact::as_root(
            "each odd segment was seen",
            &rules("tcp flags", "grep -c 'packets 1 '"),
            Expected::Is(text("4")),
        ),
        Fact::as_root("the log says who knocked", "grep -c 'nft in: ' /var/log/messages", Expected::Between(1, 40)),
    ]));
    items.extend(off());
    let setup = Setup { cable: Cable::Shared, ..BIOS };
    Scenario {
        name: "outside",
        summary: "a stranger on the same network finds SSH and nothing else",
        setup,
        patience: 4,
        items,
    }
}

fn refused(name: &'static str, login: Login) -> Item {
    Item::Check {
        name,
        task: Task::Refusal { login },
        // The methods in parentheses are all that the server offers.
        expected: Expected::Has("Permission denied (publickey)"),
        // The packet filter makes who was here just now wait.
        within: Some(MOMENT * 2),
    }
}

fn reboot() -> Scenario {
    let is = |text: &str| Expected::Is(text.to_owned());
    let mut items = up();
    items.push(clock(Some(LATER.seconds)));
    items.push(Item::OverSsh(vec![Fact::as_root(
        "mark of the first start",
        "echo 1 >/run/first && cat /run/first",
        is("1"),
    )]));
    items.push(leave("reboot"));
    items.push(expect("reboot: Restarting system", MOMENT));
    items.extend(up());
    items.push(Item::OverSsh(vec![Fact::new("the mark is gone", "[ -e /run/first ] || echo gone", is("gone"))]));
    items.push(clock(Some(LATER.seconds)));
    items.extend(off());
    let setup = Setup { clock: Some(LATER), restarts: true, ..BIOS };
    Scenario {
        name: "reboot",
        summary: "restarts on request; the hardware clock decides without time servers",
        setup,
        patience: 1,
        items,
    }
}

fn unconfigured() -> Scenario {
    let silence = |lasting| Task::Silence { lasting };
    let send = |line: &str| Item::Step(Step::Send { line: line.to_owned() });
    let asked = |question: &str| expect(question, MOMENT);
    let mut items = vec![
        expect(INVITATION, Duration::MAX),
        send(""),
        asked(FIRST_QUESTION),
        check("nobody on port 22", silence(SETTLED), "silence"),
        send(HOST),
        asked("Account of the administrator"),
        // Left, and resumed with the next question.
        send("quit"),
        asked(INVITATION),
        send(""),
        asked("Account of the administrator"),
        send(ADMIN),
        asked("SSH public key"),
        Item::SendKey,
        asked("Another key"),
        send(""),
        asked("Password of"),
        send(""),
        asked("Address:"),
        send(""),
        asked("Time zone"),
        send("Europe/Berlin"),
        asked("Time servers"),
        send("none"),
        asked("`yes` to use this"),
        check("nobody on port 22 before the last word", silence(Duration::from_secs(1)), "silence"),
        send("yes"),
    ];
    items.extend(up());
    items.push(Item::OverSsh(vec![
        Fact::new("who was asked for", "id -un; id -Gn", Expected::Is(format!("{ADMIN}\n{ADMIN} wheel"))),
        // An unconfigured machine has no address, so that nobody answers says little: by its log, these had not been started.
        Fact::as_root(
            "what waited for the answers",
            "echo $(grep -h waits:firstboot /var/log/rc.log | cut -d ' ' -f 2 | sort -u)",
            Expected::Is("chronyd network sshd".to_owned()),
        ),
        Fact::new("time zone", "date +%Z", Expected::Has("CE")),
        Fact::new("failed services", "ls /run/openrc/failed", Expected::Is(String::new())),
    ]));
    items.extend(off());
    let summary =
        "without a volume the console asks, nothing listens before it has its answers, and then it is a machine";
    Scenario { name: "unconfigured", summary, setup: Setup { configured: false, ..BIOS }, patience: 1, items }
}

fn no_dhcp() -> Scenario {
    let is = |text: &str| Expected::Is(text.to_owned());
    let send = |line: &str| Item::Step(Step::Send { line: line.to_owned() });
    let items = vec![
        expect(&prompt(), Duration::MAX),
        send(ADMIN),
        expect("Password:", MOMENT),
        send(PASSWORD),
        Item::OnConsole(vec![
            Fact::new("user on the console", "id -un", is(ADMIN)),
            // Messages of the kernel must not land in the middle of an answer.
            Fact::as_root("console is quiet", "dmesg -n 1", is("")),
            Fact::new("no address", "ip -4 addr show scope global | grep -c 'inet ' || true", is("0")),
            Fact::as_root("sshd", "rc-service sshd status", Expected::Has("started")),
        ]),
        send(&format!("{BECOME} poweroff")),
        Item::Step(Step::End { within: MOMENT }),
    ];
    let setup = Setup { cable: Cable::Silent, ..BIOS };
    Scenario {
        name: "no-dhcp",
        summary: "a network where nobody answers does not stop the boot",
        setup,
        patience: 1,
        items,
    }
}

fn bad_services() -> Scenario {
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
            "/usr/lib/apparmor/try </usr/lib/apparmor/refusals | tail -n 1",
            Expected::Has("109 of 109 attempts refused and recorded"),
        ),
    ]));
    items.extend(off());
    let setup = Setup { profile: "test-services", ..BIOS };
    let summary = "services that crash, hang, fail, are broken or need each other do not stop the boot";
    Scenario { name: "bad-services", summary, setup, patience: 1, items }
}

fn attacks() -> Scenario {
    let mut items = up();
    items.extend(audited::facts());
    items.extend(off());
    let setup = Setup { profile: "test-services", ..BIOS };
    let summary = "attacks are refused and recorded, with who it was; a full log stops nothing";
    Scenario { name: "audited", summary, setup, patience: 1, items }
}

fn containers() -> Scenario {
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
        Fact::as_root("its root", &format!("grep -c ' / ro,' /proc/{process}/mountinfo"), is("1")),
        Fact::as_root(
            "its network is its own",
            &format!("test $(readlink /proc/{process}/ns/net) != $(readlink /proc/self/ns/net) && echo own"),
            is("own"),
        ),
        Fact::as_root("known ways out", "container run --name escapes /srv/escapes | grep -c '^refused '", is("28")),
        Fact::as_root(
            "none of them worked",
            "container ps | grep '^escapes ' | tr -s ' ' | cut -d ' ' -f 2-3",
            is("exited 0"),
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
        Fact::as_root(
            "stopped",
            "rc-service container.web stop >/dev/null; container logs web | tail -n 1",
            is("ended"),
        ),
        Fact::as_root("forgotten", "container rm web && container rm escapes && container ps | grep -c .", is("1")),
    ]));
    items.extend(off());
    let setup = Setup { profile: "test-containers", ..BIOS };
    Scenario {
        name: "containers",
        summary: "containers are confined, and known ways out of them fail",
        setup,
        patience: 1,
        items,
    }
}

/// The host name and what asks for a user after it.
fn prompt() -> String {
    format!("{HOST} login:")
}

/// A machine that is up: SSH answers, and the console asks for a user.
fn up() -> Vec<Item> {
    let greeting = Item::Check {
        name: "SSH banner",
        task: Task::Banner,
        expected: Expected::Has("SSH-2.0-OpenSSH"),
        within: None,
    };
    vec![greeting, expect(&prompt(), MOMENT)]
}

/// The administrator switches it off.
fn off() -> [Item; 2] {
    [leave("poweroff"), Item::Step(Step::End { within: MOMENT })]
}

fn leave(command: &str) -> Item {
    let task = Task::Leave { user: ADMIN.to_owned(), command: format!("{BECOME} {command}") };
    Item::Step(Step::Outside { task, within: MOMENT })
}

fn expect(pattern: &str, within: Duration) -> Item {
    Item::Step(Step::Expect { pattern: pattern.to_owned(), within })
}

fn check(name: &'static str, task: Task, expected: &str) -> Item {
    Item::Check { name, task, expected: Expected::Is(expected.to_owned()), within: Some(MOMENT) }
}

fn clock(base: Option<u64>) -> Item {
    let task = Task::Clock { user: ADMIN.to_owned(), base };
    Item::Check { name: "seconds off the clock", task, expected: Expected::Between(-5, 5), within: Some(MOMENT) }
}
