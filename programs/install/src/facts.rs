//! Disks, memory and firmware of this machine.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use disks::block::{Device, Places};
use disks::variables::{VARIABLES, Variables};
use slots::entry::{self, GLOBAL};
use slots::gpt::GptError;
use slots::layout;

use crate::plan::{Candidate, Facts};

/// Bytes of both ends of a disk that are looked at for anything.
const ENDS: u64 = 1 << 20;
/// Where the kernel says how much memory there is.
const MEMORY: &str = "/proc/meminfo";

/// All facts.
pub fn read() -> io::Result<Facts> {
    let (places, variables) = (Places::default(), Variables::default());
    let candidate = |device: Device| {
        let (users, content) = (places.users(&device)?, content(&places, &device)?);
        Ok(Candidate { users, content, device })
    };
    let disks = places.disks()?.into_iter().map(candidate).collect::<io::Result<Vec<_>>>()?;
    let uefi = Path::new(VARIABLES).join(format!("SetupMode-{GLOBAL}")).exists();
    let (mut entries, mut order) = (Vec::new(), Vec::new());
    if uefi {
        for number in variables.names()?.iter().filter_map(|name| entry::number(name)) {
            entries.extend(variables.read(&entry::variable(number), GLOBAL)?.map(|content| (number, content)));
        }
        order = variables.read("BootOrder", GLOBAL)?.map(|content| entry::numbers(&content)).unwrap_or_default();
    }
    let memory = fs::read_to_string(MEMORY).map_err(disks::about(Path::new(MEMORY)))?;
    Ok(Facts { disks, uefi, memory: mebibytes(&memory).unwrap_or(0), entries, order })
}

/// `MemTotal:` of the kernel's list, which counts in kibibytes.
fn mebibytes(list: &str) -> Option<u64> {
    let line = list.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kibibytes| kibibytes / 1024)
}

/// What is on a disk, in words.
fn content(places: &Places, device: &Device) -> io::Result<Option<String>> {
    match places.table(device)? {
        Ok((table, _)) if layout::is_ours(&table) => return Ok(Some("an installed Ashlar".to_owned())),
        Ok((table, _)) => {
            let names =
                table.partitions.iter().map(|partition| partition.name.as_str()).filter(|name| !name.is_empty());
            let names = names.collect::<Vec<_>>().join(", ");
            let names = if names.is_empty() { names } else { format!(" ({names})") };
            return Ok(Some(format!("{} partitions{names}", table.partitions.len())));
        }
        Err(GptError::Damaged) => return Ok(Some("a damaged partition table".to_owned())),
        Err(_) => {}
    }
    let node = places.node(device);
    let file = File::open(&node).map_err(disks::about(&node))?;
    let size = device.disk.sectors * u64::from(device.disk.sector);
    let mut bytes = vec![0; ENDS.min(size) as usize];
    for from in [0, size.saturating_sub(ENDS)] {
        file.read_exact_at(&mut bytes, from).map_err(disks::about(&node))?;
        if bytes.iter().any(|byte| *byte != 0) {
            return Ok(Some("data of another system".to_owned()));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_counted_in_mebibytes() {
        assert_eq!(mebibytes("MemTotal:        2097152 kB\nMemFree: 1 kB\n"), Some(2048));
        assert_eq!(mebibytes("MemFree: 1 kB\n"), None);
    }
}
