//! Where the partitions of an installed system lie: slot A, slot B, and the state in what is left.

use std::fmt;
use std::ops::Range;

use crate::Guid;
use crate::disk::Disk;
use crate::gpt::{self, EFI_SYSTEM, GptError, LUKS, Partition, Table};
use crate::system::Slot;

const MIB: u64 = 1 << 20;
/// Bytes of a slot. FAT32 needs 260 MiB on disks with sectors of 4096 bytes.
pub const SLOT: u64 = 288 * MIB;
/// Bytes that the state has at least.
pub const LEAST_STATE: u64 = 400 * MIB;
/// Partitions begin and end at a multiple of this, as every tool does it.
const ALIGN: u64 = MIB;
/// The state's number in the table, from 0.
pub const STATE: usize = 2;

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
    let mut partition = |kind, bytes: Range<u64>, name: &str| Partition {
        kind,
        id: Guid::random(random()),
        sectors: bytes.start / sector..bytes.end / sector,
        name: name.to_owned(),
    };
    let partitions = vec![
        partition(EFI_SYSTEM, first..first + SLOT, "ashlar-a"),
        partition(EFI_SYSTEM, first + SLOT..state, "ashlar-b"),
        partition(LUKS, state..end, "ashlar-state"),
    ];
    Ok(Table { id: Guid::random(random()), partitions })
}

/// Whether a table is one that [`table`] makes for this disk, whatever the identities.
pub fn is_ours(disk: Disk, found: &Table) -> bool {
    let plain = |table: &Table| {
        let row = |partition: &Partition| (partition.kind, partition.sectors.clone(), partition.name.clone());
        table.partitions.iter().map(row).collect::<Vec<_>>()
    };
    table(disk, || [0; 16]).is_ok_and(|ours| plain(&ours) == plain(found))
}

/// The partition of a slot.
pub fn slot(table: &Table, slot: Slot) -> Option<&Partition> {
    table.partitions.get(slot as usize)
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
            assert!(is_ours(disk, &table));
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
        assert!(!is_ours(disk, &other));
        other.partitions.clear();
        assert!(!is_ours(disk, &other));
    }
}
