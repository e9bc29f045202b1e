//! Unpacks source tarballs. They are verified by sha256, and treated as untrusted all the same.
//!
//! `ashlar_core::formats::archive` decides where a path goes; [`Beneath`] keeps it from going elsewhere. The archive's owners and special
//! bits are dropped.

use std::io::Read;

use anyhow::{Context as _, Result, anyhow, bail};
use ashlar_core::formats::archive::place;
use ashlar_core::plan::PlannedSource;
use camino::{Utf8Path, Utf8PathBuf};
use tar::EntryType;

use super::archive::{self, ArchiveEntry};
use super::beneath::Beneath;

/// Unpacks `archive` into `root` as the plan says: leading components dropped, only the named prefixes, below `to`.
/// `root` holds nothing but what earlier sources of the same build put there.
///
/// # Errors
/// When the archive is malformed, exceeds a limit, or has an entry that does not belong into a source tree; and when nothing
/// was unpacked, since then the recipe's `strip` or `include` is wrong.
pub fn unpack_source(archive: &Utf8Path, source: &PlannedSource, root: &Utf8Path) -> Result<()> {
    let mut dest = Beneath::make(root)?.below(Utf8Path::new(&source.to)).context("at `to` of this source")?;
    let mut count = 0;
    archive::read(archive, &source.file, |path, entry| {
        if entry.header().entry_type() == EntryType::XGlobalHeader {
            return Ok(());
        }
        let Some(inner) = inside(path, source)? else { return Ok(()) };
        count += 1;
        write_entry(entry, &inner, &mut dest, source)
    })?;
    if count == 0 {
        bail!("{}: nothing was unpacked; check `strip` and `include` of this source", source.file);
    }
    Ok(())
}

fn inside(path: &Utf8Path, source: &PlannedSource) -> Result<Option<Utf8PathBuf>> {
    place(path, source.strip, &source.include).map_err(|why| anyhow!(why))
}

fn write_entry<R: Read>(
    entry: &mut ArchiveEntry<'_, R>,
    inner: &Utf8Path,
    dest: &mut Beneath,
    source: &PlannedSource,
) -> Result<()> {
    match entry.header().entry_type() {
        EntryType::Directory => dest.directory(inner),
        EntryType::Symlink => dest.symlink(&archive::link_target(entry)?, inner),
        EntryType::Link => {
            let target = archive::link_target(entry)?;
            let first = inside(&target, source).context("it is a hard link")?;
            let first = first.with_context(|| {
                format!("it is a hard link to {target}, which `strip` and `include` leave out: include that as well")
            })?;
            dest.hard_link(&first, inner).with_context(|| format!("it is a hard link to {target}"))
        }
        EntryType::Regular => write_file(entry, inner, dest),
        other => bail!("it is neither file, directory nor link ({other:?}), and nothing else has a place in sources"),
    }
}

fn write_file<R: Read>(entry: &mut ArchiveEntry<'_, R>, inner: &Utf8Path, dest: &mut Beneath) -> Result<()> {
    let mode = if entry.header().mode()? & 0o100 == 0 { 0o644 } else { 0o755 };
    let mut file = dest.create(inner)?;
    std::io::copy(entry, &mut file)?;
    rustix::fs::fchmod(&file, rustix::fs::Mode::from_raw_mode(mode))?;
    // Makefiles compare time stamps of generated and source files.
    let modified = std::time::UNIX_EPOCH.checked_add(std::time::Duration::from_secs(entry.header().mtime()?));
    file.set_modified(modified.context("its time is beyond the end of the clock")?)?;
    Ok(())
}

#[cfg(test)]
mod tests;
