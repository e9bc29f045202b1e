//! Decisions: facts of the machine and a disk's name in, steps or all refusals out.

use std::fmt;
use std::io;

use disks::block::Device;
use slots::disk::{Disk, Write};
use slots::entry;
use slots::fat;
use slots::gpt::{GptError, Table};
use slots::layout::{self, LayoutError};
use slots::system::{Slot, System};

/// Bytes of a passphrase at least.
pub const LEAST_PASSPHRASE: usize = 8;
const MIB: u64 = 1 << 20;
/// Bytes at the beginning of the state's partition that older file systems and keys lie in.
const KEYS: u64 = 16 * MIB;

/// What is known before anything is decided.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// The disks.
    pub disks: Vec<Candidate>,
    /// Whether the firmware is UEFI, with variables that the system sees.
    pub uefi: bool,
    /// Mebibytes of memory.
    pub memory: u64,
    /// The firmware's boot entries: number and content.
    pub entries: Vec<(u16, Vec<u8>)>,
    /// The firmware's `BootOrder`.
    pub order: Vec<u16>,
}

/// A disk, and what lies on it.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// The disk.
    pub device: Device,
    /// What uses it now.
    pub users: Vec<String>,
    /// What is on it, in words; nothing for an empty one.
    pub content: Option<String>,
}

impl Facts {
    /// Kibibytes that opening the state takes: a quarter of the memory, at most 256 MiB.
    pub fn key_memory(&self) -> u64 {
        (self.memory / 4).clamp(8, 256) * 1024
    }

    fn candidate(&self, name: &str) -> Option<&Candidate> {
        self.disks.iter().find(|candidate| candidate.device.name == name)
    }
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Overwrites what other systems would recognise: from, length.
    Wipe(Vec<(u64, u64)>),
    /// Writes the partition table.
    Table(Vec<Write>),
    /// Makes the encrypted state in its partition.
    FormatState,
    /// Writes the image into a slot, and erases the other.
    WriteSlot(Slot),
    /// Removes an entry of the firmware that an earlier installation left.
    RemoveEntry(u16),
    /// Writes the firmware's entry of a slot.
    SetEntry(Slot, u16),
    /// Has the firmware start these, in this order.
    SetOrder(Vec<u16>),
}

/// Everything that will be done.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The disk.
    pub device: Device,
    /// Its partitions.
    pub table: Table,
    /// The system.
    pub system: System,
    /// The steps, in order.
    pub steps: Vec<Step>,
}

/// Why nothing is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such disk.
    Unknown(String, Vec<String>),
    /// The firmware is BIOS, or its variables cannot be seen.
    Firmware,
    /// The disk is in use.
    Used(String, Vec<String>),
    /// The disk cannot be written.
    ReadOnly(String),
    /// Something is on the disk.
    Content(String, String),
    /// The disk's size or sectors.
    Layout(String, LayoutError),
    /// The image does not fit.
    Image(fat::FatError),
    /// The passphrase is too short.
    Passphrase,
    /// Random numbers could not be had.
    Random(String),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(name, disks) if disks.is_empty() => {
                write!(f, "there is no disk `{name}`, and no other one either")
            }
            Self::Unknown(name, disks) => {
                write!(f, "there is no disk `{name}`; this machine has: {}", disks.join(", "))
            }
            Self::Firmware => f.write_str(
                "this machine was started by BIOS, or its firmware shows no variables; an installed system needs UEFI: \
                 switch it on in the firmware's setup, or run the live system",
            ),
            Self::Used(name, users) => {
                write!(f, "{name} is in use, at {}; unmount that, or choose another disk", users.join(", "))
            }
            Self::ReadOnly(name) => write!(f, "{name} cannot be written: it is read-only"),
            Self::Content(name, content) => {
                write!(f, "{name} has {content}; `--overwrite` lets that be lost")
            }
            Self::Layout(name, error) => write!(f, "{name}: {error}"),
            Self::Image(error) => error.fmt(f),
            Self::Passphrase => write!(f, "the passphrase is too short: it needs {LEAST_PASSPHRASE} characters"),
            Self::Random(error) => write!(f, "the kernel gave no random numbers: {error}"),
        }
    }
}

/// Every reason why this disk cannot be used.
pub fn refuse(facts: &Facts, name: &str, overwrite: bool) -> Result<(), Vec<Refusal>> {
    let Some(candidate) = facts.candidate(name) else {
        let names = facts.disks.iter().map(|candidate| candidate.device.name.clone());
        return Err(vec![Refusal::Unknown(name.to_owned(), names.collect())]);
    };
    let (name, device) = (name.to_owned(), &candidate.device);
    let mut refusals = Vec::new();
    if !facts.uefi {
        refusals.push(Refusal::Firmware);
    }
    if device.read_only {
        refusals.push(Refusal::ReadOnly(name.clone()));
    }
    if !candidate.users.is_empty() {
        refusals.push(Refusal::Used(name.clone(), candidate.users.clone()));
    }
    if let Err(error) = layout::table(device.disk, || [0; 16]) {
        refusals.push(Refusal::Layout(name.clone(), error));
    }
    refusals.extend(candidate.content.clone().filter(|_| !overwrite).map(|content| Refusal::Content(name, content)));
    if refusals.is_empty() { Ok(()) } else { Err(refusals) }
}

/// The image: which system it is, and its size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// The system in it.
    pub system: System,
    /// Bytes.
    pub size: u64,
}

