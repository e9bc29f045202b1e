//! Firmware that enforces Secure Boot: it starts the ISO that its owner signed, and nothing else.

use std::time::Duration;

use super::conversation::{Item, Scenario};
use super::machine::{BIOS, RefusedMedium, SecureBoot, Setup};
use super::steps::{expect, off, up};
use crate::console::facts::{self, Expected, Fact};
use crate::qemu::Firmware;

/// What the firmware says of a medium whose signature it does not accept.
const REFUSED: &str = "Access Denied";

/// Media that look like the ISO and must not start, then the ISO.
pub(super) fn secure_boot(name: &'static str, release: &str) -> Scenario {
    const REFUSED_MEDIA: &[RefusedMedium] =
        &[RefusedMedium::Unsigned, RefusedMedium::ForeignKey, RefusedMedium::ChangedBit];
    let mut items: Vec<Item> = REFUSED_MEDIA.iter().map(|_| expect(REFUSED, Duration::MAX)).collect();
    items.extend(up());
    items.push(Item::OverSsh(facts::minimal(Firmware::Uefi, release)));
    items.push(Item::OverSsh(vec![enforced(), promises()]));
    items.extend(off());
    let secure_boot = SecureBoot { refused: REFUSED_MEDIA, options: None };
    Scenario {
        name,
        summary: "of an unsigned ISO, one with a foreign signature, a changed one and the signed one, only the last starts",
        setup: Setup { firmware: Firmware::Uefi, secure_boot: Some(secure_boot), ..BIOS },
        patience: 1,
        items,
    }
}

/// The firmware's entry asks for another initramfs and another init; the command line in the image is the only one that counts.
pub(super) fn options(name: &'static str) -> Scenario {
    let is = |text: &str| Expected::Is(text.to_owned());
    // The entry's number: that of the test, not one that the firmware made for the medium.
    let mut items = vec![expect("starting Boot00A5", Duration::MAX)];
    items.extend(up());
    items.push(Item::OverSsh(vec![
        enforced(),
        Fact::new("options in the command line", "grep -c -e initrd= -e init= /proc/cmdline || true", is("0")),
        promises(),
    ]));
    items.extend(off());
    let secure_boot = SecureBoot { refused: &[], options: Some("initrd=\\evil.img init=/bin/sh") };
    Scenario {
        name,
        summary: "options in the firmware's entry change neither the command line nor the initramfs",
        setup: Setup { firmware: Firmware::Uefi, secure_boot: Some(secure_boot), ..BIOS },
        patience: 1,
        items,
    }
}

fn enforced() -> Fact {
    let is = Expected::Is("Secure boot enabled".to_owned());
    Fact::as_root("Secure Boot, as the kernel sees it", "dmesg | grep -o 'Secure boot enabled'", is)
}

fn promises() -> Fact {
    Fact::as_root("every promise of the six layers", "ashlar-audit --failed", Expected::Has(", 0 failed;"))
}
