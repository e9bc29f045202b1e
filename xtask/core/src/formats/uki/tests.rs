//! A stub made by hand; the comparison with objcopy and the firmware happen on the real one, outside unit tests.

use super::*;
use proptest::prelude::*;
use slots::pe::{
    CERTIFICATES, DIRECTORIES, FILE_ALIGNMENT, FILE_HEADER, MACHINE_AMD64, OPTIONAL_SIZE, PE32_PLUS, SECTION_ALIGNMENT,
};

/// A PE image with one section `.text` of 512 bytes at address 0x1000 and room for headers up to `first_raw`.
pub fn stub(first_raw: usize) -> Vec<u8> {
    let mut bytes = vec![0u8; first_raw + 512];
    let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
    put(0, b"MZ");
    put(0x3c, &0x40u32.to_le_bytes());
    put(0x40, b"PE\0\0");
    let (header, optional) = (0x44, 0x44 + FILE_HEADER);
    put(header, &MACHINE_AMD64.to_le_bytes());
    put(header + NUMBER_OF_SECTIONS, &1u16.to_le_bytes());
    put(header + TIME_STAMP, &1_700_000_000u32.to_le_bytes());
    put(header + OPTIONAL_SIZE, &240u16.to_le_bytes());
    put(optional, &PE32_PLUS.to_le_bytes());
    for (at, value) in [
        (INITIALISED_SIZE, 0u32),
        (SECTION_ALIGNMENT, 4096),
        (FILE_ALIGNMENT, 512),
        (IMAGE_SIZE, 0x2000),
        (HEADERS_SIZE, first_raw as u32),
    ] {
        put(optional + at, &value.to_le_bytes());
    }
    let table = optional + 240;
    put(table, b".text");
    for (field, value) in [300u32, 0x1000, 512, first_raw as u32, 0, 0, 0, 0x6000_0020].into_iter().enumerate() {
        put(table + 8 + field * 4, &value.to_le_bytes());
    }
    bytes
}

#[test]
fn sections_are_appended_and_headers_follow() {
    let kernel = vec![7u8; 5000];
    let uki = assemble(&stub(1024), &[(".cmdline", b"quiet"), (".linux", &kernel), (".initrd", b"070701")]).unwrap();
    insta::assert_snapshot!(dump(&uki.bytes));
    let pe = parse(&uki.bytes).unwrap();
    assert_eq!(pe.sections[1..], uki.added);
    assert_eq!(pe.content(&uki.bytes, ".linux"), Some(kernel.as_slice()));
    assert_eq!(pe.content(&uki.bytes, ".cmdline"), Some(b"quiet".as_slice()));
    assert_eq!(pe.content(&uki.bytes, ".none"), None);
    for section in &uki.added {
        assert_eq!((section.file_offset % 2048, section.file_size % 2048), (0, 0), "{}", section.name);
        assert_eq!(section.address % pe.section_alignment, 0);
    }
    // The stub's own bytes after the headers stay.
    assert_eq!(uki.bytes[1024..1536], stub(1024)[1024..]);
}

#[test]
fn sections_lie_end_to_end_and_the_last_ends_the_file() {
    for first_raw in [1024, 1536, 2048, 2560] {
        let uki = assemble(&stub(first_raw), &[(".cmdline", b"quiet"), (".linux", &[7; 5000])]).unwrap();
        let pe = parse(&uki.bytes).unwrap();
        let mut end = first_raw;
        for section in &pe.sections {
            assert_eq!(section.file_offset as usize, end, "{} after {first_raw}", section.name);
            end += section.file_size as usize;
        }
        assert_eq!(end, uki.bytes.len());
        assert_eq!(pe.content(&uki.bytes, ".text"), Some(&stub(first_raw)[first_raw..first_raw + 300]));
    }
}

#[test]
fn refuses_when_the_table_cannot_grow() {
    let error = assemble(&stub(512), &[(".a", b"x"), (".b", b"x"), (".c", b"x"), (".d", b"x")]).unwrap_err();
    assert_eq!(error, UkiError::NoRoom { room: 3, wanted: 4 });
    assert!(error.to_string().contains("room for 3 more section headers and needs 4"));
}

#[test]
fn headers_grow_up_to_the_first_section() {
    let mut small = stub(1024);
    small[0x44 + FILE_HEADER + HEADERS_SIZE..][..4].copy_from_slice(&384u32.to_le_bytes());
    let names = [".a", ".b", ".c", ".d"].map(|name| (name, b"x".as_slice()));
    let uki = assemble(&small, &names).unwrap();
    assert_eq!(parse(&uki.bytes).unwrap().headers_size, 1024);
}

#[test]
fn refuses_bad_sections_and_signed_stubs() {
    for sections in [[(".text", b"x".as_slice())], [("", b"x")], [(".ninechars", b"x")], [(".a", b"")]] {
        assert!(matches!(assemble(&stub(1024), &sections), Err(UkiError::Section { .. })));
    }
    let mut signed = stub(1024);
    signed[0x44 + FILE_HEADER + DIRECTORIES + 8 * CERTIFICATES + 4] = 1;
    assert_eq!(assemble(&signed, &[(".a", b"x")]), Err(UkiError::Signed));
}

#[test]
fn refuses_to_overwrite_what_follows_the_table() {
    let mut busy = stub(1024);
    busy[0x44 + FILE_HEADER + 240 + SECTION] = 1;
    assert!(assemble(&busy, &[(".a", b"x")]).unwrap_err().to_string().contains("behind its section table"));
}

#[test]
fn names_what_is_no_efi_program() {
    assert!(dump(b"ELF").contains("`MZ`"));
    assert!(dump(b"MZ").contains("DOS header"));
    let changed = |at: usize, byte: u8| {
        let mut bytes = stub(1024);
        bytes[at] ^= byte;
        dump(&bytes)
    };
    assert!(changed(0x40, 1).contains("`PE` signature"));
    assert!(changed(0x44, 1).contains("another machine"));
    assert!(changed(0x44 + FILE_HEADER, 1).contains("64-bit"));
    assert!(changed(0x44 + OPTIONAL_SIZE, 0xf0).contains("too short"));
    assert!(changed(0x44 + FILE_HEADER + FILE_ALIGNMENT, 1).contains("alignments"));
    assert!(dump(&stub(1024)[..1100]).contains("outside the file"));
}

proptest! {
    #[test]
    fn never_panics(at in 0usize..1536, junk in proptest::collection::vec(any::<u8>(), 0..60)) {
        let _text = dump(&junk);
        let mut bytes = stub(1024);
        for (offset, byte) in junk.iter().enumerate() {
            if let Some(place) = bytes.get_mut(at + offset) {
                *place = *byte;
            }
        }
        let _text = dump(&bytes);
        let _result = assemble(&bytes, &[(".linux", &junk)]);
    }

    #[test]
    fn contents_come_back(linux in proptest::collection::vec(any::<u8>(), 1..5000), line in "[a-z]{1,30}") {
        let uki = assemble(&stub(1024), &[(".linux", &linux), (".cmdline", line.as_bytes())]).unwrap();
        let pe = parse(&uki.bytes).unwrap();
        prop_assert_eq!(pe.content(&uki.bytes, ".linux"), Some(linux.as_slice()));
        prop_assert_eq!(pe.content(&uki.bytes, ".cmdline"), Some(line.as_bytes()));
        prop_assert!(dump(&uki.bytes).contains("checksum good"));
    }
}
