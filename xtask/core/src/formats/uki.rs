//! Unified kernel images: sections appended to an EFI stub, written by us so that no objcopy version decides about bytes.
//!
//! Every added section begins in the file at a multiple of [`FILE_ALIGN`] and is padded to it, so that a BIOS loader can address
//! kernel and initramfs inside the image as whole CD sectors. Sections lie end to end: programs that sign, and firmware that verifies,
//! do not agree about bytes between sections. Signing comes afterwards and is another module's.

pub mod authenticode;

use std::fmt::Write as _;

use slots::pe::{CHECK_SUM, HEADERS_SIZE, IMAGE_SIZE, NUMBER_OF_SECTIONS, SECTION, TIME_STAMP, u32_at};
pub use slots::pe::{NoProgram, Pe, Section, parse};

/// Added sections begin and end in the file at a multiple of this, in bytes: a CD sector.
pub const FILE_ALIGN: usize = 2048;

/// The form of the image. Raise it when the same sections give other bytes: the store keeps the earlier ones.
pub const FORM: u32 = 2;

/// Contains initialised data, readable: what all added sections are.
const DATA: u32 = 0x4000_0040;
/// Where the optional header has the size of all initialised data.
const INITIALISED_SIZE: usize = 8;

/// Where a section header has the length in the file.
const RAW_SIZE: usize = 16;

/// Why an image cannot be read or made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UkiError {
    /// The bytes are not a PE image for this machine.
    #[error(transparent)]
    Form(#[from] NoProgram),
    /// The section table cannot grow.
    #[error(
        "the stub has room for {room} more section headers and needs {wanted}: build the stub with a larger header (elf2efi's `--minimum-sections`)"
    )]
    NoRoom {
        /// Headers that fit.
        room: usize,
        /// Headers that were asked for.
        wanted: usize,
    },
    /// A section that cannot be added.
    #[error("the section `{name}` cannot be added: {reason}")]
    Section {
        /// Name as given.
        name: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// Adding bytes would invalidate a signature.
    #[error("the stub is signed already: add sections to the unsigned stub and sign the result")]
    Signed,
}

/// A finished image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uki {
    /// The PE file.
    pub bytes: Vec<u8>,
    /// The added sections, in the order given.
    pub added: Vec<Section>,
}

/// How many more section headers fit before the first section's bytes, in the file and in memory.
fn room(pe: &Pe) -> usize {
    let table_end = pe.table + pe.sections.len() * SECTION;
    let first_raw = pe.sections.iter().filter(|s| s.file_size > 0).map(|s| s.file_offset as usize).min();
    let first_address = pe.sections.iter().map(|section| section.address as usize).min();
    let limit = first_raw.unwrap_or(0).min(first_address.unwrap_or(0));
    limit.saturating_sub(table_end) / SECTION
}

/// The stub with `sections` appended, in that order.
pub fn assemble(stub: &[u8], sections: &[(&str, &[u8])]) -> Result<Uki, UkiError> {
    let pe = parse(stub)?;
    if pe.signed {
        return Err(UkiError::Signed);
    }
    if room(&pe) < sections.len() {
        return Err(UkiError::NoRoom { room: room(&pe), wanted: sections.len() });
    }
    let table = pe.table + pe.sections.len() * SECTION;
    if stub[table..table + sections.len() * SECTION].iter().any(|byte| *byte != 0) {
        return Err(NoProgram("there is something behind its section table").into());
    }
    let align = FILE_ALIGN.max(pe.file_alignment as usize);
    let mut bytes = stub.to_vec();
    let mut added: Vec<Section> = Vec::new();
    for (name, content) in sections {
        let refuse = |reason| UkiError::Section { name: (*name).to_owned(), reason };
        let taken = pe.sections.iter().chain(&added).any(|section| section.name == *name);
        if taken || name.is_empty() || name.len() > 8 || content.is_empty() {
            return Err(refuse("its name is taken, empty or longer than eight bytes, or it has no content"));
        }
        let too_large = || refuse("the image would reach 4 GiB");
        let ends = pe.sections.iter().chain(&added).map(|section| section.address.checked_add(section.size));
        let end = ends.collect::<Option<Vec<u32>>>().and_then(|ends| ends.into_iter().max()).unwrap_or(u32::MAX);
        let address = end.checked_next_multiple_of(pe.section_alignment).ok_or_else(too_large)?;
        bytes.resize(bytes.len().next_multiple_of(align), 0);
        let offset = bytes.len();
        bytes.extend_from_slice(content);
        bytes.resize(bytes.len().next_multiple_of(align), 0);
        let number = |value: usize| u32::try_from(value).map_err(|_| too_large());
        added.push(Section {
            name: (*name).to_owned(),
            address,
            size: number(content.len())?,
            file_offset: number(offset)?,
            file_size: number(bytes.len() - offset)?,
            flags: DATA,
        });
        address.checked_add(added.last().map_or(0, |section| section.size)).ok_or_else(too_large)?;
    }
    patch(&mut bytes, &pe, &added)?;
    Ok(Uki { bytes, added })
}

