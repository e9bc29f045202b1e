//! The file system of a slot: FAT32 with exactly one file, `\EFI\BOOT\BOOTX64.EFI`, in one piece.
//!
//! The file begins [`BODY`] bytes into the partition; what makes the partition a file system lies before. So a slot whose first part is
//! erased has no file system at all, and an update writes the file first and that part last.

use std::fmt;

use crate::disk::Disk;

/// Where the file begins in the partition, in bytes.
pub const BODY: u64 = 1 << 20;
/// Bytes of a cluster.
const CLUSTER: u64 = 4096;
/// Fewer clusters would make firmware read it as FAT16.
const LEAST_CLUSTERS: u64 = 65_525;
/// The first number of a cluster.
const FIRST: u64 = 2;
/// Clusters of the root, `EFI` and `BOOT`, which come before the file's.
const DIRECTORIES: u64 = 3;
/// The mark of a chain's last cluster.
const LAST: u32 = 0x0fff_ffff;
/// 2026-01-01, as directories have it.
const DATE: u16 = (2026 - 1980) << 9 | 1 << 5 | 1;
/// Attributes of a directory and of a file.
const DIRECTORY: u8 = 0x10;
const ARCHIVE: u8 = 0x20;

/// Why a partition cannot hold the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FatError {
    /// The file is larger than the room for it.
    Full {
        /// Bytes that there is room for.
        room: u64,
        /// Bytes of the file.
        wanted: u64,
    },
    /// FAT32 needs more clusters, or its tables do not fit into the part before the file.
    Size {
        /// Bytes of the partition.
        partition: u64,
    },
}

impl fmt::Display for FatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full { room, wanted } => {
                write!(
                    f,
                    "the image has {wanted} bytes, and the slot has room for {room}: install anew with larger slots"
                )
            }
            Self::Size { partition } => {
                write!(
                    f,
                    "a slot of {partition} bytes cannot be FAT32 with the image in its place: from 258 to 480 MiB it can"
                )
            }
        }
    }
}

impl std::error::Error for FatError {}

/// Bytes that a file may have in a partition of this size.
///
/// # Errors
/// When the partition is too small or too large.
pub fn room(partition: Disk) -> Result<u64, FatError> {
    let layout = Layout::of(partition)?;
    Ok((layout.clusters - DIRECTORIES) * CLUSTER)
}

/// The partition's first [`BODY`] bytes, around a file of `size` bytes.
///
/// # Errors
/// When the partition has a size that does not work, or the file does not fit.
pub fn head(partition: Disk, size: u64) -> Result<Vec<u8>, FatError> {
    let layout = Layout::of(partition)?;
    let room = room(partition)?;
    if size > room {
        return Err(FatError::Full { room, wanted: size });
    }
    let sector = partition.sector as usize;
    let mut bytes = vec![0; BODY as usize];
    let boot = layout.boot_sector(partition);
    let info = layout.information(size, sector);
    // The second pair is a copy for repairs.
    for at in [0, 6 * sector] {
        bytes[at..at + sector].copy_from_slice(&boot);
        bytes[at + sector..at + 2 * sector].copy_from_slice(&info);
    }
    let table = layout.table(size);
    let fat = (layout.fat_sectors * u64::from(partition.sector)) as usize;
    let first = (layout.reserved * u64::from(partition.sector)) as usize;
    for at in [first, first + fat] {
        bytes[at..at + table.len()].copy_from_slice(&table);
    }
    for (number, directory) in directories(size).iter().enumerate() {
        let at = BODY as usize - (DIRECTORIES as usize - number) * CLUSTER as usize;
        bytes[at..at + directory.len()].copy_from_slice(directory);
    }
    Ok(bytes)
}

/// The size of the file in a partition that begins with these bytes, if they are what [`head`] makes; anything else is no slot.
pub fn file_size(partition: Disk, head: &[u8]) -> Option<u64> {
    // The last directory's third entry is the file's; its last four bytes are the size.
    let at = (BODY - CLUSTER) as usize + 3 * 32 - 4;
    let size = u64::from(u32::from_le_bytes(head.get(at..at + 4)?.try_into().ok()?));
    (head.get(..BODY as usize) == self::head(partition, size).ok().as_deref()).then_some(size)
}

/// What follows from the partition's size.
struct Layout {
    /// Clusters of files and directories.
    clusters: u64,
    /// Sectors of one of the two tables.
    fat_sectors: u64,
    /// Sectors before the first table.
    reserved: u64,
}

