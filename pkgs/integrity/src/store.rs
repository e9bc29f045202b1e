//! Where the baseline is: root's alone, replaced as a whole.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use crate::entry::{self, State};

/// The baseline.
pub const PLACE: &str = "/var/lib/integrity/baseline";
const FOLDER: &str = "/var/lib/integrity";

/// Whether there is one.
pub fn exists() -> bool {
    Path::new(PLACE).exists()
}

/// Reads it.
pub fn read() -> Result<State, String> {
    let text = fs::read_to_string(PLACE).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => "there is no baseline yet; `integrity init` makes one".to_owned(),
        _ => format!("{PLACE}: {error}"),
    })?;
    entry::from_text(&text).map_err(|error| format!("{PLACE}: {error}"))
}

/// Replaces it.
pub fn write(state: &State) -> Result<(), String> {
    replace(&entry::to_text(state)).map_err(|error| format!("{PLACE}: {error}"))
}

fn replace(text: &str) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(FOLDER)?;
    let new = format!("{PLACE}.new");
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {} // what a run that was cut off left is gone
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&new, PLACE)?;
    File::open(FOLDER)?.sync_all()
}
