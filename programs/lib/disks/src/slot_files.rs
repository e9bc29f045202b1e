//! The steps of an update, on the disk that the running system lies on.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use slots::carry_out::Machine;
use slots::disk::Disk;
use slots::entry::{GLOBAL, Place};
use slots::fat::{self, BODY};
use slots::layout;
use slots::system::Slot;

use crate::about;
use crate::block::Places;
use crate::installed::Installed;
use crate::variables::Variables;

/// The two slots of a disk, its machine's variables, and the directory that remembers.
#[derive(Debug)]
pub struct SlotFiles {
    disk: Disk,
    places: [Place; 2],
    nodes: [PathBuf; 2],
    files: [File; 2],
    variables: Variables,
    memory: PathBuf,
}

/// The journal's name in the directory that remembers.
pub const JOURNAL: &str = "update";
/// The name of the lowest generation that may run.
pub const FLOOR: &str = "floor";

impl SlotFiles {
    /// Opens the slots. `memory` is the directory for journal and floor.
    ///
    /// # Errors
    /// When a slot is missing, or cannot be opened.
    pub fn open(installed: &Installed, places: &Places, variables: Variables, memory: &Path) -> io::Result<Self> {
        let missing = |slot| io::Error::new(io::ErrorKind::NotFound, format!("slot {slot} has no partition"));
        let node = |slot| places.partition(&installed.device, layout::number(slot)).ok_or_else(|| missing(slot));
        let nodes = [node(Slot::A)?, node(Slot::B)?];
        let open = |node: &PathBuf| OpenOptions::new().read(true).write(true).open(node).map_err(about(node));
        let place = |slot| layout::place(&installed.table, slot).ok_or_else(|| missing(slot));
        Ok(Self {
            disk: installed.device.disk,
            places: [place(Slot::A)?, place(Slot::B)?],
            files: [open(&nodes[0])?, open(&nodes[1])?],
            nodes,
            variables,
            memory: memory.to_owned(),
        })
    }

    /// The image in a slot, if that is whole.
    ///
    /// # Errors
    /// When the disk cannot be read.
    pub fn image(&mut self, slot: Slot) -> io::Result<Option<Vec<u8>>> {
        let head = self.read(slot, 0, BODY as usize)?;
        let Some(size) = fat::file_size(self.partition(slot), &head) else { return Ok(None) };
        let mut image = self.read(slot, BODY, (size as usize).next_multiple_of(self.disk.sector as usize))?;
        image.truncate(size as usize);
        Ok(Some(image))
    }

    /// A text that is remembered.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn remembered(&self, name: &str) -> io::Result<Option<String>> {
        let path = self.memory.join(name);
        match fs::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            other => other.map(Some).map_err(about(&path)),
        }
    }

    /// Replaces a text as a whole: after a loss of power there is the old or the new one.
    fn remember(&self, name: &str, text: &str) -> io::Result<()> {
        fs::create_dir_all(&self.memory).map_err(about(&self.memory))?;
        let (path, new) = (self.memory.join(name), self.memory.join(format!(".{name}.new")));
        fs::write(&new, text).map_err(about(&new))?;
        File::open(&new).and_then(|file| file.sync_all()).map_err(about(&new))?;
        fs::rename(&new, &path).map_err(about(&path))?;
        File::open(&self.memory).and_then(|folder| folder.sync_all()).map_err(about(&self.memory))
    }

    fn file(&self, slot: Slot) -> (&File, &Path) {
        (&self.files[slot as usize], &self.nodes[slot as usize])
    }
}

impl Machine for SlotFiles {
    type Error = io::Error;

    fn partition(&self, slot: Slot) -> Disk {
        Disk { sector: self.disk.sector, sectors: self.place(slot).sectors }
    }

    fn place(&self, slot: Slot) -> Place {
        self.places[slot as usize].clone()
    }

    fn write(&mut self, slot: Slot, at: u64, bytes: &[u8]) -> io::Result<()> {
        let (file, node) = self.file(slot);
        file.write_all_at(bytes, at).map_err(about(node))
    }

    fn flush(&mut self, slot: Slot) -> io::Result<()> {
        let (file, node) = self.file(slot);
        file.sync_all().map_err(about(node))
    }

    fn read(&mut self, slot: Slot, at: u64, length: usize) -> io::Result<Vec<u8>> {
        let (file, node) = self.file(slot);
        // A file in place of a device has nothing to forget.
        let _forgotten = sys::block::forget_cache(file);
        let mut bytes = vec![0; length];
        file.read_exact_at(&mut bytes, at).map(|()| bytes).map_err(about(node))
    }

    fn variable(&mut self, name: &str) -> io::Result<Option<Vec<u8>>> {
        self.variables.read(name, GLOBAL)
    }

    fn set_variable(&mut self, name: &str, content: Option<&[u8]>) -> io::Result<()> {
        self.variables.write(name, GLOBAL, content)
    }

    fn note(&mut self, text: &str) -> io::Result<()> {
        self.remember(JOURNAL, text)
    }

    fn set_floor(&mut self, generation: u64) -> io::Result<()> {
        self.remember(FLOOR, &format!("{generation}\n"))
    }

    fn restart(&mut self) -> io::Result<()> {
        let reboot = Path::new("/sbin/reboot");
        let status = Command::new(reboot).status().map_err(about(reboot))?;
        if status.success() { Ok(()) } else { Err(io::Error::other(format!("/sbin/reboot ended with {status}"))) }
    }
}

#[cfg(test)]
#[path = "slot_files_tests.rs"]
mod tests;
