//! The firmware's boot entries and their order, as `efivarfs` gives and takes them (UEFI specification, chapter 3).

use crate::Guid;

/// `EFI_GLOBAL_VARIABLE`: whose variables these are.
pub const GLOBAL: Guid = Guid::new(0x8be4_df61, 0x93ca, 0x11d2, 0xaa0d_00e0_9803_2b8c);
/// What the entries start.
pub const PATH: &str = "\\EFI\\BOOT\\BOOTX64.EFI";
/// `LOAD_OPTION_ACTIVE`.
const ACTIVE: u32 = 1;
/// A node of a device path: media, hard drive.
const HARD_DRIVE: [u8; 2] = [4, 1];
/// A node of a device path: media, file path.
const FILE_PATH: [u8; 2] = [4, 4];
/// The node that ends a device path.
const END: [u8; 4] = [0x7f, 0xff, 4, 0];
/// Bytes of a hard drive's node.
const DRIVE_LENGTH: u16 = 42;

/// A partition as an entry names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Its number in the table, from 1.
    pub number: u32,
    /// Its first sector.
    pub first: u64,
    /// Its sectors.
    pub sectors: u64,
    /// Its identity.
    pub id: Guid,
}

/// A text in UTF-16, least significant byte first, with an end.
pub fn text(text: &str) -> Vec<u8> {
    text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect()
}

/// `EFI_LOAD_OPTION` that starts [`PATH`] of a partition.
pub fn load_option(description: &str, place: &Place) -> Vec<u8> {
    option(description, &hard_drive(place), &[])
}

/// `EFI_LOAD_OPTION` that starts [`PATH`] of whatever medium has it, with options.
pub fn load_option_anywhere(description: &str, options: &str) -> Vec<u8> {
    option(description, &[], &text(options))
}

fn option(description: &str, medium: &[u8], options: &[u8]) -> Vec<u8> {
    let path = text(PATH);
    let length = |bytes: usize| (bytes as u16).to_le_bytes();
    let file = [&FILE_PATH[..], &length(4 + path.len()), &path].concat();
    let list = [medium, &file, &END].concat();
    [&ACTIVE.to_le_bytes()[..], &length(list.len()), &text(description), &list, options].concat()
}

/// The node of a device path that names a partition.
fn hard_drive(place: &Place) -> Vec<u8> {
    let mut drive: Vec<u8> = HARD_DRIVE.to_vec();
    drive.extend(DRIVE_LENGTH.to_le_bytes());
    drive.extend(place.number.to_le_bytes());
    drive.extend(place.first.to_le_bytes());
    drive.extend(place.sectors.to_le_bytes());
    drive.extend(place.id.0);
    // The table is GPT, the identity a GUID.
    drive.extend([2, 2]);
    drive
}

/// What the firmware's menu calls an entry. Never panics, whatever the bytes.
pub fn description(option: &[u8]) -> Option<String> {
    let units = option.get(6..)?.chunks_exact(2).map(|unit| u16::from_le_bytes([unit[0], unit[1]]));
    let units: Vec<u16> = units.take_while(|unit| *unit != 0).collect();
    String::from_utf16(&units).ok()
}

/// The partition that an entry starts from, if it names one. Never panics, whatever the bytes.
pub fn partition(option: &[u8]) -> Option<Guid> {
    let length = usize::from(u16::from_le_bytes(option.get(4..6)?.try_into().ok()?));
    let description = option.get(6..)?.chunks_exact(2).position(|unit| unit == [0, 0])?;
    let begin = 6 + 2 * (description + 1);
    let mut list = option.get(begin..begin.checked_add(length)?)?;
    while let [kind, sub, low, high, ..] = *list {
        let length = usize::from(u16::from_le_bytes([low, high]));
        let node = list.get(..length).filter(|node| node.len() >= 4)?;
        if [kind, sub] == HARD_DRIVE && node.len() == usize::from(DRIVE_LENGTH) && node[41] == 2 {
            return Some(Guid(node[24..40].try_into().ok()?));
        }
        list = &list[length..];
    }
    None
}

/// The numbers in `BootOrder`; `BootNext` and `BootCurrent` have one.
pub fn numbers(content: &[u8]) -> Vec<u16> {
    content.chunks_exact(2).map(|number| u16::from_le_bytes([number[0], number[1]])).collect()
}

/// The content of `BootOrder` or `BootNext` with these numbers.
pub fn order(numbers: &[u16]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

/// The variable of an entry: `Boot00A0`.
pub fn variable(number: u16) -> String {
    format!("Boot{number:04X}")
}

/// The number of an entry's variable.
pub fn number(variable: &str) -> Option<u16> {
    let digits = variable.strip_prefix("Boot").filter(|digits| digits.len() == 4)?;
    let upper = digits.bytes().all(|byte| byte.is_ascii_digit() || (b'A'..=b'F').contains(&byte));
    if upper { u16::from_str_radix(digits, 16).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::fuzz;

    fn place() -> Place {
        Place { number: 2, first: 2048, sectors: 589_824, id: Guid::random([7; 16]) }
    }

    #[test]
    fn an_entry_names_its_partition() {
        let option = load_option("Ashlar B", &place());
        assert_eq!(partition(&option), Some(place().id));
        assert_eq!(description(&option).as_deref(), Some("Ashlar B"));
        assert_eq!(description(&option[..5]), None);
        assert_eq!(option[..6], [1, 0, 0, 0, 42 + 48 + 4, 0]);
        assert!(option.ends_with(&END));
        assert_eq!(partition(&option[..60]), None);
        assert_eq!(partition(b"\x01\0\0\0\x04\0A\0\0\0\x7f\xff\x04\0"), None);
    }

    #[test]
    fn an_entry_for_any_medium_has_options() {
        let option = load_option_anywhere("A", "c");
        assert_eq!(option[..10], *b"\x01\0\0\0\x34\0A\0\0\0");
        assert_eq!(option[10..14], [4, 4, 4 + 44, 0]);
        assert!(option.ends_with(b"\x7f\xff\x04\0c\0\0\0"));
        assert_eq!(partition(&option), None);
    }

    #[test]
    fn numbers_are_written_as_they_are_read() {
        assert_eq!(numbers(&order(&[0xa0, 1])), [0xa0, 1]);
        assert_eq!(order(&[0xa0]), [0xa0, 0]);
        assert_eq!((variable(0xa0), number("Boot00A0")), ("Boot00A0".to_owned(), Some(0xa0)));
        for other in ["BootOrder", "Boot00a0", "Boot0", "BootNext", "Boot+0A0", "Key0000"] {
            assert_eq!(number(other), None, "{other}");
        }
    }

    #[test]
    fn any_bytes_are_an_entry_or_none() {
        let option = load_option("Ashlar B", &place());
        fuzz::repeat(0xb007, b"\x04\x01\x2a\0\x7f\xff", |random| {
            let _partition = partition(&random.damaged(&option));
        });
    }
}
