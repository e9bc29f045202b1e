//! Unified kernel images: sections appended to an EFI stub, written by us so that no objcopy version decides about bytes.
//!
//! Every added section begins in the file at a multiple of [`FILE_ALIGN`] and is padded to it, so that a BIOS loader can address
//! kernel and initramfs inside the image as whole CD sectors. Sections lie end to end: programs that sign, and firmware that verifies,
//! do not agree about bytes between sections. Signing comes afterwards and is another module's.

pub mod authenticode;

use std::fmt::Write as _;

/// Added sections begin and end in the file at a multiple of this, in bytes: a CD sector.
pub const FILE_ALIGN: usize = 2048;

/// The form of the image. Raise it when the same sections give other bytes: the store keeps the earlier ones.
pub const FORM: u32 = 2;

/// Contains initialised data, readable: what all added sections are.
const DATA: u32 = 0x4000_0040;
/// Bytes of a section header.
const SECTION: usize = 40;
/// Machine code of x86-64 in the file header.
const MACHINE_AMD64: u16 = 0x8664;
/// The optional header's magic of 64-bit images.
const PE32_PLUS: u16 = 0x20b;
/// Index of the signature's data directory.
const CERTIFICATES: usize = 4;

// Offsets in the file header (after `PE\0\0`) and in the optional header, as the PE specification numbers them.
const NUMBER_OF_SECTIONS: usize = 2;
const TIME_STAMP: usize = 4;
const OPTIONAL_SIZE: usize = 16;
const FILE_HEADER: usize = 20;
const INITIALISED_SIZE: usize = 8;
const SECTION_ALIGNMENT: usize = 32;
const FILE_ALIGNMENT: usize = 36;
const IMAGE_SIZE: usize = 56;
const HEADERS_SIZE: usize = 60;
const CHECK_SUM: usize = 64;
const DIRECTORIES: usize = 112;

/// Where a section header has the length in the file.
const RAW_SIZE: usize = 16;

/// Why an image cannot be read or made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UkiError {
    /// The bytes are not a PE image for this machine.
    #[error("not an EFI program for x86-64: {0}")]
    Form(&'static str),
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

/// Where a section lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// Name, at most eight bytes.
    pub name: String,
    /// Address relative to the image's base.
    pub address: u32,
    /// Length of the content in bytes.
    pub size: u32,
    /// First byte in the file.
    pub file_offset: u32,
    /// Length in the file, padding included.
    pub file_size: u32,
    /// Flags as in the header.
    pub flags: u32,
}

/// What the headers of a PE image say, as far as we care.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pe {
    /// Where the file header begins, after the `PE` signature.
    header: usize,
    /// Where the optional header begins.
    optional: usize,
    /// Where the section table begins.
    table: usize,
    /// Seconds since 1970 in the file header.
    pub time_stamp: u32,
    /// Alignment of addresses.
    pub section_alignment: u32,
    /// Alignment of raw data.
    pub file_alignment: u32,
    /// Size in memory.
    pub image_size: u32,
    /// Size of all headers in the file.
    pub headers_size: u32,
    /// Checksum as stored.
    pub check_sum: u32,
    /// A signature is attached.
    pub signed: bool,
    /// The sections in their order.
    pub sections: Vec<Section>,
}

/// A finished image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uki {
    /// The PE file.
    pub bytes: Vec<u8>,
    /// The added sections, in the order given.
    pub added: Vec<Section>,
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at.checked_add(2)?)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

