//! The machine of a scenario.

use ashlar_core::model::hardening::Layer;

use crate::qemu::{Firmware, Medium};

/// What a machine's network card is connected to, before a port is chosen for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NetLink {
    /// QEMU's own network, and nothing beyond it: the same on every host, and no time server answers.
    User,
    /// The same, and a prober on it.
    Shared,
    /// An empty network at the other end.
    Silent,
}

/// What the clock shows at the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clock {
    /// As QEMU takes it.
    pub text: &'static str,
    /// The same in seconds since 1970.
    pub seconds: u64,
}

/// A medium that firmware with Secure Boot must not start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusedMedium {
    /// The ISO as everybody can build it.
    Unsigned,
    /// The ISO, signed by a key that the firmware does not know.
    ForeignKey,
    /// The ISO that it may start, with one bit of its program changed after it was signed: in the middle of this part of [`PARTS`].
    ChangedBit(usize),
}

/// Into so many parts the program is divided, for bits that are changed in all of it.
pub const PARTS: usize = 20;

/// Firmware that enforces Secure Boot with keys made for this start, one of which signed the ISO.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecureBoot {
    /// It tries these media, in this order, and then the ISO.
    Media(&'static [RefusedMedium]),
    /// It starts the ISO by an entry with these options, as somebody with access to the firmware's menu can write them.
    Options(&'static str),
    /// It starts from a disk with two slots, of which the first has the program of the ISO. It is to try the second one once, which
    /// has the same program, or this instead.
    Slots(Option<RefusedMedium>),
    /// It starts the ISO, or what was installed from it: nobody tells it an order. Its volume has an update, signed by the same key.
    Install,
}

/// The machine of a scenario.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setup {
    /// Profile below iso/.
    pub profile: &'static str,
    /// The layer that its ISO is built without.
    pub without: Option<Layer>,
    /// What starts it.
    pub firmware: Firmware,
    /// Whether the firmware enforces Secure Boot; only for [`Firmware::Uefi`].
    pub secure_boot: Option<SecureBoot>,
    /// How the ISO is attached.
    pub medium: Medium,
    /// Its network.
    pub link: NetLink,
    /// Whether it is given a NoCloud volume: host name, administrator, key, console password.
    pub configured: bool,
    /// What its clock shows; the host's time when absent.
    pub clock: Option<Clock>,
    /// Whether it may restart.
    pub restarts: bool,
    /// Whether it has an empty disk, too, which keeps what is written.
    pub empty_disk: bool,
}

/// The machine most scenarios use: the firmware that starts faster.
pub(super) const BIOS: Setup = Setup {
    profile: "minimal",
    without: None,
    firmware: Firmware::Bios,
    secure_boot: None,
    medium: Medium::Cd,
    link: NetLink::User,
    configured: true,
    clock: None,
    restarts: false,
    empty_disk: false,
};
