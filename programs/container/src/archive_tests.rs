use super::*;
use crate::testing::{entry, tar};

fn names(bytes: &[u8]) -> Outcome<Vec<String>> {
    let mut archive = Archive::new(bytes);
    let mut names = Vec::new();
    while let Some(entry) = archive.next_entry()? {
        names.push(format!("{:?} {} {}", entry.kind, String::from_utf8_lossy(&entry.name), entry.size));
    }
    Ok(names)
}

#[test]
fn entries_and_content() {
    let bytes = tar(&[entry(b"usr", b'5', b""), entry(b"usr/a", b'0', b"stone"), entry(b"b", b'2', b"")]);
    assert_eq!(names(&bytes).unwrap(), ["Directory usr 0", "File usr/a 5", "Symlink b 0"]);
    let mut archive = Archive::new(&bytes[..]);
    archive.next_entry().unwrap();
    archive.next_entry().unwrap();
    let mut content = String::new();
    archive.read_to_string(&mut content).unwrap();
    assert_eq!(content, "stone");
}

#[test]
fn long_names_of_pax_and_gnu() {
    let bytes = tar(&[entry(b"x", b'x', b"18 path=long/name\n"), entry(b"short", b'0', b"")]);
    assert_eq!(names(&bytes).unwrap(), ["File long/name 0"]);
    let bytes = tar(&[entry(b"x", b'L', b"another\0"), entry(b"short", b'0', b"")]);
    assert_eq!(names(&bytes).unwrap(), ["File another 0"]);
    assert!(names(&tar(&[entry(b"x", b'x', b"99 path=long/name\n"), entry(b"short", b'0', b"")])).is_err());
}

#[test]
fn damage_is_an_error_or_other_entries_but_never_a_panic() {
    let whole =
        tar(&[entry(b"x", b'x', b"18 path=long/name\n"), entry(b"usr/a", b'0', b"stone"), entry(b"b", b'1', b"")]);
    testkit::fuzz::repeat(11, crate::FUZZ_ALPHABET, |random| {
        let mut bytes = whole.clone();
        for _ in 0..random.below(4) + 1 {
            let at = random.below(bytes.len());
            bytes[at] = random.below(256) as u8;
        }
        bytes.truncate(bytes.len() - random.below(bytes.len()));
        drop(names(&bytes));
        // Right checksums let the data reach the later readers.
        crate::testing::sum(&mut bytes);
        drop(names(&bytes));
    });
    let mut bytes = whole;
    bytes[3] ^= 1;
    assert!(names(&bytes).unwrap_err().0.contains("checksum"));
}
