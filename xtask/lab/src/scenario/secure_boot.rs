//! Firmware that enforces Secure Boot: it starts the ISO that its owner signed, and nothing else.

use std::time::Duration;

use super::conversation::{Item, Scenario};
use super::machine::{BIOS, PARTS, RefusedMedium, SecureBoot, Setup};
use super::steps::{expect, off, up};
use crate::console::facts::{self, Expected, Fact};
use crate::qemu::{Firmware, Medium};

/// What the firmware says of a medium whose signature it does not accept.
const REFUSED: &str = "Access Denied";

/// Media that look like the ISO and must not start, then the ISO.
pub(super) fn secure_boot(name: &'static str, release: &str) -> Scenario {
    const REFUSED_MEDIA: &[RefusedMedium] =
        &[RefusedMedium::Unsigned, RefusedMedium::ForeignKey, RefusedMedium::ChangedBit(PARTS / 2)];
    let mut items: Vec<Item> = REFUSED_MEDIA.iter().map(|_| expect(REFUSED, Duration::MAX)).collect();
    items.extend(up());
    items.push(Item::OverSsh(facts::minimal(Firmware::Uefi, release)));
    items.push(Item::OverSsh(vec![enforced(), promises()]));
    items.extend(off());
    let secure_boot = SecureBoot::Media(REFUSED_MEDIA);
    Scenario {
        name,
        summary: "of an unsigned ISO, one with a foreign signature, a changed one and the signed one, only the last starts",
        setup: Setup { firmware: Firmware::Uefi, secure_boot: Some(secure_boot), ..BIOS },
        patience: 1,
        items,
    }
}

/// Media with a bit changed in each part of the program, then the ISO.
pub(super) fn tampered(name: &'static str) -> Scenario {
    const TAMPERED: [RefusedMedium; PARTS] = {
        let (mut media, mut part) = ([RefusedMedium::Unsigned; PARTS], 0);
        while part < PARTS {
            media[part] = RefusedMedium::ChangedBit(part);
            part += 1;
        }
        media
    };
    let mut items: Vec<Item> = TAMPERED.iter().map(|_| expect(REFUSED, Duration::MAX)).collect();
    items.extend(up());
    items.push(Item::OverSsh(vec![enforced()]));
    items.extend(off());
    let secure_boot = SecureBoot::Media(&TAMPERED);
    Scenario {
        name,
        summary: "of twenty changed media and the signed one, only the signed one starts",
        setup: Setup { firmware: Firmware::Uefi, secure_boot: Some(secure_boot), ..BIOS },
        patience: 2,
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
    let secure_boot = SecureBoot::Options("initrd=\\evil.img init=/bin/sh");
    Scenario {
        name,
        summary: "options in the firmware's entry change neither the command line nor the initramfs",
        setup: Setup { firmware: Firmware::Uefi, secure_boot: Some(secure_boot), ..BIOS },
        patience: 1,
        items,
    }
}

/// A disk with two slots, and the firmware told to start the second one once. It does; or it refuses what is there, and starts the
/// first one by itself.
pub(super) fn slots(name: &'static str, refused: Option<RefusedMedium>) -> Scenario {
    let (summary, said): (_, &[&str]) = match refused {
        None => ("the firmware starts the other slot once, as an update asks it to", &["starting Boot00A1"]),
        Some(_) => (
            "the firmware refuses a damaged trial in the other slot, and starts the first one by itself",
            &["loading Boot00A1", REFUSED, "starting Boot00A0"],
        ),
    };
    let mut items: Vec<Item> = said.iter().map(|text| expect(text, Duration::MAX)).collect();
    items.extend(up());
    items.push(Item::OverSsh(vec![enforced(), promises()]));
    items.extend(off());
    let setup = Setup { firmware: Firmware::Uefi, secure_boot: Some(SecureBoot::Slots(refused)), ..BIOS };
    Scenario { name, summary, setup: Setup { medium: Medium::Virtio, ..setup }, patience: 1, items }
}

fn enforced() -> Fact {
    let is = Expected::Is("Secure boot enabled".to_owned());
    Fact::as_root("Secure Boot, as the kernel sees it", "dmesg | grep -o 'Secure boot enabled'", is)
}

fn promises() -> Fact {
    Fact::as_root("every promise of the six layers", "ashlar-audit --failed", Expected::Has(", 0 failed;"))
}
