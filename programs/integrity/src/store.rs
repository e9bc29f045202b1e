//! The file of the baseline: only root can write it, and it is replaced as a whole.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use crate::entry::State;
use crate::spec;

/// The baseline.
pub const PLACE: &str = "/var/lib/integrity/baseline";
const FOLDER: &str = "/var/lib/integrity";
/// The largest baseline or specification in bytes.
pub const MAX_BYTES: u64 = 64 * 1024 * 1024;

/// Whether a baseline exists.
pub fn exists() -> bool {
    Path::new(PLACE).exists()
}

/// Its text.
pub fn text() -> Result<String, String> {
    read_text(Path::new(PLACE)).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => "no baseline exists; `integrity init` makes one".to_owned(),
        _ => format!("{PLACE}: {error}"),
    })
}

fn read_text(path: &Path) -> io::Result<String> {
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path)?;
    let found = file.metadata()?;
    if !found.is_file() || found.mode() & 0o077 != 0 || found.uid() != sys::effective_uid() {
        return Err(io::Error::other("it is not a file that only you can write; others may have changed it"));
    }
    let mut text = String::new();
    file.take(MAX_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_BYTES {
        return Err(io::Error::other("it is too long"));
    }
    Ok(text)
}

/// Reads it.
pub fn read() -> Result<State, String> {
    spec::from_text(&text()?).map_err(|error| {
        format!("{PLACE}: {error}; find out what else changed, then make a new baseline with `integrity init --again`")
    })
}

/// Replaces it; returns its digest.
pub fn write(state: &State) -> Result<String, String> {
    let text = spec::to_text(state);
    if text.len() as u64 > MAX_BYTES {
        return Err(format!("{PLACE}: it would be too long to be read again; leave parts out with `skip`"));
    }
    replace(&text).map_err(|error| format!("{PLACE}: {error}"))?;
    Ok(spec::sum(&text).unwrap_or_default().to_owned())
}

fn replace(text: &str) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(FOLDER)?;
    let new = format!("{PLACE}.new");
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {} // remains of an interrupted run
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&new, PLACE)?;
    File::open(FOLDER)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    #[test]
    fn only_a_private_file_is_read() {
        let folder = testkit::TempDir::new("integrity-store");
        let file = folder.join("baseline");
        fs::write(&file, "text").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(read_text(&file).unwrap_err().to_string().contains("only you can write"));
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(read_text(&file).unwrap(), "text");
        symlink(&file, folder.join("link")).unwrap();
        assert!(read_text(&folder.join("link")).is_err());
        assert!(read_text(&folder).is_err());
    }
}
