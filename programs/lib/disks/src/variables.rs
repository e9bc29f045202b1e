//! The firmware's variables, as files of `efivarfs`: four bytes of attributes, then the content.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use slots::Guid;
use slots::entry::GLOBAL;

use crate::about;

/// Where the kernel shows them.
pub const VARIABLES: &str = "/sys/firmware/efi/efivars";
/// Whose variables the program is that starts Linux (systemd's boot loader interface).
pub const LOADER: Guid = Guid::new(0x4a67_b082, 0x0a4c, 0x41cf, 0xb6c7_440b_29bb_8c4f);
/// Kept, and there for the firmware and for the system.
const KEPT: u32 = 7;
/// Bytes of attributes.
const ATTRIBUTES: usize = 4;

/// The variables of a machine.
#[derive(Debug, Clone)]
pub struct Variables(PathBuf);

impl Default for Variables {
    fn default() -> Self {
        Self(VARIABLES.into())
    }
}

impl Variables {
    /// Variables in another directory, which tests make.
    pub fn at(directory: &Path) -> Self {
        Self(directory.to_owned())
    }

    fn path(&self, name: &str, owner: Guid) -> PathBuf {
        self.0.join(format!("{name}-{owner}"))
    }

    /// Makes them writable for this process and those that it starts from now on. They are read-only for the system.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn make_writable(&self) -> io::Result<()> {
        use sys::mount::{MountPropagationFlags, Namespace, set_propagation, set_read_only, unshare};
        unshare(&[Namespace::Mount])?;
        set_propagation(Path::new("/"), MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC)?;
        set_read_only(&self.0, false, false).map_err(about(&self.0))
    }

    /// The content of a variable, if there is one.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(&self, name: &str, owner: Guid) -> io::Result<Option<Vec<u8>>> {
        let path = self.path(name, owner);
        match fs::read(&path) {
            // The kernel shows a variable that is being removed as an empty file.
            Ok(bytes) => Ok(bytes.get(ATTRIBUTES..).map(<[u8]>::to_vec)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(about(&path)(error)),
        }
    }

    /// Gives a variable another content in one write, or removes it.
    ///
    /// # Errors
    /// When the firmware refuses.
    pub fn write(&self, name: &str, owner: Guid, content: Option<&[u8]>) -> io::Result<()> {
        let path = self.path(name, owner);
        if let Ok(file) = File::open(&path) {
            // The kernel protects what a careless `rm -r` must not remove.
            sys::block::make_mutable(&file).map_err(about(&path))?;
        }
        let Some(content) = content else {
            return match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(about(&path)(error)),
                _ => Ok(()),
            };
        };
        let bytes = [&KEPT.to_le_bytes(), content].concat();
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(&path);
        file.and_then(|mut file| file.write_all(&bytes)).map_err(about(&path))
    }

    /// The names of the firmware's own variables.
    ///
    /// # Errors
    /// When the kernel's list cannot be read.
    pub fn names(&self) -> io::Result<Vec<String>> {
        let own = format!("-{GLOBAL}");
        let entries = fs::read_dir(&self.0).map_err(about(&self.0))?.flatten();
        let names = entries.filter_map(|entry| entry.file_name().to_str()?.strip_suffix(&own).map(str::to_owned));
        let mut names: Vec<_> = names.collect();
        names.sort();
        Ok(names)
    }

    /// A text that the program left which started Linux.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn loader_text(&self, name: &str) -> io::Result<Option<String>> {
        let units = |bytes: Vec<u8>| {
            bytes
                .chunks_exact(2)
                .map(|unit| u16::from_le_bytes([unit[0], unit[1]]))
                .take_while(|unit| *unit != 0)
                .collect()
        };
        Ok(self.read(name, LOADER)?.map(|bytes| {
            let units: Vec<u16> = units(bytes);
            String::from_utf16_lossy(&units)
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use slots::entry;

    #[test]
    fn a_variable_is_written_read_and_removed() {
        let room = testkit::TempDir::new("disks-variables");
        let variables = Variables::at(&room);
        assert_eq!(variables.read("BootNext", GLOBAL).unwrap(), None);
        variables.write("BootNext", GLOBAL, Some(&[0xa1, 0])).unwrap();
        assert_eq!(variables.read("BootNext", GLOBAL).unwrap(), Some(vec![0xa1, 0]));
        assert_eq!(variables.names().unwrap(), ["BootNext"]);
        let file = room.join("BootNext-8be4df61-93ca-11d2-aa0d-00e098032b8c");
        assert_eq!(fs::read(file).unwrap(), [7, 0, 0, 0, 0xa1, 0]);
        for _ in 0..2 {
            variables.write("BootNext", GLOBAL, None).unwrap();
        }
        assert_eq!(variables.names().unwrap(), [""; 0]);
    }

    #[test]
    fn what_the_loader_left_is_a_text() {
        let room = testkit::TempDir::new("disks-loader");
        let variables = Variables::at(&room);
        variables.write("LoaderInfo", LOADER, Some(&entry::text("systemd-stub"))).unwrap();
        assert_eq!(variables.loader_text("LoaderInfo").unwrap().as_deref(), Some("systemd-stub"));
        assert_eq!(variables.loader_text("LoaderDevicePartUUID").unwrap(), None);
    }
}
