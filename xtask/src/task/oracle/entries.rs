//! The files of one case.

use std::os::unix::fs::{PermissionsExt as _, symlink};

use anyhow::Result;
use ashlar_oracle::render::{Content, Entry};
use camino::Utf8Path;

/// Writes entries below a folder, which is made.
pub fn write(folder: &Utf8Path, entries: Vec<Entry>) -> Result<()> {
    fs_err::create_dir_all(folder)?;
    for entry in entries {
        let path = folder.join(&entry.path);
        match entry.content {
            Content::Directory => fs_err::create_dir(&path)?,
            Content::Link(target) => symlink(target, &path)?,
            Content::File(text, executable) => {
                fs_err::write(&path, text)?;
                let mode = if executable { 0o755 } else { 0o644 };
                fs_err::set_permissions(&path, std::fs::Permissions::from_mode(mode))?;
            }
        }
    }
    Ok(())
}
