//! Headers of EFI programs (Microsoft's "PE Format"), and the digest that names one.
//!
//! A system in a slot is one such program: its sections are kernel, initramfs and command line. Its Authenticode digest is the same
//! with and without a signature, so a release, a slot and firmware name the same system by it.

use std::fmt;

use sha2::{Digest as _, Sha256};

/// Bytes of a section header.
pub const SECTION: usize = 40;
/// Machine code of x86-64 in the file header.
pub const MACHINE_AMD64: u16 = 0x8664;
/// The optional header's magic of 64-bit images.
pub const PE32_PLUS: u16 = 0x20b;
/// Index of the signature's data directory.
pub const CERTIFICATES: usize = 4;
/// Signatures begin at a multiple of this, and the padding before one is hashed with the image.
pub const ALIGN: usize = 8;

// Offsets in the file header (after `PE\0\0`) and in the optional header, as the PE specification numbers them.
/// In the file header.
pub const NUMBER_OF_SECTIONS: usize = 2;
/// In the file header.
pub const TIME_STAMP: usize = 4;
/// In the file header.
pub const OPTIONAL_SIZE: usize = 16;
/// Bytes of the file header.
pub const FILE_HEADER: usize = 20;
/// In the optional header.
pub const SECTION_ALIGNMENT: usize = 32;
/// In the optional header.
pub const FILE_ALIGNMENT: usize = 36;
/// In the optional header.
pub const IMAGE_SIZE: usize = 56;
/// In the optional header.
pub const HEADERS_SIZE: usize = 60;
/// In the optional header.
pub const CHECK_SUM: usize = 64;
/// In the optional header, the first of the data directories.
pub const DIRECTORIES: usize = 112;

/// Bytes that are not an EFI program for this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoProgram(pub &'static str);

impl fmt::Display for NoProgram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not an EFI program for x86-64: {}", self.0)
    }
}

impl std::error::Error for NoProgram {}

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
    pub header: usize,
    /// Where the optional header begins.
    pub optional: usize,
    /// Where the section table begins.
    pub table: usize,
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

/// Two bytes as a number.
pub fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at.checked_add(2)?)?.try_into().ok()?))
}

/// Four bytes as a number.
pub fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

/// Reads the headers. Never panics, whatever the bytes.
pub fn parse(bytes: &[u8]) -> Result<Pe, NoProgram> {
    let form = NoProgram;
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

    /// Where the optional header names the certificate table: its place in the file, and four bytes later its length.
    pub const fn certificates(&self) -> usize {
        self.optional + DIRECTORIES + 8 * CERTIFICATES
    }

    /// The first byte of the certificate table, which ends the file; the file's end when there is none.
    ///
    /// # Errors
    /// When the table lies somewhere else.
    pub fn end(&self, bytes: &[u8]) -> Result<usize, NoProgram> {
        let field = |at| u32_at(bytes, at).map(|value| value as usize);
        match field(self.certificates()).zip(field(self.certificates() + 4)) {
            Some((_, 0)) => Ok(bytes.len()),
            Some((begin, size))
                if begin.checked_add(size) == Some(bytes.len()) && begin >= self.headers_size as usize =>
            {
                Ok(begin)
            }
            _ => Err(NoProgram("its certificate table is not at the end of the file")),
        }
    }

    /// Bytes of the whole file, by its headers: it ends with the certificate table, or with the last section.
    fn length(&self, bytes: &[u8]) -> Option<usize> {
        let [begin, size] = [0, 4].map(|field| u32_at(bytes, self.certificates() + field));
        if self.signed {
            return (begin? as usize).checked_add(size? as usize);
        }
        self.sections.iter().map(|section| section.file_offset as usize + section.file_size as usize).max()
    }
}

/// The Authenticode digest of a program, signed or not: sha256 over all bytes but the checksum, the certificate table's place and the
/// table itself. Firmware hashes a program whose sections lie end to end in the order of the file, as those of a unified image do.
///
/// # Errors
/// When it is no program, or its certificate table does not end it.
pub fn digest(bytes: &[u8]) -> Result<[u8; 32], NoProgram> {
    let pe = parse(bytes)?;
    let end = pe.end(bytes)?;
    let (check_sum, certificates) = (pe.optional + CHECK_SUM, pe.certificates());
    let mut hasher = Sha256::new();
    for part in [0..check_sum, check_sum + 4..certificates, certificates + 8..end] {
        hasher.update(bytes.get(part).ok_or(NoProgram("its certificate table lies within the headers"))?);
    }
    hasher.update(&[0; ALIGN][..end.next_multiple_of(ALIGN) - end]);
    Ok(hasher.finalize().into())
}

/// The whole programs with a kernel in the image of a medium, as far as they lie there in one piece.
pub fn in_medium(medium: &[u8]) -> impl Iterator<Item = &[u8]> {
    let places = (0..medium.len()).step_by(512).filter(|at| medium[*at..].starts_with(b"MZ"));
    places.filter_map(|at| {
        let mut bytes = &medium[at..];
        let pe = parse(bytes).ok()?;
        bytes = bytes.get(..pe.length(bytes)?)?;
        parse(bytes).ok()?.content(bytes, ".linux").map(|_| bytes)
    })
}

#[cfg(test)]
#[path = "pe_tests.rs"]
mod tests;
