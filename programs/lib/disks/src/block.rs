//! Disks, as the kernel lists them in `/sys/block`.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use slots::disk::{Disk, Write};
use slots::gpt::{self, Copy, GptError, Table};

use crate::about;

/// Disks that are none: memory, files, optical drives, and what lies on other disks.
const OTHERS: [&str; 7] = ["loop", "ram", "zram", "dm-", "md", "nbd", "sr"];
/// The kernel counts in these, whatever the disk's sectors are.
const KERNEL_SECTOR: u64 = 512;

/// A disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// The kernel's name: `vda`, `nvme0n1`.
    pub name: String,
    /// Its size.
    pub disk: Disk,
    /// What its maker calls it; empty for virtual ones.
    pub model: String,
    /// Whether it can be pulled out.
    pub removable: bool,
    /// Whether it cannot be written.
    pub read_only: bool,
}

/// Where the kernel lists disks and has their nodes.
#[derive(Debug, Clone)]
pub struct Places {
    /// `/sys/block`
    pub list: PathBuf,
    /// `/dev`
    pub nodes: PathBuf,
    /// `/proc/self/mounts`
    pub mounts: PathBuf,
}

impl Default for Places {
    fn default() -> Self {
        let [list, nodes, mounts] = ["/sys/block", "/dev", "/proc/self/mounts"].map(PathBuf::from);
        Self { list, nodes, mounts }
    }
}

impl Places {
    /// All disks, by name.
    ///
    /// # Errors
    /// When the kernel's list cannot be read.
    pub fn disks(&self) -> io::Result<Vec<Device>> {
        let entries = fs::read_dir(&self.list).map_err(about(&self.list))?;
        let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
        let mut names: Vec<_> = names.filter(|name| !OTHERS.iter().any(|other| name.starts_with(other))).collect();
        names.sort();
        // A drive without a medium has no sectors.
        let disks = names.into_iter().filter_map(|name| self.device(name));
        Ok(disks.filter(|device| device.disk.sectors > 0).collect())
    }

    fn device(&self, name: String) -> Option<Device> {
        let folder = self.list.join(&name);
        let text = |file: &str| fs::read_to_string(folder.join(file)).map(|text| text.trim().to_owned()).ok();
        let number = |file: &str| text(file)?.parse::<u64>().ok();
        let sector = number("queue/logical_block_size")?;
        Some(Device {
            disk: Disk {
                sector: u32::try_from(sector).ok()?,
                sectors: number("size")? * KERNEL_SECTOR / sector.max(1),
            },
            model: text("device/model").unwrap_or_default(),
            removable: number("removable") == Some(1),
            read_only: number("ro") == Some(1),
            name,
        })
    }

    /// The disk's node.
    pub fn node(&self, device: &Device) -> PathBuf {
        self.nodes.join(&device.name)
    }

    /// The node of a partition, by its number from 1, once the kernel has it.
    pub fn partition(&self, device: &Device, number: u32) -> Option<PathBuf> {
        self.partitions(device).into_iter().find(|(at, _)| *at == number).map(|(_, name)| self.nodes.join(name))
    }

    /// Numbers and names of the partitions that the kernel has.
    fn partitions(&self, device: &Device) -> Vec<(u32, String)> {
        let entries = fs::read_dir(self.list.join(&device.name)).into_iter().flatten().flatten();
        let partitions = entries.filter_map(|entry| {
            let number = fs::read_to_string(entry.path().join("partition")).ok()?.trim().parse().ok()?;
            Some((number, entry.file_name().to_string_lossy().into_owned()))
        });
        partitions.collect()
    }

