//! One file of the checkout.

use std::fs::{File, Metadata};
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;

use anyhow::{Context as _, Result, bail};
use camino::Utf8Path;
use rustix::fs::{Mode, OFlags};

/// Opens a plain file for reading. `file` itself is not followed when it is a link.
///
/// # Errors
/// When it cannot be opened, or is no plain file.
pub fn open(file: &Utf8Path) -> Result<File> {
    Ok(opened(file)?.0)
}

fn opened(file: &Utf8Path) -> Result<(File, Metadata)> {
    // Without NONBLOCK the opening of a fifo would wait for a writer.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let opened = match rustix::fs::open(file.as_std_path(), flags, Mode::empty()) {
        Err(rustix::io::Errno::LOOP) => bail!("{file} is a symbolic link; put the file itself there"),
        other => File::from(other.map_err(std::io::Error::from).with_context(|| format!("opening {file}"))?),
    };
    let metadata = opened.metadata()?;
    if !metadata.is_file() {
        bail!("{file} is not a plain file; only files and directories are read here");
    }
    Ok((opened, metadata))
}

/// The bytes of a plain file; see [`open`].
pub fn read(file: &Utf8Path) -> Result<Vec<u8>> {
    Ok(read_with_mode(file)?.0)
}

/// The bytes of a plain file and its permission bits, of one moment; see [`open`].
pub fn read_with_mode(file: &Utf8Path) -> Result<(Vec<u8>, u32)> {
    let (opened, metadata) = opened(file)?;
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(usize::try_from(metadata.len())?).with_context(|| format!("reading {file}"))?;
    // The size is known: reading a `File` itself would ask for it again.
    opened.take(u64::MAX).read_to_end(&mut bytes).with_context(|| format!("reading {file}"))?;
    Ok((bytes, metadata.permissions().mode()))
}

/// The text of a plain file; see [`open`].
pub fn read_to_string(file: &Utf8Path) -> Result<String> {
    String::from_utf8(read(file)?).with_context(|| format!("{file} is not UTF-8"))
}
