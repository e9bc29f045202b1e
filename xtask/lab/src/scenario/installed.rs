//! An installed system: it is installed from the signed ISO, remembers, is updated, and comes back from a bad update by itself.

use std::time::Duration;

use super::accounts::ADMIN;
use super::conversation::{Item, MOMENT, Scenario};
use super::machine::{BIOS, SecureBoot, Setup};
use super::steps::{expect, leave, off, up};
use crate::console::Step;
use crate::console::facts::{Expected, Fact};
use crate::console::task::Task;
use crate::qemu::Firmware;

/// The disk to install on; the first one is the volume with the configuration.
const DISK: &str = "vdb";
/// What opens its state.
const PASSPHRASE: &str = "correct horse battery staple";
/// The whole life of a machine, in one piece, with Secure Boot enforced.
pub(super) fn installed(name: &'static str) -> Scenario {
    let mut items = up();
    items.push(Item::OverSsh(vec![as_root(
        "a medium is no installed system",
        "ashlar-update status 2>&1 || true",
        "not an installed",
    )]));
    items.push(slow("installs", &format!(
        "echo {PASSPHRASE} | ashlar-install --disk {DISK} --erase {DISK} --key-memory 8 --passphrase-file - 2>&1 | tail -n 1"
    ), "is on vdb"));
    items.extend(restart());
    items.push(Item::OverSsh(vec![
        as_root("the state is ext4 and encrypted", "grep '^/dev/mapper/state /run/overlay ' /proc/mounts", " ext4 rw,nosuid,nodev,"),
        as_root("its key is not to be seen", "grep -c logon /proc/keys || true", "0"),
        as_root("slot A runs", "ashlar-update status", "slot A of vdb  runs, starts by default"),
        as_root("every promise of the six layers", "ashlar-audit --failed", ", 0 failed;"),
        Fact::new("a file is written", &format!("echo kept >/home/{ADMIN}/note && cat /home/{ADMIN}/note"), is("kept")),
        as_root("a trial is watched for a few seconds", "echo 'confirm_args=\"--healthy-for 10 --deadline 200\"' >/etc/conf.d/confirm && wc -l </etc/conf.d/confirm", "1"),
    ]));
    items.push(slow("the update is applied", "mkdir -p /run/volume && mount -o ro /dev/vda1 /run/volume && ashlar-update apply /run/volume/update.efi && umount /run/volume", "The next start is that of the other slot"));
    items.extend(restart());
    // Nobody is logged in.
    items.push(expect("Ashlar 9.9.9 is healthy, and starts by default from now on.", Duration::MAX));
    items.push(Item::OverSsh(vec![
        as_root("the update is confirmed", "ashlar-update status", "slot B of vdb  runs, starts by default: Ashlar 9.9.9"),
        Fact::new("the file is there", &format!("cat /home/{ADMIN}/note"), is("kept")),
        as_root("an update that is not healthy", "printf '#!/bin/sh\nexit 1\n' >/etc/ashlar/healthy.d/never && chmod 755 /etc/ashlar/healthy.d/never && echo 'confirm_args=\"--healthy-for 5 --deadline 60\"' >/etc/conf.d/confirm && ls /etc/ashlar/healthy.d", "never"),
    ]));
    items.push(slow(
        "it is applied, from the medium",
        "ashlar-update apply /dev/sr0",
        "The next start is that of the other slot",
    ));
    items.extend(restart());
    items.push(expect("failed its trial: not healthy within 60 seconds: /etc/ashlar/healthy.d/never", Duration::MAX));
    // Nobody asks for this restart.
    items.extend(unlock());
    items.extend(up());
    items.push(Item::OverSsh(vec![
        as_root(
            "the system before runs again",
            "ashlar-update status",
            "slot B of vdb  runs, starts by default: Ashlar 9.9.9",
        ),
        as_root("why", "ashlar-update status", "failed: not healthy within 60 seconds: /etc/ashlar/healthy.d/never"),
        Fact::new("the file is still there", &format!("cat /home/{ADMIN}/note"), is("kept")),
    ]));
    items.extend(off());
    let setup = Setup {
        firmware: Firmware::Uefi,
        secure_boot: Some(SecureBoot::Install),
        restarts: true,
        empty_disk: true,
        ..BIOS
    };
    Scenario {
        name,
        summary: "installed from the signed ISO, it remembers, is updated, and comes back from a bad update by itself",
        setup,
        patience: 4,
        items,
    }
}

fn is(text: &str) -> Expected {
    Expected::Is(text.to_owned())
}

fn as_root(name: &'static str, command: &str, has: &'static str) -> Fact {
    Fact::as_root(name, command, Expected::Has(has))
}

/// Something that root does which takes longer than a moment.
fn slow(name: &'static str, command: &str, has: &'static str) -> Item {
    let line = Fact::as_root(name, command, Expected::Has(has)).line();
    let task = Task::Commands { user: ADMIN.to_owned(), commands: vec![line] };
    Item::Check { name, task, expected: Expected::Has(has), within: None }
}

/// The administrator restarts it, opens the state, and it is up.
fn restart() -> Vec<Item> {
    let mut items = vec![leave("reboot"), expect("reboot: Restarting system", MOMENT)];
    items.extend(unlock());
    items.extend(up());
    items
}

fn unlock() -> [Item; 3] {
    [
        expect("Passphrase or recovery key:", Duration::MAX),
        Item::Step(Step::Send { line: PASSPHRASE.to_owned() }),
        expect("The state is open.", MOMENT),
    ]
}
