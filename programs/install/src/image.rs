//! The image to install: of a file, of the slot that runs, or of the medium that was started.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use disks::block::Places;
use disks::installed::{self, Origin};
use disks::slot_files::SlotFiles;
use disks::variables::Variables;
use slots::pe;
use slots::system::System;

use crate::plan::{About, Facts};

/// Where the kernel lists block devices, partitions among them.
const DEVICES: &str = "/sys/class/block";
/// Where a disc says what it is.
const DESCRIPTOR: u64 = 32_768;
/// Bytes of that.
const SECTOR: usize = 2048;
/// A medium is at most this large, in sectors: 256 MiB.
const LARGEST: u32 = 131_072;
/// The volume's name of our media.
const VOLUME: &str = "ASHLAR";
/// What the running system calls itself.
const RELEASE: &str = "/etc/os-release";

/// An image, and which system it is.
#[derive(Debug, Clone)]
pub struct Image {
    /// The EFI program.
    pub bytes: Vec<u8>,
    /// The system in it.
    pub system: System,
}

impl Image {
    fn of(bytes: Vec<u8>, from: &Path) -> io::Result<Self> {
        let system = System::of(&bytes).map_err(|error| io::Error::other(format!("{}: {error}", from.display())))?;
        Ok(Self { bytes, system })
    }

    /// What the plan has to know.
    pub fn about(&self) -> About {
        About { system: self.system.clone(), size: self.bytes.len() as u64 }
    }
}

/// Finds it. Only a medium of the very version that runs counts.
pub fn find(file: Option<&str>, facts: &Facts) -> io::Result<Image> {
    if let Some(path) = file.map(Path::new) {
        let bytes = fs::read(path).map_err(disks::about(path))?;
        let inside = pe::in_medium(&bytes).next().map(<[u8]>::to_vec);
        let bytes = inside.unwrap_or(bytes);
        return Image::of(bytes, path);
    }
    let places = Places::default();
    if let (true, Origin::Installed(system)) = (facts.uefi, installed::find(&places, &Variables::default())?) {
        let mut slots = SlotFiles::open(&system, &places, Variables::default(), Path::new("/run/ashlar"))?;
        if let Some(bytes) = slots.image(system.slot)? {
            return Image::of(bytes, &places.node(&system.device));
        }
    }
    let running = running_version()?;
    let mut others = Vec::new();
    for node in media()? {
        let Some(bytes) = medium(&node)? else { continue };
        let image = Image::of(bytes, &node)?;
        if image.system.version == running {
            return Ok(image);
        }
        others.push(format!("{} has version {}", node.display(), image.system.version));
    }
    let found = if others.is_empty() { String::new() } else { format!(" ({})", others.join(", ")) };
    Err(io::Error::new(
        io::ErrorKind::NotFound,
        format!("no medium with Ashlar {running} is in this machine{found}; `--image FILE` names an image"),
    ))
}

fn running_version() -> io::Result<String> {
    let text = fs::read_to_string(RELEASE).map_err(disks::about(Path::new(RELEASE)))?;
    let value = text.lines().find_map(|line| line.strip_prefix("VERSION_ID="));
    let value = value.map(|value| value.trim_matches('"').to_owned());
    value.ok_or_else(|| io::Error::other(format!("{RELEASE} names no version")))
}

/// The nodes of all block devices, optical drives among them.
fn media() -> io::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(DEVICES).map_err(disks::about(Path::new(DEVICES)))?;
    let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut names: Vec<_> =
        names.filter(|name| !["loop", "ram", "dm-"].iter().any(|kind| name.starts_with(kind))).collect();
    names.sort();
    Ok(names.into_iter().map(|name| Path::new("/dev").join(name)).collect())
}

/// The image on a device, if that is a medium of ours.
fn medium(node: &Path) -> io::Result<Option<Vec<u8>>> {
    // A drive may have no disc, and a device may be shorter than what is asked for.
    let Ok(file) = File::open(node) else { return Ok(None) };
    let mut descriptor = [0; SECTOR];
    if file.read_exact_at(&mut descriptor, DESCRIPTOR).is_err() {
        return Ok(None);
    }
    let Some(sectors) = sectors(&descriptor) else { return Ok(None) };
    let mut bytes = vec![0; sectors as usize * SECTOR];
    file.read_exact_at(&mut bytes, 0).map_err(disks::about(node))?;
    Ok(pe::in_medium(&bytes).next().map(<[u8]>::to_vec))
}

/// The sectors of a volume that has our name (ECMA-119, 8.4).
fn sectors(descriptor: &[u8; SECTOR]) -> Option<u32> {
    let name = String::from_utf8_lossy(&descriptor[40..72]);
    let ours = descriptor[0] == 1 && &descriptor[1..6] == b"CD001" && name.trim_end() == VOLUME;
    let count = u32::from_le_bytes([descriptor[80], descriptor[81], descriptor[82], descriptor[83]]);
    (ours && count <= LARGEST).then_some(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_medium_is_known_by_its_name() {
        let mut descriptor = [0; SECTOR];
        descriptor[0] = 1;
        descriptor[1..6].copy_from_slice(b"CD001");
        descriptor[40..72].copy_from_slice(b"ASHLAR                          ");
        descriptor[80..84].copy_from_slice(&8192_u32.to_le_bytes());
        assert_eq!(sectors(&descriptor), Some(8192));
        descriptor[83] = 1;
        assert_eq!(sectors(&descriptor), None);
        descriptor[83] = 0;
        descriptor[46] = b'X';
        assert_eq!(sectors(&descriptor), None);
    }
}