    /// What uses the disk or a partition of it: mount points, and devices that lie on them.
    ///
    /// # Errors
    /// When the kernel's lists cannot be read.
    pub fn users(&self, device: &Device) -> io::Result<Vec<String>> {
        let mounts = fs::read_to_string(&self.mounts).map_err(about(&self.mounts))?;
        let folder = self.list.join(&device.name);
        let own = std::iter::once((device.name.clone(), folder.clone()));
        let parts = self.partitions(device).into_iter().map(|(_, name)| (name.clone(), folder.join(name)));
        let mut users = Vec::new();
        for (name, folder) in own.chain(parts) {
            let node = self.nodes.join(&name);
            let mounted = mounts.lines().filter_map(|line| line.split_once(' '));
            let mounted = mounted.filter(|(source, _)| Path::new(source) == node);
            users.extend(mounted.filter_map(|(_, rest)| rest.split(' ').next()).map(str::to_owned));
            let holders = fs::read_dir(folder.join("holders")).into_iter().flatten().flatten();
            users.extend(holders.map(|entry| format!("/dev/{}", entry.file_name().to_string_lossy())));
        }
        Ok(users)
    }

    /// The disk's partition table, and the copy that is not whole, if one is not.
    ///
    /// # Errors
    /// When the disk cannot be read.
    pub fn table(&self, device: &Device) -> io::Result<Result<(Table, Option<Copy>), GptError>> {
        let node = self.node(device);
        let file = File::open(&node).map_err(about(&node))?;
        let length = gpt::looked_at(device.disk);
        let size = device.disk.sectors * u64::from(device.disk.sector);
        let piece = |from: u64| {
            let mut bytes = vec![0; length.min(size as usize)];
            file.read_exact_at(&mut bytes, from).map(|()| bytes).map_err(about(&node))
        };
        Ok(gpt::parse(device.disk, &piece(0)?, &piece(size.saturating_sub(length as u64))?))
    }

    /// Writes into a disk, and returns when all of it is on the medium.
    ///
    /// # Errors
    /// When the disk cannot be written.
    pub fn write(&self, device: &Device, writes: &[Write]) -> io::Result<()> {
        let node = self.node(device);
        let file = OpenOptions::new().write(true).open(&node).map_err(about(&node))?;
        for write in writes {
            file.write_all_at(&write.bytes, write.at).map_err(about(&node))?;
        }
        file.sync_all().map_err(about(&node))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use slots::layout;
    use testkit::TempDir;

    /// A machine with a disk of a gibibyte in a file, an optical drive, and a card reader without a card.
    fn machine(room: &TempDir) -> Places {
        let places = Places { list: room.join("block"), nodes: room.join("dev"), mounts: room.join("mounts") };
        let put = |path: &str, text: &str| {
            let path = room.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        for (name, size) in [("vda", "2097152\n"), ("sr0", "40000\n"), ("mmcblk0", "0\n")] {
            put(&format!("block/{name}/size"), size);
            put(&format!("block/{name}/queue/logical_block_size"), "512\n");
        }
        put("block/vda/removable", "0\n");
        put("block/vda/vda3/partition", "3\n");
        put("block/vda/vda3/holders/dm-0", "");
        put("dev/vda", "");
        put("mounts", &format!("{} /mnt ext4 rw 0 0\nproc /proc proc rw 0 0\n", room.join("dev/vda3").display()));
        File::options().write(true).open(room.join("dev/vda")).unwrap().set_len(1 << 30).unwrap();
        places
    }

    #[test]
    fn a_disk_is_found_written_and_read() {
        let room = TempDir::new("disks-block");
        let places = machine(&room);
        let [disk] = &places.disks().unwrap()[..] else { panic!("one disk") };
        assert_eq!((disk.name.as_str(), disk.disk.sectors, disk.removable), ("vda", 1 << 21, false));
        assert_eq!(places.table(disk).unwrap(), Err(GptError::Absent));
        let table = layout::table(disk.disk, || [7; 16]).unwrap();
        places.write(disk, &table.writes(disk.disk).unwrap()).unwrap();
        assert_eq!(places.table(disk).unwrap(), Ok((table, None)));
    }

    #[test]
    fn a_partition_has_a_node_and_users() {
        let room = TempDir::new("disks-users");
        let places = machine(&room);
        let disk = &places.disks().unwrap()[0];
        assert_eq!(places.partition(disk, 3), Some(room.join("dev/vda3")));
        assert_eq!(places.partition(disk, 1), None);
        assert_eq!(places.users(disk).unwrap(), ["/mnt", "/dev/dm-0"]);
    }
}
