//! A disk as the installed system will have it: a partition table and two slots, each a file system with one program.

use std::io::{Seek as _, SeekFrom, Write as _};

use anyhow::{Context as _, Result, anyhow};
use ashlar_core::formats::uki::authenticode;
use camino::{Utf8Path, Utf8PathBuf};
use slots::Guid;
use slots::disk::Disk;
use slots::entry::{self, Place};
use slots::fat::{self, BODY};
use slots::gpt::{EFI_SYSTEM, Partition, Table};

const MIB: u64 = 1 << 20;
/// Bytes of a sector.
const SECTOR: u32 = 512;
/// Bytes of a slot.
const SLOT: u64 = 288 * MIB;

/// A disk and the firmware's entries for its slots.
pub struct SlotDisk {
    /// The image of the disk.
    pub file: Utf8PathBuf,
    /// `EFI_LOAD_OPTION` of each slot.
    pub entries: [Vec<u8>; 2],
}

/// Writes a disk whose slots have the signed programs of these two media.
pub fn write(media: [&Utf8Path; 2], file: &Utf8Path) -> Result<SlotDisk> {
    let sectors = |bytes: u64| bytes / u64::from(SECTOR);
    let disk = Disk { sector: SECTOR, sectors: sectors(2 * SLOT + 2 * MIB) };
    let starts = [MIB, MIB + SLOT];
    let partition = |number: usize| Partition {
        kind: EFI_SYSTEM,
        id: Guid::random([number as u8 + 1; 16]),
        sectors: sectors(starts[number])..sectors(starts[number] + SLOT),
        name: format!("ashlar-{}", ["a", "b"][number]),
    };
    let table = Table { id: Guid::random([9; 16]), partitions: (0..media.len()).map(partition).collect() };
    // What is not written is a hole: the image takes no more room than the programs.
    let mut image = fs_err::File::create(file)?;
    image.set_len(disk.sectors * u64::from(SECTOR))?;
    let mut put = |at: u64, bytes: &[u8]| -> Result<()> {
        image.seek(SeekFrom::Start(at))?;
        Ok(image.write_all(bytes)?)
    };
    for write in table.writes(disk)? {
        put(write.at, &write.bytes)?;
    }
    for (medium, start) in media.into_iter().zip(starts) {
        let bytes = fs_err::read(medium)?;
        // A program that was changed still says where its signature is; only whether that is right does not matter here.
        let program = authenticode::in_medium(&bytes).with_context(|| format!("{medium} has no signed program"))?;
        let slot = Disk { sector: SECTOR, sectors: sectors(SLOT) };
        put(start, &fat::head(slot, program.len() as u64)?)?;
        put(start + BODY, program)?;
    }
    let entry = |number: usize| {
        let Partition { id, sectors, .. } = table.partitions.get(number)?;
        let place =
            Place { number: number as u32 + 1, first: sectors.start, sectors: sectors.end - sectors.start, id: *id };
        Some(entry::load_option(&format!("Ashlar {}", ["A", "B"][number]), &place))
    };
    let entries = entry(0).zip(entry(1)).ok_or_else(|| anyhow!("the disk has fewer slots"))?;
    Ok(SlotDisk { file: file.to_owned(), entries: entries.into() })
}
