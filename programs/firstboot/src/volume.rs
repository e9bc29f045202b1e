//! Finding and reading the volume with the label CIDATA.
//!
//! It reads labels from the block devices, and mounts only a volume with that label. The mount is read-only, without
//! programs and devices, and lasts while at most three files of limited size are read.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use sys::mount::{MountFlags, detach, mount};

use crate::fat;
use crate::nocloud::Documents;
use crate::yaml::MAX_BYTES;

/// The label, in any case.
const LABEL: &str = "CIDATA";
/// Bytes of a device that are examined: an ISO 9660 descriptor ends here.
const HEAD: usize = 32 * 1024 + 2048;
/// The mount point.
const PLACE: &str = "/run/ashlar/volume";

/// The volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    /// Its device node.
    pub device: PathBuf,
    /// The kernel's name of its file system.
    pub kind: &'static str,
}

/// Looks for the volume, for at most `wait`. Two volumes are an error: chance would decide between them.
pub fn find(wait: Duration) -> io::Result<Option<Volume>> {
    let end = Instant::now() + wait;
    loop {
        let mut found = scan(Path::new("/sys/class/block"), Path::new("/dev"))?;
        match (found.pop(), found.as_slice()) {
            (Some(only), []) => return Ok(Some(only)),
            (Some(last), others) => {
                let names = others.iter().chain([&last]).map(|volume| volume.device.display().to_string());
                return Err(io::Error::other(format!(
                    "several volumes are labelled {LABEL}: {}. Remove all but one",
                    names.collect::<Vec<_>>().join(", ")
                )));
            }
            (None, _) if Instant::now() >= end => return Ok(None),
            (None, _) => thread::sleep(Duration::from_millis(200)),
        }
    }
}

/// Every block device with the label.
fn scan(class: &Path, devices: &Path) -> io::Result<Vec<Volume>> {
    let mut names: Vec<_> = fs::read_dir(class)?.filter_map(|entry| Some(entry.ok()?.file_name())).collect();
    names.sort();
    let memory = |name: &str| ["loop", "ram", "zram", "dm-", "nbd"].iter().any(|prefix| name.starts_with(prefix));
    let mut found = Vec::new();
    for name in names.iter().filter(|name| !memory(&name.to_string_lossy())) {
        let device = devices.join(name);
        // A drive without a readable medium is not a volume.
        let Ok(head) = piece(&device, 0, HEAD) else { continue };
        if let Some((kind, label)) = label(&head, |from, len| piece(&device, from, len).ok()) {
            if label.eq_ignore_ascii_case(LABEL) {
                found.push(Volume { device, kind });
            }
        }
    }
    Ok(found)
}

/// Bytes of a device; fewer if it is shorter.
fn piece(device: &Path, from: u64, len: usize) -> io::Result<Vec<u8>> {
    let file = File::open(device)?;
    let mut bytes = vec![0; len];
    let mut filled = 0;
    while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, from.saturating_add(filled as u64))? {
            0 => break,
            more => filled += more,
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}

/// File system and label of a device that begins with `head`; `read` returns later bytes.
fn label(head: &[u8], read: impl Fn(u64, usize) -> Option<Vec<u8>>) -> Option<(&'static str, String)> {
    if head.get(32_769..32_774) == Some(b"CD001") && head.get(32_768) == Some(&1) {
        let bytes = head.get(32_808..32_840)?;
        return Some(("iso9660", String::from_utf8_lossy(bytes).trim_end_matches([' ', '\0']).to_owned()));
    }
    let boot = fat::boot_label(head)?;
    let entry = fat::root_directory(head).and_then(|(from, len)| fat::entry_label(&read(from, len)?));
    Some(("vfat", entry.unwrap_or(boot)))
}

/// Mounts the volume, lets `read` read it, and unmounts it.
fn mounted<T>(volume: &Volume, read: impl FnOnce(&Path) -> io::Result<T>) -> io::Result<T> {
    fs::create_dir_all(PLACE)?;
    // So that nothing on it can be written, started, used as a device, or run with other rights.
    let flags = MountFlags::RDONLY | MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    mount(&volume.device, Path::new(PLACE), volume.kind, flags, "").map_err(|error| {
        let device = volume.device.display();
        io::Error::new(error.kind(), format!("{device} could not be mounted as {}: {error}", volume.kind))
    })?;
    let result = read(Path::new(PLACE));
    detach(Path::new(PLACE))?;
    result
}

/// The documents of the volume.
pub fn documents(volume: &Volume) -> io::Result<Documents> {
    mounted(volume, |place| {
        Ok(Documents {
            meta_data: file(&place.join("meta-data"))?,
            user_data: file(&place.join("user-data"))?,
            network_config: place.join("network-config").exists(),
        })
    })
}

/// The text of `authorized_keys` on the volume.
pub fn authorized_keys(volume: &Volume) -> io::Result<String> {
    let bytes = mounted(volume, |place| file(&place.join("authorized_keys")))?;
    let bytes =
        bytes.ok_or_else(|| io::Error::other(format!("{} has no file authorized_keys", volume.device.display())))?;
    String::from_utf8(bytes).map_err(|_| io::Error::other("authorized_keys on the volume is not a text"))
}

fn name_of(path: &Path) -> std::borrow::Cow<'_, str> {
    path.file_name().unwrap_or_default().to_string_lossy()
}

/// A file of bounded size, or nothing.
fn file(path: &Path) -> io::Result<Option<Vec<u8>>> {
    // The volume may contain links and pipes.
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    let file = match OpenOptions::new().read(true).custom_flags(flags).open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other?,
    };
    if !file.metadata()?.is_file() {
        return Err(io::Error::other(format!("{} on the volume is not a regular file", name_of(path))));
    }
    let mut bytes = Vec::new();
    // One byte more than allowed, so that the parser notices.
    file.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

#[cfg(test)]
#[path = "volume_tests.rs"]
mod tests;