impl Layout {
    fn of(partition: Disk) -> Result<Self, FatError> {
        let sector = u64::from(partition.sector);
        let size = partition.sectors.saturating_mul(sector);
        let wrong = FatError::Size { partition: size };
        let data = BODY - DIRECTORIES * CLUSTER;
        let clusters = size.checked_sub(data).ok_or(wrong.clone())? / CLUSTER;
        let fat_sectors = ((clusters + FIRST) * 4).div_ceil(sector);
        // Boot sector, its information, and their copy at 6.
        let reserved =
            (data / sector).checked_sub(2 * fat_sectors).filter(|reserved| *reserved >= 8).ok_or(wrong.clone())?;
        let whole =
            [512, 4096].contains(&sector) && clusters >= LEAST_CLUSTERS && partition.sectors <= u64::from(u32::MAX);
        if whole { Ok(Self { clusters, fat_sectors, reserved }) } else { Err(wrong) }
    }

    fn boot_sector(&self, partition: Disk) -> Vec<u8> {
        let mut bytes = vec![0; partition.sector as usize];
        let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
        put(0, &[0xeb, 0x58, 0x90]);
        put(3, b"ASHLAR  ");
        put(11, &(partition.sector as u16).to_le_bytes());
        put(13, &[(CLUSTER / u64::from(partition.sector)) as u8]);
        put(14, &(self.reserved as u16).to_le_bytes());
        // Two tables, a fixed disk, the geometry that everybody writes.
        put(16, &[2]);
        put(21, &[0xf8]);
        put(24, &[63, 0, 255, 0]);
        put(32, &(partition.sectors as u32).to_le_bytes());
        put(36, &(self.fat_sectors as u32).to_le_bytes());
        put(44, &(FIRST as u32).to_le_bytes());
        put(48, &[1, 0, 6, 0]);
        put(64, &[0x80, 0, 0x29]);
        put(67, b"SLOT");
        put(71, b"ASHLAR     FAT32   ");
        put(510, &[0x55, 0xaa]);
        bytes
    }

    /// How many clusters are free, and which was given last.
    fn information(&self, size: u64, sector: usize) -> Vec<u8> {
        let used = DIRECTORIES + size.div_ceil(CLUSTER);
        let mut bytes = vec![0; sector];
        bytes[..4].copy_from_slice(b"RRaA");
        bytes[484..488].copy_from_slice(b"rrAa");
        bytes[488..492].copy_from_slice(&((self.clusters - used) as u32).to_le_bytes());
        bytes[492..496].copy_from_slice(&((used + FIRST - 1) as u32).to_le_bytes());
        bytes[510..512].copy_from_slice(&[0x55, 0xaa]);
        bytes
    }

    /// The used part of a table: two entries that mean something else, a cluster for each directory, the file's chain.
    fn table(&self, size: u64) -> Vec<u8> {
        let clusters = size.div_ceil(CLUSTER) as u32;
        let first = (FIRST + DIRECTORIES) as u32;
        let chain = (0..clusters).map(|at| if at + 1 == clusters { LAST } else { first + at + 1 });
        let entries = [0x0fff_fff8, LAST, LAST, LAST, LAST].into_iter().chain(chain);
        entries.flat_map(u32::to_le_bytes).collect()
    }
}

/// The three directories: root, `EFI`, `BOOT`.
fn directories(size: u64) -> [Vec<u8>; 3] {
    let [efi, boot, file] = [3, 4, 5];
    let label = entry(b"ASHLAR     ", 0x08, 0, 0);
    // The root is named 0.
    let dots =
        |own, parent| [entry(b".          ", DIRECTORY, own, 0), entry(b"..         ", DIRECTORY, parent, 0)].concat();
    let first = if size == 0 { 0 } else { file };
    [
        [label, entry(b"EFI        ", DIRECTORY, efi, 0)].concat(),
        [dots(efi, 0), entry(b"BOOT       ", DIRECTORY, boot, 0)].concat(),
        [dots(boot, efi), entry(b"BOOTX64 EFI", ARCHIVE, first, size as u32)].concat(),
    ]
}

fn entry(name: &[u8; 11], attributes: u8, cluster: u32, size: u32) -> Vec<u8> {
    let mut bytes = vec![0; 32];
    bytes[..11].copy_from_slice(name);
    bytes[11] = attributes;
    for at in [16, 18, 24] {
        bytes[at..at + 2].copy_from_slice(&DATE.to_le_bytes());
    }
    bytes[20..22].copy_from_slice(&((cluster >> 16) as u16).to_le_bytes());
    bytes[26..28].copy_from_slice(&(cluster as u16).to_le_bytes());
    bytes[28..32].copy_from_slice(&size.to_le_bytes());
    bytes
}

#[cfg(test)]
#[path = "fat_tests.rs"]
mod tests;