/// Reads the headers. Never panics, whatever the bytes.
pub fn parse(bytes: &[u8]) -> Result<Pe, UkiError> {
    let form = UkiError::Form;
    if !bytes.starts_with(b"MZ") {
        return Err(form("it does not begin with `MZ`"));
    }
    let signature = u32_at(bytes, 0x3c).ok_or(form("the DOS header is cut off"))? as usize;
    if bytes.get(signature..signature.saturating_add(4)) != Some(b"PE\0\0".as_slice()) {
        return Err(form("there is no `PE` signature"));
    }
    let header = signature + 4;
    let optional = header + FILE_HEADER;
    let cut = || form("the headers are cut off");
    if u16_at(bytes, header) != Some(MACHINE_AMD64) {
        return Err(form("it is for another machine"));
    }
    if u16_at(bytes, optional) != Some(PE32_PLUS) {
        return Err(form("it is not a 64-bit image"));
    }
    let table = optional + usize::from(u16_at(bytes, header + OPTIONAL_SIZE).ok_or_else(cut)?);
    if table < optional + DIRECTORIES + 8 * (CERTIFICATES + 1) {
        return Err(form("the optional header is too short"));
    }
    let field = |at: usize| u32_at(bytes, optional + at).ok_or_else(cut);
    let count = usize::from(u16_at(bytes, header + NUMBER_OF_SECTIONS).ok_or_else(cut)?);
    let sections = (0..count)
        .map(|index| section(bytes, table + index * SECTION))
        .collect::<Option<Vec<_>>>()
        .ok_or(form("a section lies outside the file"))?;
    let pe = Pe {
        header,
        optional,
        table,
        time_stamp: u32_at(bytes, header + TIME_STAMP).ok_or_else(cut)?,
        section_alignment: field(SECTION_ALIGNMENT)?,
        file_alignment: field(FILE_ALIGNMENT)?,
        image_size: field(IMAGE_SIZE)?,
        headers_size: field(HEADERS_SIZE)?,
        check_sum: field(CHECK_SUM)?,
        signed: field(DIRECTORIES + 8 * CERTIFICATES + 4)? != 0,
        sections,
    };
    let aligned = pe.section_alignment.is_power_of_two() && pe.file_alignment.is_power_of_two();
    if aligned && pe.section_alignment <= 1 << 20 && pe.file_alignment <= pe.section_alignment {
        Ok(pe)
    } else {
        Err(form("its alignments make no sense"))
    }
}

fn section(bytes: &[u8], at: usize) -> Option<Section> {
    let raw = bytes.get(at..at.checked_add(SECTION)?)?;
    let end = raw[..8].iter().position(|byte| *byte == 0).unwrap_or(8);
    let section = Section {
        name: std::str::from_utf8(&raw[..end]).ok()?.to_owned(),
        size: u32_at(raw, 8)?,
        address: u32_at(raw, 12)?,
        file_size: u32_at(raw, 16)?,
        file_offset: u32_at(raw, 20)?,
        flags: u32_at(raw, 36)?,
    };
    let inside = section.file_offset.checked_add(section.file_size)? as usize <= bytes.len();
    inside.then_some(section)
}

impl Pe {
    /// The content of a section without padding.
    pub fn content<'a>(&self, bytes: &'a [u8], name: &str) -> Option<&'a [u8]> {
        let section = self.sections.iter().find(|section| section.name == name)?;
        let start = section.file_offset as usize;
        bytes.get(start..start + section.size.min(section.file_size) as usize)
    }

    /// How many more section headers fit before the first section's bytes, in the file and in memory.
    fn room(&self) -> usize {
        let table_end = self.table + self.sections.len() * SECTION;
        let first_raw = self.sections.iter().filter(|s| s.file_size > 0).map(|s| s.file_offset as usize).min();
        let first_address = self.sections.iter().map(|section| section.address as usize).min();
        let limit = first_raw.unwrap_or(0).min(first_address.unwrap_or(0));
        limit.saturating_sub(table_end) / SECTION
    }
}

/// The stub with `sections` appended, in that order.
pub fn assemble(stub: &[u8], sections: &[(&str, &[u8])]) -> Result<Uki, UkiError> {
    let pe = parse(stub)?;
    if pe.signed {
        return Err(UkiError::Signed);
    }
    if pe.room() < sections.len() {
        return Err(UkiError::NoRoom { room: pe.room(), wanted: sections.len() });
    }
    let table = pe.table + pe.sections.len() * SECTION;
    if stub[table..table + sections.len() * SECTION].iter().any(|byte| *byte != 0) {
        return Err(UkiError::Form("there is something behind its section table"));
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
    let image = image.ok_or(UkiError::Form("the image would reach 4 GiB"))?;
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