/// Writes the new section headers and every field of the other headers that follows from them.
fn patch(bytes: &mut [u8], pe: &Pe, added: &[Section]) -> Result<(), UkiError> {
    let mut put = |at: usize, value: u32| bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
    let first = pe.table + pe.sections.len() * SECTION;
    for (index, section) in added.iter().enumerate() {
        let at = first + index * SECTION;
        let values = [section.size, section.address, section.file_size, section.file_offset, 0, 0, 0, section.flags];
        for (field, value) in values.into_iter().enumerate() {
            put(at + 8 + field * 4, value);
        }
    }
    // The stub's last section takes the padding behind it.
    let in_file = pe.sections.iter().enumerate().filter(|(_, section)| section.file_size > 0);
    let last = in_file.max_by_key(|(_, section)| section.file_offset);
    let grown = last.zip(added.first()).map(|((index, last), next)| {
        let size = next.file_offset - last.file_offset;
        put(pe.table + index * SECTION + RAW_SIZE, size);
        size - last.file_size
    });
    let end = first + added.len() * SECTION;
    let headers = (end as u32).next_multiple_of(pe.file_alignment).max(pe.headers_size);
    let ends = pe.sections.iter().chain(added).map(|section| section.address.saturating_add(section.size));
    let image = ends.max().unwrap_or(0).checked_next_multiple_of(pe.section_alignment);
    let image = image.ok_or(NoProgram("the image would reach 4 GiB"))?;
    put(pe.header + TIME_STAMP, 0);
    put(pe.optional + HEADERS_SIZE, headers);
    put(pe.optional + IMAGE_SIZE, image);
    put(pe.optional + CHECK_SUM, 0);
    let data = u32_at(bytes, pe.optional + INITIALISED_SIZE).unwrap_or(0);
    let data = data.saturating_add(grown.unwrap_or(0));
    let data = added.iter().fold(data, |sum, section| sum.saturating_add(section.file_size));
    bytes[pe.optional + INITIALISED_SIZE..][..4].copy_from_slice(&data.to_le_bytes());
    for (index, section) in added.iter().enumerate() {
        let at = first + index * SECTION;
        bytes[at..at + 8].fill(0);
        bytes[at..at + section.name.len()].copy_from_slice(section.name.as_bytes());
    }
    let count = (pe.sections.len() + added.len()) as u16;
    bytes[pe.header + NUMBER_OF_SECTIONS..][..2].copy_from_slice(&count.to_le_bytes());
    let sum = check_sum(bytes, pe.optional + CHECK_SUM);
    bytes[pe.optional + CHECK_SUM..][..4].copy_from_slice(&sum.to_le_bytes());
    Ok(())
}

/// The PE checksum: 16-bit words added with carry, the field itself as zero, plus the length of the file.
fn check_sum(bytes: &[u8], field: usize) -> u32 {
    let mut sum = 0u64;
    for (index, word) in bytes.chunks(2).enumerate() {
        if index * 2 != field && index * 2 != field + 2 {
            sum += u64::from(word[0]) | u64::from(word.get(1).copied().unwrap_or(0)) << 8;
        }
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    (sum as u32).wrapping_add(bytes.len() as u32)
}

/// The image's headers as annotated text.
pub fn dump(bytes: &[u8]) -> String {
    let pe = match parse(bytes) {
        Ok(pe) => pe,
        Err(error) => return format!("{error}\n"),
    };
    let good = check_sum(bytes, pe.optional + CHECK_SUM) == pe.check_sum;
    let mut out = format!(
        "PE x86-64, {} bytes, time {}, in memory {:#x}, headers {:#x}, alignment {:#x} file {:#x}, checksum {}, {}\n",
        bytes.len(),
        pe.time_stamp,
        pe.image_size,
        pe.headers_size,
        pe.section_alignment,
        pe.file_alignment,
        if good { "good" } else { "not set" },
        if pe.signed { "signed" } else { "not signed" },
    );
    for Section { name, address, size, file_offset, file_size, flags } in &pe.sections {
        let _infallible = writeln!(
            out,
            "{name:<8} address {address:#09x} size {size:#08x} file {file_offset:#09x} + {file_size:#08x} flags {flags:08x}"
        );
    }
    out
}

#[cfg(test)]
mod tests;