/// The steps for a disk that [`refuse`] accepts.
pub fn plan(
    facts: &Facts,
    name: &str,
    image: &About,
    mut random: impl FnMut() -> io::Result<[u8; 16]>,
) -> Result<Plan, Vec<Refusal>> {
    let candidate = facts.candidate(name).ok_or_else(|| vec![Refusal::Unknown(name.to_owned(), Vec::new())])?;
    let device = candidate.device.clone();
    let mut ids = Vec::new();
    for _ in 0..4 {
        ids.push(random().map_err(|error| vec![Refusal::Random(error.to_string())])?);
    }
    let refused = |error| vec![Refusal::Layout(name.to_owned(), error)];
    let table = layout::table(device.disk, || ids.pop().unwrap_or_default()).map_err(refused)?;
    let writes = table.writes(device.disk).map_err(|error| refused(LayoutError::Table(error)))?;
    let partition = layout::place(&table, Slot::A).ok_or_else(|| refused(LayoutError::Table(GptError::Absent)))?;
    let partition = Disk { sector: device.disk.sector, sectors: partition.sectors };
    let room = fat::room(partition).map_err(|error| vec![Refusal::Image(error)])?;
    if image.size > room {
        return Err(vec![Refusal::Image(fat::FatError::Full { room, wanted: image.size })]);
    }
    let mut steps =
        vec![Step::Wipe(wiped(device.disk, &table)), Step::Table(writes), Step::FormatState, Step::WriteSlot(Slot::A)];
    steps.extend(firmware(facts, &table));
    Ok(Plan { device, table, system: image.system.clone(), steps })
}

/// Both ends of the disk, and the beginning of each partition.
fn wiped(disk: Disk, table: &Table) -> Vec<(u64, u64)> {
    let sector = u64::from(disk.sector);
    let size = disk.sectors * sector;
    let mut ranges = vec![(0, MIB), (size - MIB, MIB)];
    let last = table.partitions.len() - 1;
    for (number, partition) in table.partitions.iter().enumerate() {
        ranges.push((partition.sectors.start * sector, if number == last { KEYS } else { MIB }));
    }
    ranges
}

/// The firmware's entries: those of an earlier installation go, ours come, and ours are first.
fn firmware(facts: &Facts, table: &Table) -> Vec<Step> {
    let stale = |content: &[u8]| {
        let name = Slot::BOTH.iter().any(|slot| entry::description(content).as_deref() == Some(&entry_name(*slot)));
        name && entry::partition(content).is_some_and(|id| !table.partitions.iter().any(|partition| partition.id == id))
    };
    let removed: Vec<u16> =
        facts.entries.iter().filter(|(_, content)| stale(content)).map(|(number, _)| *number).collect();
    let kept: Vec<u16> = facts.order.iter().copied().filter(|number| !removed.contains(number)).collect();
    let taken = |number: &u16| {
        kept.contains(number) || facts.entries.iter().any(|(other, _)| other == number && !removed.contains(other))
    };
    let mut free = (0x00a0..=u16::MAX).filter(|number| !taken(number));
    let numbers = [free.next().unwrap_or_default(), free.next().unwrap_or_default()];
    let mut steps: Vec<Step> = removed.into_iter().map(Step::RemoveEntry).collect();
    steps.extend(Slot::BOTH.into_iter().zip(numbers).map(|(slot, number)| Step::SetEntry(slot, number)));
    steps.push(Step::SetOrder([&numbers[..], &kept].concat()));
    steps
}

/// What the firmware calls a slot.
pub fn entry_name(slot: Slot) -> String {
    format!("Ashlar {slot}")
}

/// The disks, one a line.
pub fn list(facts: &Facts) -> String {
    let line = |candidate: &Candidate| {
        let Candidate { device, users, content } = candidate;
        let size = device.disk.sectors * u64::from(device.disk.sector) / MIB;
        let mut notes = vec![content.clone().unwrap_or_else(|| "empty".to_owned())];
        notes.extend(device.removable.then(|| "removable".to_owned()));
        notes.extend(device.read_only.then(|| "read-only".to_owned()));
        notes.extend((!users.is_empty()).then(|| format!("in use at {}", users.join(", "))));
        format!("{:<10} {size:>9} MiB  {:<24} {}\n", device.name, device.model, notes.join("; "))
    };
    facts.disks.iter().map(line).collect()
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { device, table, system, steps } = self;
        let bytes = device.disk.sectors * u64::from(device.disk.sector);
        writeln!(f, "Ashlar {} goes on {} ({} MiB{})", system.version, device.name, bytes / MIB, model(device))?;
        for (number, partition) in table.partitions.iter().enumerate() {
            let sectors = partition.sectors.end - partition.sectors.start;
            let size = sectors * u64::from(device.disk.sector) / MIB;
            writeln!(f, "  partition {}  {:<12} {size:>9} MiB", number + 1, partition.name)?;
        }
        steps.iter().try_for_each(|step| writeln!(f, "  {step}"))
    }
}

fn model(device: &Device) -> String {
    if device.model.is_empty() { String::new() } else { format!(", {}", device.model) }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wipe(ranges) => write!(f, "erase what other systems would recognise, in {} places", ranges.len()),
            Self::Table(_) => f.write_str("write the partition table, twice"),
            Self::FormatState => f.write_str("make the encrypted state: LUKS2 with aes-xts-plain64, and ext4 in it"),
            Self::WriteSlot(slot) => {
                write!(f, "write the image into slot {slot}, read it back, and leave slot {} empty", slot.other())
            }
            Self::RemoveEntry(number) => {
                write!(f, "remove the firmware's entry {number:04X} of an earlier installation")
            }
            Self::SetEntry(slot, number) => write!(f, "give the firmware the entry {number:04X} for slot {slot}"),
            Self::SetOrder(numbers) => {
                let numbers: Vec<String> = numbers.iter().map(|number| format!("{number:04X}")).collect();
                write!(f, "have the firmware start {}", numbers.join(", then "))
            }
        }
    }
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
