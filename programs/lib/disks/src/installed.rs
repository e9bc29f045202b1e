//! The disk that the running system was started from.

use std::io;
use std::path::PathBuf;

use slots::Guid;
use slots::entry::{self, GLOBAL};
use slots::gpt::Table;
use slots::layout;
use slots::system::Slot;

use crate::block::{Device, Places};
use crate::variables::Variables;

/// An installed system that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    /// Its disk.
    pub device: Device,
    /// The disk's partitions.
    pub table: Table,
    /// The slot that was started.
    pub slot: Slot,
}

/// Where the running system came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A medium that is no installed system.
    Medium,
    /// A partition that no disk has, which may still appear.
    Missing(Guid),
    /// A slot.
    Installed(Installed),
}

/// Looks for the disk. The stub names the partition that it was started from; media without a partition table have none.
///
/// # Errors
/// When variables or disks cannot be read.
pub fn find(places: &Places, variables: &Variables) -> io::Result<Origin> {
    let text = variables.loader_text("LoaderDevicePartUUID")?;
    let Some(id) = text.and_then(|text| text.parse::<Guid>().ok()) else { return Ok(Origin::Medium) };
    for device in places.disks()? {
        // A disk that cannot be read is not where this came from.
        let Ok(Ok((table, _))) = places.table(&device) else { continue };
        if !table.partitions.iter().any(|partition| partition.id == id) {
            continue;
        }
        return Ok(match layout::slot_of(&table, id).filter(|_| layout::is_ours(&table)) {
            Some(slot) => Origin::Installed(Installed { device, table, slot }),
            None => Origin::Medium,
        });
    }
    Ok(Origin::Missing(id))
}

impl Installed {
    /// The numbers of the firmware's entries for both slots, where it has them.
    ///
    /// # Errors
    /// When variables cannot be read.
    pub fn entries(&self, variables: &Variables) -> io::Result<[Option<u16>; 2]> {
        let mut entries = [None; 2];
        for number in variables.names()?.iter().filter_map(|name| entry::number(name)) {
            let content = variables.read(&entry::variable(number), GLOBAL)?.unwrap_or_default();
            if let Some(slot) = entry::partition(&content).and_then(|id| layout::slot_of(&self.table, id)) {
                entries[slot as usize].get_or_insert(number);
            }
        }
        Ok(entries)
    }

    /// Whether the firmware would start the other slot, unless it is told otherwise: then this start is a trial.
    ///
    /// # Errors
    /// When variables cannot be read.
    pub fn is_on_trial(&self, variables: &Variables) -> io::Result<bool> {
        let entries = self.entries(variables)?;
        let order = numbers(variables, "BootOrder")?;
        let first = order.into_iter().find(|number| entries.contains(&Some(*number)));
        Ok(first.is_some() && first != entries[self.slot as usize])
    }

    /// The node of the state's partition.
    ///
    /// # Errors
    /// When the kernel does not have it.
    pub fn state(&self, places: &Places) -> io::Result<PathBuf> {
        let missing =
            || io::Error::new(io::ErrorKind::NotFound, format!("{} has no partition for the state", self.device.name));
        places.partition(&self.device, layout::STATE).ok_or_else(missing)
    }
}

/// The numbers in a variable; none when there is no such variable.
///
/// # Errors
/// When it cannot be read.
pub fn numbers(variables: &Variables, name: &str) -> io::Result<Vec<u16>> {
    Ok(variables.read(name, GLOBAL)?.map(|content| entry::numbers(&content)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::variables::LOADER;
    use slots::disk::Disk;
    use std::fs;
    use testkit::TempDir;

    #[test]
    fn a_system_knows_the_slot_that_it_was_started_from() {
        let room = TempDir::new("disks-installed");
        let places = Places { list: room.join("block"), nodes: room.join("dev"), mounts: room.join("mounts") };
        let variables = Variables::at(&room);
        assert_eq!(find(&places, &variables).unwrap(), Origin::Medium);

        let disk = Disk { sector: 512, sectors: 1 << 21 };
        let mut count = 0;
        let table = layout::table(disk, || {
            count += 1;
            [count; 16]
        });
        let table = table.unwrap();
        let id = table.partitions[1].id;
        variables.write("LoaderDevicePartUUID", LOADER, Some(&entry::text(&id.to_string().to_uppercase()))).unwrap();
        fs::create_dir_all(room.join("block/vda/queue")).unwrap();
        fs::create_dir_all(room.join("dev")).unwrap();
        fs::write(room.join("block/vda/size"), "2097152").unwrap();
        fs::write(room.join("block/vda/queue/logical_block_size"), "512").unwrap();
        fs::File::create(room.join("dev/vda")).unwrap().set_len(1 << 30).unwrap();
        assert_eq!(find(&places, &variables).unwrap(), Origin::Missing(id));

        let device = places.disks().unwrap().remove(0);
        places.write(&device, &table.writes(disk).unwrap()).unwrap();
        let Origin::Installed(found) = find(&places, &variables).unwrap() else { panic!("it is installed") };
        assert_eq!((found.slot, &found.table), (Slot::B, &table));
        assert!(!found.is_on_trial(&variables).unwrap());
        for (slot, number) in [(Slot::A, 0xa0), (Slot::B, 0xa1)] {
            let option = entry::load_option("Ashlar", &layout::place(&found.table, slot).unwrap());
            variables.write(&entry::variable(number), GLOBAL, Some(&option)).unwrap();
        }
        assert_eq!(found.entries(&variables).unwrap(), [Some(0xa0), Some(0xa1)]);
        for (order, trial) in [([3, 0xa0, 0xa1], true), ([3, 0xa1, 0xa0], false)] {
            variables.write("BootOrder", GLOBAL, Some(&entry::order(&order))).unwrap();
            assert_eq!(found.is_on_trial(&variables).unwrap(), trial);
        }
        assert!(found.state(&places).unwrap_err().to_string().contains("vda has no partition for the state"));

        let mut other = table;
        other.partitions[2].name = "data".to_owned();
        places.write(&device, &other.writes(disk).unwrap()).unwrap();
        assert_eq!(find(&places, &variables).unwrap(), Origin::Medium);
    }
}
