use super::*;

fn iso(name: &[u8]) -> Vec<u8> {
    let mut head = vec![0; HEAD];
    head[32_768..32_774].copy_from_slice(b"\x01CD001");
    head[32_808..32_840].fill(b' ');
    head[32_808..32_808 + name.len()].copy_from_slice(name);
    head
}

fn fat(kind: &[u8], kind_at: usize, label_at: usize, name: &[u8]) -> Vec<u8> {
    let mut head = vec![0; 512];
    head[510..].copy_from_slice(&[0x55, 0xaa]);
    head[kind_at..kind_at + 5].copy_from_slice(kind);
    head[label_at..label_at + 11].fill(b' ');
    head[label_at..label_at + name.len()].copy_from_slice(name);
    head
}

fn label_of(head: &[u8]) -> Option<(&'static str, String)> {
    label(head, |_, _| None)
}

#[test]
fn labels() {
    assert_eq!(label_of(&iso(b"cidata")), Some(("iso9660", "cidata".to_owned())));
    assert_eq!(label_of(&fat(b"FAT12", 54, 43, b"CIDATA")), Some(("vfat", "CIDATA".to_owned())));
    assert_eq!(label_of(&fat(b"FAT16", 54, 43, b"A LABEL")), Some(("vfat", "A LABEL".to_owned())));
    assert_eq!(label_of(&fat(b"FAT32", 82, 71, b"CIDATA")), Some(("vfat", "CIDATA".to_owned())));
    assert_eq!(label_of(&[0; HEAD]), None);
    assert_eq!(label_of(b""), None);
    let mut short = iso(b"cidata");
    short.truncate(32_820);
    assert_eq!(label_of(&short), None);
    // After a rename, the entry in the root directory counts.
    let mut entry = b"CIDATA     \x08".to_vec();
    entry.resize(32, 0);
    let mut renamed = fat(b"FAT16", 54, 43, b"NO NAME");
    assert_eq!(label(&renamed, |_, _| Some(entry.clone())), Some(("vfat", "CIDATA".to_owned())));
    renamed[43..54].copy_from_slice(b"CIDATA     ");
    entry[..11].copy_from_slice(b"HOLIDAYS   ");
    assert_eq!(label(&renamed, |_, _| Some(entry.clone())), Some(("vfat", "HOLIDAYS".to_owned())));
}

#[test]
fn no_device_makes_the_reader_panic() {
    let seeds = [iso(b"cidata"), fat(b"FAT32", 82, 71, b"CIDATA")];
    testkit::fuzz::repeat(0x76_6f6c, crate::FUZZ_ALPHABET, |random| {
        let seed = random.below(seeds.len());
        let bytes = random.damaged(&seeds[seed]);
        if let Some((kind, label)) = label_of(&bytes) {
            assert!(matches!(kind, "vfat" | "iso9660") && label.chars().count() <= 32);
        }
    });
}

#[test]
fn only_devices_with_the_label_are_found() {
    let root = testkit::TempDir::new("ashlar-volume");
    let (class, devices) = (root.join("class"), root.join("dev"));
    fs::create_dir_all(&devices).unwrap();
    for (name, head) in
        [("sda", iso(b"OTHER")), ("sdb", iso(b"cidata")), ("sr0", Vec::new()), ("loop0", iso(b"CIDATA"))]
    {
        fs::create_dir_all(class.join(name)).unwrap();
        fs::write(devices.join(name), head).unwrap();
    }
    fs::create_dir_all(class.join("gone")).unwrap();
    let found = scan(&class, &devices).unwrap();
    assert_eq!(found, [Volume { device: devices.join("sdb"), kind: "iso9660" }]);
}
