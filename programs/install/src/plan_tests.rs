use super::*;
use slots::entry::Place;
use testkit::golden;

fn device(name: &str, bytes: u64) -> Device {
    let disk = Disk { sector: 512, sectors: bytes / 512 };
    Device { name: name.to_owned(), disk, model: "QEMU HARDDISK".to_owned(), removable: false, read_only: false }
}

/// A machine with an empty disk, one with another system, one that is too small, and the medium.
fn facts() -> Facts {
    let candidate = |device, users: &[&str], content: Option<&str>| Candidate {
        device,
        users: users.iter().map(|user| (*user).to_owned()).collect(),
        content: content.map(str::to_owned),
    };
    let mut medium = device("sdc", 16 * MIB);
    (medium.removable, medium.read_only) = (true, true);
    Facts {
        disks: vec![
            candidate(device("nvme0n1", 8 << 30), &[], Some("2 partitions (root, home)")),
            candidate(device("sdb", 958 * MIB), &["/mnt"], Some("data of another system")),
            candidate(medium, &[], Some("data of another system")),
            candidate(device("vda", 1 << 30), &[], None),
        ],
        uefi: true,
        memory: 512,
        entries: vec![],
        order: vec![3, 0],
    }
}

fn image(size: u64) -> About {
    let system = System { version: "0.2.0".to_owned(), generation: 1, digest: "ab".repeat(32) };
    About { system, size }
}

fn random() -> impl FnMut() -> io::Result<[u8; 16]> {
    let mut count = 0;
    move || {
        count += 1;
        Ok([count; 16])
    }
}

#[test]
fn the_plan_reads_like_this() {
    let plan = plan(&facts(), "vda", &image(15 << 20), random()).unwrap();
    golden::assert_matches("plan.txt", &format!("{}\n{plan}", list(&facts())));
}

#[test]
fn every_reason_against_a_disk_is_said_at_once() {
    let said = |name, overwrite| {
        let refusals = refuse(&facts(), name, overwrite).err().unwrap_or_default();
        refusals.iter().map(|refusal| format!("{refusal}\n")).collect::<String>()
    };
    let mut bios = facts();
    bios.uefi = false;
    let bios = refuse(&bios, "vda", false).unwrap_err()[0].to_string();
    let large = plan(&facts(), "vda", &image(1 << 30), random()).unwrap_err()[0].to_string();
    let all = [
        &said("vdb", false),
        &said("sdb", false),
        &said("sdc", true),
        &said("nvme0n1", false),
        &bios,
        "\n",
        &large,
        "\n",
    ];
    golden::assert_matches("refusals.txt", &all.concat());
    assert_eq!(said("vda", false), "");
    assert_eq!(said("nvme0n1", true), "");
}

#[test]
fn entries_of_an_earlier_installation_go_and_others_stay() {
    let mut facts = facts();
    let old = Place { number: 1, first: 2048, sectors: 1, id: slots::Guid::random([9; 16]) };
    facts.entries = vec![
        (0, entry::load_option("Windows Boot Manager", &old)),
        (0xa0, entry::load_option("Ashlar A", &old)),
        (0xa2, entry::load_option("Ashlar of another kind", &old)),
    ];
    facts.order = vec![0xa0, 0, 0xa2];
    let plan = plan(&facts, "vda", &image(1), random()).unwrap();
    assert_eq!(
        plan.steps[4..],
        [
            Step::RemoveEntry(0xa0),
            Step::SetEntry(Slot::A, 0xa0),
            Step::SetEntry(Slot::B, 0xa1),
            Step::SetOrder(vec![0xa0, 0xa1, 0, 0xa2]),
        ]
    );
}

#[test]
fn what_other_systems_would_recognise_is_erased() {
    let plan = plan(&facts(), "vda", &image(1), random()).unwrap();
    let Step::Wipe(ranges) = &plan.steps[0] else { panic!("first") };
    let mib: Vec<(u64, u64)> = ranges.iter().map(|(from, length)| (from / MIB, length / MIB)).collect();
    assert_eq!(mib, [(0, 1), (1023, 1), (1, 1), (289, 1), (577, 16)]);
}

#[test]
fn opening_the_state_takes_what_the_machine_has() {
    for (memory, kibibytes) in [(16, 8), (512, 128), (1024, 256), (1 << 20, 256)] {
        assert_eq!(Facts { memory, ..Facts::default() }.key_memory(), kibibytes * 1024);
    }
}
