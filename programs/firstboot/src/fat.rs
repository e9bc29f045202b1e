//! The label of a FAT file system: an entry of its root directory. The boot sector has another label, which counts only
//! without that entry: systems that rename a stick do not change it. Reads bytes, without effects.

/// Bytes of the root directory that are searched: the label is among the first entries.
const MAX_BYTES: u64 = 64 * 1024;
const ENTRY: usize = 32;

/// The label in the boot sector, if a device that begins with `head` holds FAT.
pub fn boot_label(head: &[u8]) -> Option<String> {
    let at = kind(head)?.label_at();
    head.get(at..at + 11).map(text)
}

/// Offset of the root directory, and how many bytes of it to read.
pub fn root_directory(head: &[u8]) -> Option<(u64, usize)> {
    let byte = |at: usize| head.get(at).map(|byte| u64::from(*byte));
    let word = |at: usize| Some(byte(at)? | byte(at + 1)? << 8);
    let long = |at: usize| Some(word(at)? | word(at + 2)? << 16);
    let (sector, cluster, reserved, copies) = (word(11)?, byte(13)?, word(14)?, byte(16)?);
    // At most 2^32 sectors of 2^16 bytes, several times: no overflow.
    let (begin, len) = match kind(head)? {
        Kind::Small => ((reserved + copies * word(22)?) * sector, word(17)? * ENTRY as u64),
        Kind::Large => {
            let data = reserved + copies * long(36)?;
            ((data + long(44)?.checked_sub(2)? * cluster) * sector, cluster * sector)
        }
    };
    Some((begin, usize::try_from(len.min(MAX_BYTES)).ok()?))
}

/// The label among the entries of a root directory.
pub fn entry_label(directory: &[u8]) -> Option<String> {
    let used = directory.chunks_exact(ENTRY).take_while(|entry| entry[0] != 0);
    // Parts of long names have this attribute as well.
    let mut labels = used.filter(|entry| entry[0] != 0xe5 && entry[11] & 0x08 != 0 && entry[11] & 0x3f != 0x0f);
    labels.next().map(|entry| text(&entry[..11]))
}

enum Kind {
    /// FAT12 and FAT16.
    Small,
    /// FAT32.
    Large,
}

impl Kind {
    fn label_at(&self) -> usize {
        match self {
            Kind::Small => 43,
            Kind::Large => 71,
        }
    }
}

fn kind(head: &[u8]) -> Option<Kind> {
    if head.get(510..512) != Some(&[0x55, 0xaa]) {
        return None;
    }
    match (head.get(82..87), head.get(54..59)) {
        (Some(b"FAT32"), _) => Some(Kind::Large),
        (_, Some(b"FAT12" | b"FAT16")) => Some(Kind::Small),
        _ => None,
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim_end_matches([' ', '\0']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &[u8; 11], attributes: u8) -> Vec<u8> {
        let mut entry = vec![0; ENTRY];
        entry[..11].copy_from_slice(name);
        entry[11] = attributes;
        entry
    }

    fn head(kind: &[u8; 5], at: usize) -> Vec<u8> {
        let mut head = vec![0; 512];
        // Sectors of 512 bytes, 8 a cluster, 2 reserved; 2 tables.
        head[11..17].copy_from_slice(&[0, 2, 8, 2, 0, 2]);
        head[at..at + 5].copy_from_slice(kind);
        head[510..].copy_from_slice(&[0x55, 0xaa]);
        head
    }

    #[test]
    fn where_the_root_directory_is() {
        let mut small = head(b"FAT16", 54);
        (small[17], small[18], small[22]) = (0, 2, 10); // 512 entries, tables of 10 sectors
        assert_eq!(root_directory(&small), Some(((2 + 2 * 10) * 512, 512 * ENTRY)));
        let mut large = head(b"FAT32", 82);
        (large[36], large[44]) = (100, 5); // tables of 100 sectors; the root directory begins in cluster 5
        assert_eq!(root_directory(&large), Some(((2 + 2 * 100 + 3 * 8) * 512, 8 * 512)));
        large[44] = 0; // there is no such cluster
        assert_eq!((root_directory(&large), root_directory(b"FAT32")), (None, None));
    }

    #[test]
    fn the_label_is_the_entry_that_says_so() {
        let long = entry(b"Ac\0i\0d\0a\0t\0", 0x0f);
        let deleted = entry(b"\xe5IDATA     ", 0x08);
        let file = entry(b"USER-DATA  ", 0x20);
        let label = entry(b"CIDATA     ", 0x08);
        let directory = [long.clone(), deleted.clone(), file.clone(), label.clone()].concat();
        assert_eq!(entry_label(&directory), Some("CIDATA".to_owned()));
        assert_eq!(entry_label(&[long, deleted, file, vec![0; ENTRY], label].concat()), None);
    }

    #[test]
    fn no_device_makes_the_reader_panic() {
        let seeds = [head(b"FAT16", 54), head(b"FAT32", 82)];
        testkit::fuzz::repeat(0x0066_6174, crate::FUZZ_ALPHABET, |random| {
            let seed = random.below(seeds.len());
            let bytes = random.damaged(&seeds[seed]);
            assert!(root_directory(&bytes).is_none_or(|(_, len)| len <= MAX_BYTES as usize));
            let _label = (boot_label(&bytes), entry_label(&bytes));
        });
    }
}
