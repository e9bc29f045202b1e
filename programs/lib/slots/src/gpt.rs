//! GUID partition tables (UEFI specification, chapter 5): what is written for one, and what the bytes of a disk say.

use std::fmt;
use std::ops::Range;

use crate::Guid;
use crate::disk::{Disk, Write};

/// `EFI System`: a partition that firmware starts from.
pub const EFI_SYSTEM: Guid = Guid::new(0xc12a_7328, 0xf81f, 0x11d2, 0xba4b_00a0_c93e_c93b);
/// `Linux LUKS`: the encrypted state.
pub const LUKS: Guid = Guid::new(0xca7d_7ccb, 0x63ed, 0x4c53, 0x861c_1742_5360_59cc);

/// Entries of a table: as many as every program expects.
const ENTRIES: usize = 128;
/// Bytes of an entry.
const ENTRY: usize = 128;
/// Bytes of a header, without what fills its sector.
const HEADER: usize = 92;
/// Characters of a partition's name, in UTF-16.
const NAME: usize = 36;
/// How a header begins.
const MAGIC: &[u8; 8] = b"EFI PART";
/// Version 1.0.
const REVISION: u32 = 0x0001_0000;

/// A partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition {
    /// What it is for.
    pub kind: Guid,
    /// Its own identity.
    pub id: Guid,
    /// Its sectors.
    pub sectors: Range<u64>,
    /// Its name, at most 36 characters of UTF-16.
    pub name: String,
}

/// The partitions of a disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// The disk's identity.
    pub id: Guid,
    /// In the order of their numbers, from 1.
    pub partitions: Vec<Partition>,
}

/// One of the two copies of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Copy {
    /// At the disk's beginning.
    Primary,
    /// At its end.
    Backup,
}

/// Why there is no table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GptError {
    /// Neither copy is there.
    Absent,
    /// Both copies are damaged.
    Damaged,
    /// A partition lies where it cannot, or has a name that is too long.
    Partition(usize),
    /// The disk is too small for a table.
    Small,
}

impl fmt::Display for GptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("the disk has no GUID partition table"),
            Self::Damaged => f.write_str("both copies of the disk's partition table are damaged"),
            Self::Partition(number) => {
                write!(f, "partition {number} overlaps another, leaves the disk, or has a long name")
            }
            Self::Small => f.write_str("the disk is too small for a partition table"),
        }
    }
}

impl std::error::Error for GptError {}

/// Sectors of the entries.
const fn entry_sectors(disk: Disk) -> u64 {
    (ENTRIES * ENTRY) as u64 / disk.sector as u64
}

/// The sectors that partitions may have.
///
/// # Errors
/// When the disk is too small for a table.
pub fn usable(disk: Disk) -> Result<Range<u64>, GptError> {
    let first = 2 + entry_sectors(disk);
    let end = disk.sectors.checked_sub(1 + entry_sectors(disk)).filter(|end| *end > first);
    end.map(|end| first..end).ok_or(GptError::Small)
}

/// Bytes at the disk's beginning, and as many but a sector at its end, that [`parse`] looks at.
pub const fn looked_at(disk: Disk) -> usize {
    2 * disk.sector as usize + ENTRIES * ENTRY
}

impl Table {
    /// Everything that a disk with this table has outside of its partitions: for other systems a partition that covers it, both copies
    /// of the table. The backup comes first, so that at every moment one of the two is whole.
    ///
    /// # Errors
    /// When a partition does not fit.
    pub fn writes(&self, disk: Disk) -> Result<Vec<Write>, GptError> {
        let usable = usable(disk)?;
        let mut taken: Vec<&Range<u64>> = Vec::new();
        for (at, partition) in self.partitions.iter().enumerate() {
            let range = &partition.sectors;
            let inside = range.start >= usable.start && range.end <= usable.end && !range.is_empty();
            let apart = taken.iter().all(|other| range.end <= other.start || other.end <= range.start);
            if !inside || !apart || at >= ENTRIES || partition.name.encode_utf16().count() > NAME {
                return Err(GptError::Partition(at + 1));
            }
            taken.push(range);
        }
        let entries = self.entries();
        let last = disk.sectors - 1;
        let copies = [(last, last - entry_sectors(disk), 1), (1, 2, last)];
        let mut writes: Vec<Write> = Vec::new();
        for (own, first_entry, other) in copies {
            let header = self.header(disk, &usable, &entries, own, first_entry, other);
            writes.push(Write { at: first_entry * u64::from(disk.sector), bytes: entries.clone() });
            writes.push(Write { at: own * u64::from(disk.sector), bytes: header });
        }
        writes.push(Write { at: 0, bytes: protective(disk) });
        Ok(writes)
    }

    fn entries(&self) -> Vec<u8> {
        let mut bytes = vec![0; ENTRIES * ENTRY];
        for (entry, partition) in bytes.chunks_exact_mut(ENTRY).zip(&self.partitions) {
            entry[..16].copy_from_slice(&partition.kind.0);
            entry[16..32].copy_from_slice(&partition.id.0);
            entry[32..40].copy_from_slice(&partition.sectors.start.to_le_bytes());
            entry[40..48].copy_from_slice(&(partition.sectors.end - 1).to_le_bytes());
            for (place, unit) in entry[56..].chunks_exact_mut(2).zip(partition.name.encode_utf16()) {
                place.copy_from_slice(&unit.to_le_bytes());
            }
        }
        bytes
    }

