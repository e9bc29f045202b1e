//! Tables that are written are read; damaged ones are told from absent ones.

use super::*;
use testkit::fuzz;

const DISK: Disk = Disk { sector: 512, sectors: 4096 };

fn sample() -> Table {
    let partition = |number: u8, sectors, name: &str| Partition {
        kind: EFI_SYSTEM,
        id: Guid::random([number; 16]),
        sectors,
        name: name.to_owned(),
    };
    let partitions = vec![partition(1, 64..1024, "slot A"), partition(2, 1024..2048, "slot B")];
    Table { id: Guid::random([9; 16]), partitions }
}

/// The disk as an image.
fn image(table: &Table, disk: Disk) -> Vec<u8> {
    let mut bytes = vec![0; (disk.sectors * u64::from(disk.sector)) as usize];
    for Write { at, bytes: written } in table.writes(disk).unwrap() {
        bytes[at as usize..at as usize + written.len()].copy_from_slice(&written);
    }
    bytes
}

fn read(disk: Disk, image: &[u8]) -> Result<(Table, Option<Copy>), GptError> {
    let looked_at = looked_at(disk);
    parse(disk, &image[..looked_at], &image[image.len() - looked_at + disk.sector as usize..])
}

#[test]
fn a_table_is_read_as_it_was_written() {
    for disk in [DISK, Disk { sector: 4096, sectors: 4096 }] {
        assert_eq!(read(disk, &image(&sample(), disk)), Ok((sample(), None)));
    }
    assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
}

#[test]
fn one_copy_is_enough() {
    let whole = image(&sample(), DISK);
    for (place, lost) in [(512 + 30, Copy::Primary), (2 * 512 + 40, Copy::Primary), (whole.len() - 500, Copy::Backup)] {
        let mut damaged = whole.clone();
        damaged[place] ^= 1;
        assert_eq!(read(DISK, &damaged), Ok((sample(), Some(lost))), "byte {place}");
    }
    let mut both = whole.clone();
    both[520] ^= 1;
    let end = both.len();
    both[end - 500] ^= 1;
    assert_eq!(read(DISK, &both), Err(GptError::Damaged));
    assert_eq!(read(DISK, &vec![0; whole.len()]), Err(GptError::Absent));
}

#[test]
fn what_does_not_fit_is_named() {
    let with = |sectors, name: &str| {
        let mut table = sample();
        table.partitions[1].sectors = sectors;
        table.partitions[1].name = name.to_owned();
        table.writes(DISK)
    };
    for (sectors, name) in [(1000..1100, ""), (10..20, ""), (4000..4090, ""), (9..9, ""), (2000..2100, &"x".repeat(37))]
    {
        assert_eq!(with(sectors, name), Err(GptError::Partition(2)));
    }
    assert_eq!(sample().writes(Disk { sector: 512, sectors: 60 }), Err(GptError::Small));
    assert_eq!(usable(DISK), Ok(34..4063));
}

#[test]
fn any_bytes_are_read_or_refused() {
    let whole = image(&sample(), DISK);
    let tables = [&whole[..looked_at(DISK)], &whole[whole.len() - looked_at(DISK)..]].concat();
    fuzz::repeat(0x6770_7431, b"EFI PART\x01\xff", |random| {
        let bytes = random.damaged(&tables);
        let (head, tail) = bytes.split_at(bytes.len().min(looked_at(DISK)));
        let _read = parse(DISK, head, tail);
    });
}
