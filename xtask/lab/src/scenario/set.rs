//! The scenarios, in the order in which they run. To add one: a line in [`SCENARIOS`] and its function, then `cargo xtask docs`;
//! docs/how-to/boot-scenario.md has more.

use std::time::Duration;

use self::Target::{Test, TestAll};
use super::accounts::{ADMIN, GUEST, HOST, PASSWORD};
use super::conversation::{Item, MOMENT, Scenario};
use super::machine::{BIOS, Clock, NetLink, RefusedMedium, Setup};
use super::steps::{check, clock, expect, guest, joins, leave, off, prompt, refused, up};
use super::{audited, containers, exhaustion, installed, outside, secure_boot, services};
use crate::console::Step;
use crate::console::facts::{self, BECOME, Expected, Fact};
use crate::console::task::{Login, Task};
use crate::qemu::{Firmware, Medium};
use ashlar_core::base::diag::suggest;
use ashlar_core::model::hardening::Layer;
use ashlar_core::model::mounts;

/// Makes a scenario of its name and the kernel's version.
type Make = fn(&'static str, &str) -> Scenario;

/// Which target of `build.sh` runs a scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// `test`: each sort of firmware, medium and conversation once.
    Test,
    /// `test-all`: other combinations, and each layer off in turn.
    TestAll,
}

/// Every scenario, by name.
const SCENARIOS: &[(&str, Target, Make)] = &[
    ("uefi-cd", Test, |name, release| medium(name, Firmware::Uefi, Medium::Cd, release)),
    ("uefi-disk", TestAll, |name, release| medium(name, Firmware::Uefi, Medium::Disk, release)),
    ("bios-cd", TestAll, |name, release| medium(name, Firmware::Bios, Medium::Cd, release)),
    ("bios-disk", Test, |name, release| medium(name, Firmware::Bios, Medium::Disk, release)),
    ("secure-boot", Test, secure_boot::secure_boot),
    ("secure-boot-tampered", TestAll, |name, _| secure_boot::tampered(name)),
    ("slots-trial", TestAll, |name, _| secure_boot::slots(name, None)),
    ("slots-damaged", TestAll, |name, _| secure_boot::slots(name, Some(RefusedMedium::ChangedBit(3)))),
    ("secure-boot-options", TestAll, |name, _| secure_boot::options(name)),
    ("installed", TestAll, |name, _| installed::installed(name)),
    ("ssh", Test, |name, _| ssh(name)),
    ("layers", Test, |name, _| layers(name)),
    ("options", TestAll, |name, _| options(name)),
    ("outside", Test, |name, _| outside::outside(name)),
    ("reboot", TestAll, |name, _| reboot(name)),
    ("unconfigured", Test, |name, _| unconfigured(name)),
    ("no-dhcp", TestAll, |name, _| no_dhcp(name)),
    ("bad-services", Test, |name, _| services::bad_services(name)),
    ("audited", Test, |name, _| attacks(name)),
    ("exhaustion", Test, |name, _| exhaustion::exhaustion(name)),
    ("containers", Test, |name, _| containers::containers(name)),
    ("without-1-kernel", TestAll, |name, _| outside::without(name, Layer::Kernel)),
    ("without-2-access", TestAll, |name, _| outside::without(name, Layer::Access)),
    ("without-3-network", TestAll, |name, _| outside::without(name, Layer::Network)),
    ("without-4-ssh", TestAll, |name, _| outside::without(name, Layer::Ssh)),
    ("without-5-audit", TestAll, |name, _| outside::without(name, Layer::Audit)),
    ("without-6-isolation", TestAll, |name, _| outside::without(name, Layer::Isolation)),
];

/// Every scenario's name, in the order in which they run.
pub const NAMES: [&str; SCENARIOS.len()] = {
    let (mut names, mut at) = ([""; SCENARIOS.len()], 0);
    while at < names.len() {
        names[at] = SCENARIOS[at].0;
        at += 1;
    }
    names
};

/// The names of the scenarios that `target` runs.
pub fn names(target: Target) -> Vec<&'static str> {
    SCENARIOS.iter().filter(|(_, of, _)| target == TestAll || *of == target).map(|(name, ..)| *name).collect()
}

/// How long port 22 of a machine must stay silent once it asks its first question.
pub const SETTLED: Duration = Duration::from_secs(8);

/// How a console names the machine's key, and whether that is the key which sshd has.
const HOST_KEY: &str = "SSH host key: SHA256:";
const SHOWN_KEY: &str = "set -- $(ssh-keygen -l -f /etc/ssh/ssh_host_ed25519_key.pub); \
    grep -qFx \"SSH host key: $2 (ED25519)\" /run/issue.d/ssh-host-key.issue && echo the same";

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
    match SCENARIOS.iter().find(|(known, ..)| *known == name) {
        Some((known, _, make)) => Ok(make(known, release)),
        None => Err(NoScenario { text: name.to_owned(), suggestion: suggest(name, NAMES) }),
    }
}

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

fn ssh(name: &'static str) -> Scenario {
    let mut items = up();
    items.push(Item::OverSsh(facts::services()));
    items.push(Item::OverSsh(facts::network()));
    items.push(clock(None));
    items.push(check("scp there and back", Task::Copy { user: ADMIN.to_owned(), bytes: 300_000 }, "same"));
    items.push(Item::OverSsh(vec![guest()]));
    items.push(refused("outside the group ssh refused", Login::Key(GUEST.to_owned())));
    items.push(Item::OverSsh(vec![joins()]));
    items.push(check("a member of the group ssh gets in", Task::Copy { user: GUEST.to_owned(), bytes: 1000 }, "same"));
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
    Scenario { name, summary: "who has the key gets in and can work; others do not", setup: BIOS, patience: 1, items }
}

