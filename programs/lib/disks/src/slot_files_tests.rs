use super::*;
use crate::block::Device;
use slots::carry_out::carry_out;
use slots::journal::{Journal, Progress};
use slots::system::System;
use slots::update::Step;
use testkit::TempDir;

/// An installed system whose slots are files.
fn installed(room: &TempDir) -> SlotFiles {
    let disk = Disk { sector: 512, sectors: 1 << 21 };
    let device = Device { name: "vda".to_owned(), disk, model: String::new(), removable: false, read_only: false };
    let table = layout::table(disk, || [7; 16]).unwrap();
    let places = Places { list: room.join("block"), nodes: room.join("dev"), mounts: room.join("mounts") };
    fs::create_dir_all(room.join("dev")).unwrap();
    fs::create_dir_all(room.join("variables")).unwrap();
    for number in 1..=2 {
        let folder = room.join(format!("block/vda/vda{number}"));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("partition"), format!("{number}\n")).unwrap();
        File::create(room.join(format!("dev/vda{number}"))).unwrap().set_len(layout::SLOT).unwrap();
    }
    let installed = Installed { device, table, slot: Slot::A };
    SlotFiles::open(&installed, &places, Variables::at(&room.join("variables")), &room.join("memory")).unwrap()
}

#[test]
fn a_slot_gives_back_the_image_that_an_update_wrote() {
    let room = TempDir::new("disks-slots");
    let mut machine = installed(&room);
    assert_eq!(machine.image(Slot::B).unwrap(), None);
    let image = vec![5; 3_000_001];
    let (slot, steps) = (Slot::B, Step::WriteBody(Slot::B));
    carry_out(&mut machine, &[Step::Erase(slot), steps, Step::WriteHead(slot), Step::VerifySlot(slot)], &image)
        .unwrap();
    assert_eq!(machine.image(slot).unwrap(), Some(image));
    assert_eq!(machine.image(Slot::A).unwrap(), None);
    carry_out(&mut machine, &[Step::SetEntry(slot, 0xa1), Step::SetNext(0xa1)], &[]).unwrap();
    assert_eq!(machine.variable("BootNext").unwrap(), Some(vec![0xa1, 0]));
}

#[test]
fn what_is_remembered_is_replaced_as_a_whole() {
    let room = TempDir::new("disks-memory");
    let mut machine = installed(&room);
    assert_eq!(machine.remembered(JOURNAL).unwrap(), None);
    let system = System { version: "1".to_owned(), generation: 2, digest: "ab".to_owned() };
    let journal = Journal { progress: Progress::Ready, slot: Slot::B, system, attempt: 1, reason: None };
    carry_out(&mut machine, &[Step::Note(journal.clone()), Step::RaiseFloor(2)], &[]).unwrap();
    assert_eq!(machine.remembered(JOURNAL).unwrap().unwrap().parse(), Ok(journal));
    assert_eq!(machine.remembered(FLOOR).unwrap().as_deref(), Some("2\n"));
    assert_eq!(fs::read_dir(room.join("memory")).unwrap().count(), 2);
}
