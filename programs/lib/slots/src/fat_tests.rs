//! The sizes that work, and that nothing but our own heads is taken for one. That other programs read them is tested with disks.

use super::*;
use testkit::fuzz;

const MIB: u64 = 1 << 20;

fn partition(mib: u64, sector: u32) -> Disk {
    Disk { sector, sectors: mib * MIB / u64::from(sector) }
}

#[test]
fn a_head_tells_the_size_of_its_file() {
    for sector in [512, 4096] {
        let partition = partition(288, sector);
        for size in [0, 1, 4095, 4096, 4097, 15 * MIB + 3, room(partition).unwrap()] {
            let head = head(partition, size).unwrap();
            assert_eq!(head.len() as u64, BODY);
            assert_eq!(file_size(partition, &head), Some(size), "{size} bytes, {sector} a sector");
        }
    }
}

#[test]
fn sizes_that_do_not_work_are_named() {
    for sector in [512, 4096] {
        assert!(head(partition(257, sector), 1).is_ok());
        assert_eq!(head(partition(256, sector), 1), Err(FatError::Size { partition: 256 * MIB }));
        assert_eq!(head(partition(700, sector), 1), Err(FatError::Size { partition: 700 * MIB }));
        let slot = partition(288, sector);
        let room = room(slot).unwrap();
        assert_eq!(head(slot, room + 1), Err(FatError::Full { room, wanted: room + 1 }));
    }
    assert!(head(Disk { sector: 1024, sectors: 288 * 1024 }, 1).is_err());
}

#[test]
fn a_changed_head_is_no_slot() {
    let partition = partition(288, 512);
    let whole = head(partition, 5000).unwrap();
    assert_eq!(file_size(partition, &whole[..whole.len() - 1]), None);
    assert_eq!(file_size(partition, &vec![0; BODY as usize]), None);
    let mut at = 0;
    while at < whole.len() {
        let mut changed = whole.clone();
        changed[at] ^= 0x80;
        assert_eq!(file_size(partition, &changed), None, "byte {at}");
        at += 4099;
    }
    fuzz::repeat(0xfa7, b"\0\xff", |random| {
        let size = random.below(1 << 24) as u64;
        assert_eq!(file_size(partition, &whole[..random.below(whole.len())]), None);
        assert!(head(partition, size).is_ok());
    });
}