    fn header(
        &self,
        disk: Disk,
        usable: &Range<u64>,
        entries: &[u8],
        own: u64,
        first_entry: u64,
        other: u64,
    ) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend(MAGIC);
        bytes.extend(REVISION.to_le_bytes());
        bytes.extend((HEADER as u32).to_le_bytes());
        // The checksum's place, and four bytes that are reserved.
        bytes.extend([0; 8]);
        for sector in [own, other, usable.start, usable.end - 1] {
            bytes.extend(sector.to_le_bytes());
        }
        bytes.extend(self.id.0);
        bytes.extend(first_entry.to_le_bytes());
        for number in [ENTRIES as u32, ENTRY as u32, crc32(entries)] {
            bytes.extend(number.to_le_bytes());
        }
        let sum = crc32(&bytes);
        bytes[16..20].copy_from_slice(&sum.to_le_bytes());
        bytes.resize(disk.sector as usize, 0);
        bytes
    }
}

/// The first sector, as systems without GPT read it: one partition of an unknown kind over the whole disk.
fn protective(disk: Disk) -> Vec<u8> {
    let mut bytes = vec![0; disk.sector as usize];
    let size = u32::try_from(disk.sectors - 1).unwrap_or(u32::MAX);
    let entry = [[0, 0, 2, 0], [0xee, 0xff, 0xff, 0xff], 1_u32.to_le_bytes(), size.to_le_bytes()].concat();
    bytes[446..462].copy_from_slice(&entry);
    bytes[510..512].copy_from_slice(&[0x55, 0xaa]);
    bytes
}

/// The table of a disk, of its first [`looked_at`] bytes and its last, which may be a sector fewer; and the copy that is not whole, if
/// one is not. Never panics, whatever the bytes.
///
/// # Errors
/// When no copy is whole.
pub fn parse(disk: Disk, head: &[u8], tail: &[u8]) -> Result<(Table, Option<Copy>), GptError> {
    let sector = disk.sector as usize;
    let entries = ENTRIES * ENTRY;
    let primary = part(head, sector, sector).zip(part(head, 2 * sector, entries));
    let at = tail.len().checked_sub(sector);
    let backup = at.and_then(|at| part(tail, at, sector).zip(part(tail, at.checked_sub(entries)?, entries)));
    let last = disk.sectors.checked_sub(1).ok_or(GptError::Small)?;
    let read = |copy: Option<(&[u8], &[u8])>, own| copy.and_then(|(header, entries)| table(disk, header, entries, own));
    let there = [primary, backup].into_iter().flatten().any(|(header, _)| header.starts_with(MAGIC));
    match (read(primary, 1), read(backup, last)) {
        (Some(first), Some(second)) if first == second => Ok((first, None)),
        (Some(first), _) => Ok((first, Some(Copy::Backup))),
        (None, Some(second)) => Ok((second, Some(Copy::Primary))),
        (None, None) if there => Err(GptError::Damaged),
        (None, None) => Err(GptError::Absent),
    }
}

fn part(bytes: &[u8], at: usize, length: usize) -> Option<&[u8]> {
    bytes.get(at..at.checked_add(length)?)
}

/// The table of one copy, if its checksums are right and it is at home at sector `own`.
fn table(disk: Disk, header: &[u8], entries: &[u8], own: u64) -> Option<Table> {
    let u32_at = |at| Some(u32::from_le_bytes(part(header, at, 4)?.try_into().ok()?));
    let u64_at = |at| Some(u64::from_le_bytes(part(header, at, 8)?.try_into().ok()?));
    let mut summed = part(header, 0, HEADER)?.to_vec();
    summed[16..20].fill(0);
    let sums = u32_at(16)? == crc32(&summed) && u32_at(88)? == crc32(entries);
    let form = header.starts_with(MAGIC) && u32_at(12)? as usize == HEADER && (u32_at(80)?, u32_at(84)?) == (128, 128);
    if !sums || !form || u64_at(24)? != own {
        return None;
    }
    let id = Guid(part(header, 56, 16)?.try_into().ok()?);
    let used = entries.chunks_exact(ENTRY).filter(|entry| entry[..16] != [0; 16]);
    let partitions = used.map(partition).collect::<Option<Vec<_>>>()?;
    let end = |partition: &Partition| partition.sectors.end <= disk.sectors;
    partitions.iter().all(end).then_some(Table { id, partitions })
}

fn partition(entry: &[u8]) -> Option<Partition> {
    let u64_at = |at| Some(u64::from_le_bytes(part(entry, at, 8)?.try_into().ok()?));
    let units = entry[56..].chunks_exact(2).map(|unit| u16::from_le_bytes([unit[0], unit[1]]));
    let name = char::decode_utf16(units.take_while(|unit| *unit != 0));
    let (first, last) = (u64_at(32)?, u64_at(40)?);
    let end = last.checked_add(1).filter(|end| *end > first)?;
    Some(Partition {
        kind: Guid(part(entry, 0, 16)?.try_into().ok()?),
        id: Guid(part(entry, 16, 16)?.try_into().ok()?),
        sectors: first..end,
        name: name.map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect(),
    })
}

/// The checksum of GPT: CRC-32 of ISO 3309, bit by bit; tables are small.
pub fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| if sum & 1 == 1 { sum >> 1 ^ 0xedb8_8320 } else { sum >> 1 })
    })
}

#[cfg(test)]
#[path = "gpt_tests.rs"]
mod tests;