fn layers(name: &'static str) -> Scenario {
    let mut items = up();
    items.push(Item::OverSsh(vec![Fact::as_root(
        "every promise of the six layers",
        "ashlar-audit --failed",
        Expected::Has(", 0 failed;"),
    )]));
    // Of mounts the promises name those that must be; here nothing else may be.
    let mounts = Expected::Is(mounts::seen_writable());
    items.push(Item::OverSsh(vec![Fact::as_root("what can be written", mounts::SEE_WRITABLE, mounts)]));
    items.extend(off());
    Scenario {
        name,
        summary: "the running system keeps every promise of the six layers",
        setup: BIOS,
        patience: 1,
        items,
    }
}

/// Checks that each option takes effect, and that the system still keeps every promise.
fn options(name: &'static str) -> Scenario {
    let is = |text: &str| Expected::Is(text.to_owned());
    let mut items = up();
    items.push(Item::OverSsh(vec![
        Fact::as_root("every promise of this system", "ashlar-audit --failed", Expected::Has(", 0 failed;")),
        Fact::as_root("debugger", "sysctl -n kernel.yama.ptrace_scope", is("2")),
        Fact::as_root(
            "open-output",
            "nft -s -t list ruleset | grep -c 'hook output priority filter; policy accept;'",
            is("1"),
        ),
        Fact::as_root("ssh-often", "nft -s -t list ruleset | grep -c 'limit rate 30/minute burst 100'", is("3")),
        Fact::as_root("classic-key-exchange", "sshd -T | grep -c '^kexalgorithms mlkem.*,curve25519-sha256$'", is("1")),
        Fact::as_root("audit-or-panic", "auditctl -s | grep ^failure", is("failure 2")),
    ]));
    items.extend(off());
    Scenario {
        name,
        summary: "a profile with every option keeps every promise of what it has",
        setup: Setup { profile: "test-options", ..BIOS },
        patience: 1,
        items,
    }
}

fn reboot(name: &'static str) -> Scenario {
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
        name,
        summary: "restarts on request; the hardware clock decides without time servers",
        setup,
        patience: 1,
        items,
    }
}

fn unconfigured(name: &'static str) -> Scenario {
    let silence = |lasting| Task::Silence { lasting };
    let send = |line: &str| Item::Step(Step::Send { line: line.to_owned() });
    let asked = |question: &str| expect(question, MOMENT);
    let mut items = vec![
        expect(HOST_KEY, Duration::MAX),
        expect(INVITATION, MOMENT),
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
        Fact::new("who was asked for", "id -un; id -Gn", Expected::Is(format!("{ADMIN}\n{ADMIN} wheel ssh"))),
        // An unconfigured machine has no address, so that nobody answers says little: by its log, these had not been started.
        Fact::as_root(
            "what waited for the answers",
            "echo $(grep -h waits:firstboot /var/log/rc.log | cut -d ' ' -f 2 | sort -u)",
            Expected::Is("chronyd integrity network sshd".to_owned()),
        ),
        Fact::new("time zone", "date +%Z", Expected::Has("CE")),
        Fact::new("failed services", "ls /run/openrc/failed", Expected::Is(String::new())),
        // What the console showed before the first question is the key that this connection was made with.
        Fact::new("host key on the console", SHOWN_KEY, Expected::Is("the same".to_owned())),
    ]));
    items.extend(off());
    let summary =
        "without a volume the console asks, nothing listens before it has its answers, and then it is a machine";
    // What knocked in vain comes through once there is a network, and uses up what the packet filter grants in a minute.
    Scenario { name, summary, setup: Setup { configured: false, ..BIOS }, patience: 2, items }
}

fn no_dhcp(name: &'static str) -> Scenario {
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
            // As over SSH: behind a filter, without most capabilities for good, in a control group of the user's.
            Fact::new("filter of the console", "grep -c '^Seccomp:.2$' /proc/self/status", is("1")),
            Fact::new("its capabilities", "sed -n 's/^CapBnd:.//p' /proc/self/status", is("00000000200000c9")),
            Fact::new("its control group", "sed 's/[0-9]*$/N/' /proc/self/cgroup", is("0::/wheel/N")),
            Fact::new("no address", "ip -4 addr show scope global | grep -c 'inet ' || true", is("0")),
            Fact::as_root("sshd", "rc-service sshd status", Expected::Has("started")),
        ]),
        send(&format!("{BECOME} poweroff")),
        Item::Step(Step::End { within: MOMENT }),
    ];
    let setup = Setup { link: NetLink::Silent, ..BIOS };
    Scenario { name, summary: "a network where nobody answers does not stop the boot", setup, patience: 1, items }
}

fn attacks(name: &'static str) -> Scenario {
    let mut items = up();
    items.extend(audited::facts());
    items.extend(off());
    let setup = Setup { profile: "test-services", ..BIOS };
    let summary = "attacks are refused and recorded, with who it was; a full log stops nothing";
    Scenario { name, summary, setup, patience: 1, items }
}
