//! A disk as the installed system will have it: a partition table and two slots, each a file system with one program.

use std::io::{Seek as _, SeekFrom, Write as _};

use anyhow::{Context as _, Result};
use ashlar_core::formats::uki::authenticode;
use camino::{Utf8Path, Utf8PathBuf};
use slots::disk::Disk;
use slots::entry;
use slots::fat::{self, BODY};
use slots::layout;
use slots::system::Slot;

/// Bytes of a sector.
const SECTOR: u32 = 512;
/// Bytes of the disk: the least that an installed system has.
const SIZE: u64 = 1 << 30;

/// A disk and the firmware's entries for its slots.
pub struct SlotDisk {
    /// The image of the disk.
    pub file: Utf8PathBuf,
    /// `EFI_LOAD_OPTION` of each slot.
    pub entries: Vec<Vec<u8>>,
}

/// Writes a disk whose slots have the signed programs of these two media. Its state is empty.
pub fn write(media: [&Utf8Path; 2], file: &Utf8Path) -> Result<SlotDisk> {
    let disk = Disk { sector: SECTOR, sectors: SIZE / u64::from(SECTOR) };
    // The identities need only differ.
    let mut identity = 0;
    let table = layout::table(disk, || {
        identity += 1;
        [identity; 16]
    })?;
    // What is not written is a hole: the image takes no more room than the programs.
    let mut image = fs_err::File::create(file)?;
    image.set_len(SIZE)?;
    let mut put = |at: u64, bytes: &[u8]| -> Result<()> {
        image.seek(SeekFrom::Start(at))?;
        Ok(image.write_all(bytes)?)
    };
    for write in table.writes(disk)? {
        put(write.at, &write.bytes)?;
    }
    let mut entries = Vec::new();
    for (slot, medium) in Slot::BOTH.into_iter().zip(media) {
        let bytes = fs_err::read(medium)?;
        let program = authenticode::in_medium(&bytes).with_context(|| format!("{medium} has no signed program"))?;
        let place = layout::place(&table, slot).context("the disk has fewer slots")?;
        let start = place.first * u64::from(SECTOR);
        put(start + BODY, program)?;
        put(start, &fat::head(Disk { sector: SECTOR, sectors: place.sectors }, program.len() as u64)?)?;
        entries.push(entry::load_option(&format!("Ashlar {slot}"), &place));
    }
    Ok(SlotDisk { file: file.to_owned(), entries })
}
