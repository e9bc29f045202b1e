//! Where the partitions of an installed system lie: slot A, slot B, and the state in what is left.

use std::fmt;
use std::ops::Range;

use crate::Guid;
use crate::disk::Disk;
use crate::entry::Place;
use crate::gpt::{self, EFI_SYSTEM, GptError, LUKS, Partition, Table};
use crate::system::Slot;

const MIB: u64 = 1 << 20;
/// Bytes of a slot. FAT32 needs 260 MiB on disks with sectors of 4096 bytes.
pub const SLOT: u64 = 288 * MIB;
/// Bytes that the state has at least.
pub const LEAST_STATE: u64 = 400 * MIB;
/// Partitions begin and end at a multiple of this, as every tool does it.
const ALIGN: u64 = MIB;
/// What the partitions are for, and their names.
const KINDS: [(Guid, &str); 3] = [(EFI_SYSTEM, "ashlar-a"), (EFI_SYSTEM, "ashlar-b"), (LUKS, "ashlar-state")];

/// Why a disk cannot have the partitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LayoutError {
    /// It is too small.
    Small {
        /// Bytes that it has.
        has: u64,
        /// Bytes that it must have.
        needs: u64,
    },
    /// Its sectors have a size that FAT32 or LUKS cannot have.
    Sector(u32),
    /// The table does not fit.
    Table(GptError),
}

impl fmt::Display for LayoutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Small { has, needs } => {
                write!(f, "the disk has {} MiB, and two slots with a state need {} MiB", has / MIB, needs.div_ceil(MIB))
            }
            Self::Sector(bytes) => write!(f, "the disk has sectors of {bytes} bytes; 512 and 4096 work"),
            Self::Table(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for LayoutError {}

/// The table of a disk with two slots and the state. `random` gives sixteen random bytes for each of the four identities.
///
/// # Errors
/// When the disk is too small, or has sectors of an unusual size.
pub fn table(disk: Disk, mut random: impl FnMut() -> [u8; 16]) -> Result<Table, LayoutError> {
    let sector = u64::from(disk.sector);
    if ![512, 4096].contains(&disk.sector) {
        return Err(LayoutError::Sector(disk.sector));
    }
    let usable = gpt::usable(disk).map_err(LayoutError::Table)?;
    let first = (usable.start * sector).next_multiple_of(ALIGN);
    let end = usable.end * sector / ALIGN * ALIGN;
    let state = first + 2 * SLOT;
    // Behind the state lies the second copy of the table.
    let needs = state + LEAST_STATE + (disk.sectors - usable.end) * sector;
    if end < state + LEAST_STATE {
        return Err(LayoutError::Small { has: disk.sectors * sector, needs });
    }
    let places: [Range<u64>; 3] = [first..first + SLOT, first + SLOT..state, state..end];
    let partitions = KINDS.into_iter().zip(places).map(|((kind, name), bytes)| Partition {
        kind,
        id: Guid::random(random()),
        sectors: bytes.start / sector..bytes.end / sector,
        name: name.to_owned(),
    });
    let partitions = partitions.collect();
    Ok(Table { id: Guid::random(random()), partitions })
}

/// Whether a table is that of an installed system: two slots, and the state behind them. A disk may have grown since.
pub fn is_ours(found: &Table) -> bool {
    let row = |partition: &Partition| (partition.kind, partition.name.clone());
    let rows: Vec<_> = found.partitions.iter().map(row).collect();
    rows == KINDS.map(|(kind, name)| (kind, name.to_owned()))
}

/// The partition of a slot.
pub fn slot(table: &Table, slot: Slot) -> Option<&Partition> {
    table.partitions.get(slot as usize)
}

/// The number of a slot's partition, from 1.
pub const fn number(slot: Slot) -> u32 {
    slot as u32 + 1
}

/// The number of the state's partition, from 1.
pub const STATE: u32 = 3;

/// The slot whose partition has this identity.
pub fn slot_of(table: &Table, id: Guid) -> Option<Slot> {
    Slot::BOTH.into_iter().find(|slot| self::slot(table, *slot).is_some_and(|partition| partition.id == id))
}

/// A slot's partition as the firmware names it.
pub fn place(table: &Table, slot: Slot) -> Option<Place> {
    let partition = self::slot(table, slot)?;
    let Range { start, end } = partition.sectors;
    Some(Place { number: number(slot), first: start, sectors: end - start, id: partition.id })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fat;

    const GIB: u64 = 1 << 30;

    fn disk(bytes: u64, sector: u32) -> Disk {
        Disk { sector, sectors: bytes / u64::from(sector) }
    }

    fn random() -> impl FnMut() -> [u8; 16] {
        let mut count = 0;
        move || {
            count += 1;
            [count; 16]
        }
    }

    #[test]
    fn a_gibibyte_is_enough() {
        for sector in [512, 4096] {
            let disk = disk(GIB, sector);
            let table = table(disk, random()).unwrap();
            assert!(table.writes(disk).is_ok());
            assert!(is_ours(&table));
            let [a, b, state] = table.partitions.as_slice() else { panic!("three partitions") };
            assert_eq!((a.sectors.end, b.sectors.end), (b.sectors.start, state.sectors.start));
            assert_eq!(slot(&table, Slot::B), Some(b));
            let bytes = |partition: &Partition| (partition.sectors.end - partition.sectors.start) * u64::from(sector);
            assert_eq!((bytes(a), bytes(b)), (SLOT, SLOT));
            assert!(bytes(state) >= LEAST_STATE && bytes(state) % 4096 == 0);
            assert!(fat::room(Disk { sector, sectors: SLOT / u64::from(sector) }).is_ok());
            let ids: std::collections::BTreeSet<_> = table.partitions.iter().map(|partition| partition.id).collect();
            assert_eq!(ids.len(), 3);
        }
    }

    #[test]
    fn what_is_too_small_says_what_is_needed() {
        let needs = match table(disk(GIB / 2, 512), random()) {
            Err(LayoutError::Small { needs, .. }) => needs,
            other => panic!("{other:?}"),
        };
        assert_eq!(needs.div_ceil(MIB), 978);
        let error = table(disk(GIB / 2, 512), random()).unwrap_err();
        assert_eq!(error.to_string(), "the disk has 512 MiB, and two slots with a state need 978 MiB");
        assert!(table(disk(979 * MIB, 512), random()).is_ok());
        assert!(table(disk(976 * MIB, 512), random()).is_err());
        assert!(matches!(table(disk(10 * 512, 512), random()), Err(LayoutError::Table(GptError::Small))));
        assert_eq!(table(disk(GIB, 2048), random()), Err(LayoutError::Sector(2048)));
    }

    #[test]
    fn another_table_is_not_ours() {
        let disk = disk(GIB, 512);
        let mut other = table(disk, random()).unwrap();
        other.partitions[0].name.push('x');
        assert!(!is_ours(&other));
        other.partitions[0].name.pop();
        assert!(is_ours(&other));
        assert_eq!(slot_of(&other, other.partitions[1].id), Some(Slot::B));
        assert_eq!(slot_of(&other, other.partitions[2].id), None);
        assert_eq!(place(&other, Slot::B).map(|place| (place.number, place.sectors)), Some((2, SLOT / 512)));
        other.partitions.clear();
        assert!(!is_ours(&other));
    }
}
