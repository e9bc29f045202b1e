//! Walks through trees that may be hostile and may change meanwhile: by handles, without following links, down to a limited depth.

use anyhow::{Context as _, Result, bail};
use camino::Utf8Path;
use rustix::fs::{AtFlags, CWD, Dir, FileType, Gid, Mode, OFlags, Stat, Uid, chownat, openat, statat};
use rustix::io::Errno;
use std::ffi::CStr;
use std::os::fd::OwnedFd;

/// Directories in directories. Each level is an open handle, and no program has many more of these.
pub const MAX_DEPTH: usize = 256;

/// A directory is opened as such, and never through a link.
pub(super) const DIRECTORY: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Gives everything below `root`, and itself, to a user and a group.
///
/// # Errors
/// When something cannot be given, or directories are nested too deeply.
pub fn give(root: &Utf8Path, (uid, gid): (u32, u32)) -> Result<()> {
    let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
    let give = |handle: &OwnedFd, name: &CStr, stat: &Stat| {
        if stat.st_uid != uid.as_raw() || stat.st_gid != gid.as_raw() {
            chownat(handle, name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)?;
        }
        Ok(())
    };
    visit(root, give).with_context(|| format!("giving {root} to the ids of its container"))?;
    chownat(CWD, root.as_str(), Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)
        .with_context(|| format!("giving {root} to the ids of its container"))
}

/// Bytes that the tree below `root` occupies on its disk. A file with several names counts as often.
///
/// # Errors
/// When it cannot be read, or directories are nested too deeply.
pub fn occupied(root: &Utf8Path) -> Result<u64> {
    let mut bytes: u64 = 0;
    visit(root, |_, _, stat| {
        bytes = bytes.saturating_add(u64::try_from(stat.st_blocks).unwrap_or(0).saturating_mul(512));
        Ok(())
    })?;
    Ok(bytes)
}

/// Calls `seen` for everything below `root`: the handle of its directory, its name there, and what it is.
fn visit(root: &Utf8Path, mut seen: impl FnMut(&OwnedFd, &CStr, &Stat) -> Result<(), Errno>) -> Result<()> {
    let open = |handle: &OwnedFd, name: &CStr| openat(handle, name, DIRECTORY, Mode::empty());
    let top = match openat(CWD, root.as_str(), DIRECTORY, Mode::empty()) {
        // A single file, as the job pipe is.
        Err(Errno::NOTDIR) => return Ok(()),
        top => top.with_context(|| format!("opening {root}"))?,
    };
    let mut open_now = vec![(Dir::read_from(&top)?, top)];
    while let Some((listing, handle)) = open_now.last_mut() {
        let Some(item) = listing.read() else {
            open_now.pop();
            continue;
        };
        let item = item.with_context(|| format!("listing a directory of {root}"))?;
        let name = item.file_name();
        if name == c"." || name == c".." {
            continue;
        }
        let reason = || format!("at {:?} in {root}", name);
        let stat = match statat(&*handle, name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => continue,
            stat => stat.with_context(reason)?,
        };
        match seen(handle, name, &stat) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(error) => return Err(error).with_context(reason),
        }
        if FileType::from_raw_mode(stat.st_mode) != FileType::Directory {
            continue;
        }
        let below = match open(handle, name) {
            // It went, or became something else, since it was looked at.
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => continue,
            below => below.with_context(reason)?,
        };
        if open_now.len() >= MAX_DEPTH {
            bail!("directories in {root} are nested more than {MAX_DEPTH} deep");
        }
        open_now.push((Dir::read_from(&below)?, below));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{MetadataExt as _, symlink};

    fn tree() -> (tempfile::TempDir, camino::Utf8PathBuf) {
        let guard = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(guard.path()).unwrap().join("root");
        fs_err::create_dir_all(root.join("a/b")).unwrap();
        (guard, root)
    }

    #[test]
    fn links_are_given_and_what_they_point_to_is_not() {
        let (guard, root) = tree();
        let outside = guard.path().join("outside");
        fs_err::create_dir(&outside).unwrap();
        fs_err::write(outside.join("file"), "x").unwrap();
        symlink(&outside, root.join("a/b/dir")).unwrap();
        symlink(outside.join("file"), root.join("file")).unwrap();
        let own = fs_err::metadata(&outside).unwrap();
        // Only root may give to others.
        let to = if own.uid() == 0 { (1_879_048_192, 1_879_048_193) } else { (own.uid(), own.gid()) };
        give(&root, to).unwrap();
        for path in ["", "a", "a/b", "a/b/dir", "file"] {
            let meta = fs_err::symlink_metadata(root.join(path)).unwrap();
            assert_eq!((meta.uid(), meta.gid()), to, "{path}");
        }
        for path in [outside.clone(), outside.join("file")] {
            assert_eq!(fs_err::metadata(path).unwrap().uid(), own.uid());
        }
    }

    #[test]
    fn what_is_occupied_is_not_what_a_hole_pretends() {
        let (_guard, root) = tree();
        fs_err::File::create(root.join("sparse")).unwrap().set_len(1 << 40).unwrap();
        fs_err::write(root.join("a/b/full"), vec![1; 1 << 20]).unwrap();
        let bytes = occupied(&root).unwrap();
        assert!((1 << 20..3 << 20).contains(&bytes), "{bytes}");
    }

    #[test]
    fn a_bottomless_tree_is_an_error_and_no_crash() {
        let (_guard, root) = tree();
        let mut at = openat(CWD, root.as_str(), DIRECTORY, Mode::empty()).unwrap();
        for _ in 0..2000 {
            rustix::fs::mkdirat(&at, "d", Mode::RWXU).unwrap();
            at = openat(&at, "d", DIRECTORY, Mode::empty()).unwrap();
        }
        assert!(occupied(&root).unwrap_err().to_string().contains("nested more than 256 deep"));
        assert!(format!("{:#}", super::super::scan(&root).unwrap_err()).contains("nested more than"));
        crate::host::work::remove_tree(&root).unwrap();
        assert!(!root.exists());
    }
}
