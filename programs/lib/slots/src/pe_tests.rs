use super::*;
use crate::system::System;
use testkit::fuzz;

/// A program with these sections, end to end from byte 1024 on, each padded to 512 bytes.
pub fn program(sections: &[(&str, &[u8])]) -> Vec<u8> {
    let mut bytes = vec![0; 1024];
    let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
    let (header, optional) = (0x44, 0x44 + FILE_HEADER);
    put(0, b"MZ");
    put(0x3c, &0x40_u32.to_le_bytes());
    put(0x40, b"PE\0\0");
    put(header, &MACHINE_AMD64.to_le_bytes());
    put(header + NUMBER_OF_SECTIONS, &(sections.len() as u16).to_le_bytes());
    put(header + OPTIONAL_SIZE, &240_u16.to_le_bytes());
    put(optional, &PE32_PLUS.to_le_bytes());
    for (at, value) in [(SECTION_ALIGNMENT, 4096_u32), (FILE_ALIGNMENT, 512), (HEADERS_SIZE, 1024)] {
        put(optional + at, &value.to_le_bytes());
    }
    for (number, (name, content)) in sections.iter().enumerate() {
        let at = optional + 240 + number * SECTION;
        let begin = bytes.len();
        bytes.extend_from_slice(content);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
        let size = (bytes.len() - begin) as u32;
        bytes[at..at + name.len()].copy_from_slice(name.as_bytes());
        for (field, value) in [content.len() as u32, 0x1000, size, begin as u32].into_iter().enumerate() {
            bytes[at + 8 + 4 * field..][..4].copy_from_slice(&value.to_le_bytes());
        }
    }
    bytes
}

fn system() -> Vec<u8> {
    let release = b"ID=ashlar\nVERSION_ID=\"0.2.0\"\nASHLAR_GENERATION=\"3\"\n";
    program(&[(".osrel", release), (".linux", &[7; 700]), (".initrd", b"070701")])
}

#[test]
fn an_image_says_which_system_it_is() {
    let found = System::of(&system()).unwrap();
    assert_eq!((found.version.as_str(), found.generation, found.digest.len()), ("0.2.0", 3, 64));
    for (sections, why) in [
        (&[(".linux", &b"x"[..])][..], "it has no section `.osrel`"),
        (&[(".osrel", b"ID=ashlar\nVERSION_ID=1\n")], "it has no kernel or no initramfs"),
        (&[(".osrel", b"ID=debian\n"), (".linux", b"x"), (".initrd", b"x")], "it is another distribution's"),
        (&[(".osrel", b"ID=ashlar\n"), (".linux", b"x"), (".initrd", b"x")], "its section `.osrel` names no version"),
    ] {
        assert_eq!(System::of(&program(sections)), Err(NoProgram(why)));
    }
}

#[test]
fn every_changed_byte_changes_the_digest() {
    let image = system();
    let right = digest(&image).unwrap();
    let pe = parse(&image).unwrap();
    let left_out = [pe.optional + CHECK_SUM..pe.optional + CHECK_SUM + 4, pe.certificates()..pe.certificates() + 8];
    for at in 0..image.len() {
        let mut changed = image.clone();
        changed[at] ^= 1;
        let found = digest(&changed);
        // The checksum, and where the certificate table lies when there is none, count for nothing.
        let counts = !left_out.iter().any(|range| range.contains(&at));
        assert!(counts == (found != Ok(right)) || found.is_err(), "byte {at}");
    }
}

#[test]
fn a_program_is_found_in_a_medium_with_its_whole_length() {
    let image = system();
    let medium = [vec![0; 1536], b"MZ and nothing".to_vec(), vec![0; 498], image.clone(), vec![9; 700]].concat();
    assert_eq!(in_medium(&medium).next(), Some(image.as_slice()));
    assert_eq!(in_medium(&medium[..medium.len() - 1024]).next(), None);
}

#[test]
fn any_bytes_are_a_program_or_none() {
    let image = system();
    fuzz::repeat(0x9e, b"MZPE\0\0.", |random| {
        let bytes = random.damaged(&image);
        let _system = System::of(&bytes);
        let _count = in_medium(&bytes).count();
    });
}
