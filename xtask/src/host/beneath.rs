//! Files below a directory, by descriptor: opens and changes nothing outside of it, whatever links are there.
//!
//! The kernel resolves every path with `RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS`: a path with `..`, an absolute one, and one that
//! passes through a link are refused there, not by a look beforehand. Last components are never followed either.

use std::fs::File;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};

use anyhow::{Context as _, Result, anyhow, bail};
use camino::{Utf8Path, Utf8PathBuf};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

/// A directory that nothing done by way of this value leaves.
#[derive(Debug)]
pub struct Beneath {
    root: OwnedFd,
    /// For messages only.
    shown: Utf8PathBuf,
    /// The directory used last: archives hold the files of a directory one after the other. A directory is never replaced here, so
    /// what was found below the root stays there.
    last: Option<(Utf8PathBuf, OwnedFd)>,
}

impl Beneath {
    /// The directory `root`, made when it is not there. `root` itself is believed.
    pub fn make(root: &Utf8Path) -> Result<Self> {
        fs_err::create_dir_all(root)?;
        Self::open(root)
    }

    /// The directory `root`, which is there and believed.
    pub fn open(root: &Utf8Path) -> Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd = rustix::fs::open(root.as_std_path(), flags, Mode::empty());
        Ok(Self { root: fd.with_context(|| format!("opening {root}"))?, shown: root.to_owned(), last: None })
    }

    /// A directory below this one, made when it is not there, as a root of its own.
    pub fn below(&self, path: &Utf8Path) -> Result<Self> {
        let shown = if path == "." { self.shown.clone() } else { self.shown.join(path) };
        Ok(Self { root: self.walk(path)?, shown, last: None })
    }

    /// Makes a directory, with those above it, where it is not there yet.
    pub fn directory(&mut self, path: &Utf8Path) -> Result<()> {
        self.enter(path).map(|_| ())
    }

    /// A new, empty file. Replaces what has its name unless that is a directory.
    pub fn create(&mut self, path: &Utf8Path) -> Result<File> {
        self.place(path, new_file).map(File::from)
    }

    /// A new symbolic link, whatever it points at. Replaces like [`Beneath::create`].
    pub fn symlink(&mut self, target: &Utf8Path, path: &Utf8Path) -> Result<()> {
        self.place(path, |folder, name| rustix::fs::symlinkat(target.as_std_path(), folder, name))
    }

    /// Another name for the regular file `source`, which is below this directory too. Replaces like [`Beneath::create`].
    pub fn hard_link(&mut self, source: &Utf8Path, path: &Utf8Path) -> Result<()> {
        let (parent, file) = split(source)?;
        let from = self.existing(parent).map_err(|error| self.refused(source, error))?;
        let status =
            rustix::fs::statat(&from, file, AtFlags::SYMLINK_NOFOLLOW).map_err(|error| self.refused(source, error))?;
        if FileType::from_raw_mode(status.st_mode) != FileType::RegularFile {
            bail!("{} is not a regular file, so nothing may link to it", self.shown.join(source));
        }
        if source == path {
            return Ok(());
        }
        self.place(path, |folder, name| rustix::fs::linkat(&from, file, folder, name, AtFlags::empty()))
    }

    /// A new, empty file, where nothing has its name yet; otherwise `None`.
    pub fn create_new(&mut self, path: &Utf8Path) -> Result<Option<File>> {
        let (parent, name) = split(path)?;
        match new_file(self.enter(parent)?, name) {
            Ok(file) => Ok(Some(file.into())),
            Err(Errno::EXIST) => Ok(None),
            Err(error) => Err(self.refused(path, error)),
        }
    }

    /// A regular file, for reading. Links are followed as by a process whose root this directory is.
    pub fn read_as_root(&self, path: &Utf8Path) -> Result<File> {
        // Without NONBLOCK the opening of a fifo would wait for a writer.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        let file = rustix::fs::openat2(&self.root, path.as_std_path(), flags, Mode::empty(), resolve)
            .map_err(|error| self.refused(path, error))?;
        let file = File::from(file);
        if !file.metadata()?.is_file() {
            bail!("{} is not a regular file", self.shown.join(path));
        }
        Ok(file)
    }

    /// Sets the permissions of a file or directory.
    pub fn set_mode(&mut self, path: &Utf8Path, mode: u32) -> Result<()> {
        let (parent, name) = split(path)?;
        let folder = self.existing(parent).map_err(|error| self.refused(path, error))?;
        let status = rustix::fs::statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW);
        let status = status.map_err(|error| self.refused(path, error))?;
        if FileType::from_raw_mode(status.st_mode) == FileType::Symlink {
            bail!("{} is a link, which has no mode of its own", self.shown.join(path));
        }
        rustix::fs::chmodat(&folder, name, Mode::from_raw_mode(mode), AtFlags::empty())
            .map_err(|error| self.refused(path, error))
    }

    /// Puts something new at `path`; `make` is tried a second time after what was there has been removed.
    fn place<T>(&mut self, path: &Utf8Path, make: impl Fn(BorrowedFd<'_>, &str) -> Result<T, Errno>) -> Result<T> {
        let (parent, name) = split(path)?;
        let folder = self.enter(parent)?;
        let made = match make(folder, name) {
            Err(Errno::EXIST) => match rustix::fs::unlinkat(folder, name, AtFlags::empty()) {
                Ok(()) => make(folder, name),
                Err(error) => Err(error),
            },
            other => other,
        };
        made.map_err(|error| self.refused(path, error))
    }

    /// The directory `path`, made when it is not there.
    fn enter(&mut self, path: &Utf8Path) -> Result<BorrowedFd<'_>> {
        if self.last.as_ref().is_none_or(|(known, _)| known != path) {
            let fd = self.walk(path)?;
            self.last = Some((path.to_owned(), fd));
        }
        self.last.as_ref().map(|(_, fd)| fd.as_fd()).context("the directory that was just entered is not known")
    }

    fn walk(&self, path: &Utf8Path) -> Result<OwnedFd> {
        match self.existing(path) {
            Err(Errno::NOENT) => {}
            other => return other.map_err(|error| self.refused(path, error)),
        }
        let mut at = self.root.try_clone()?;
        for component in path.components() {
            let name = component.as_str();
            let next = match rustix::fs::mkdirat(&at, name, Mode::from_raw_mode(0o777)) {
                Ok(()) | Err(Errno::EXIST) => directory(&at, name),
                Err(error) => Err(error),
            };
            at = next.map_err(|error| self.refused(path, error))?;
        }
        Ok(at)
    }

    fn existing(&self, path: &Utf8Path) -> Result<OwnedFd, Errno> {
        directory(&self.root, if path.as_str().is_empty() { "." } else { path.as_str() })
    }

    fn refused(&self, path: &Utf8Path, error: Errno) -> anyhow::Error {
        let (path, root) = (self.shown.join(path), &self.shown);
        match error {
            Errno::LOOP | Errno::NOTDIR => {
                anyhow!("{path} passes through a link or a file: what is above a path must be a directory")
            }
            Errno::XDEV => anyhow!("{path} leaves {root}"),
            Errno::EXIST | Errno::ISDIR => anyhow!("{path} is a directory already"),
            error => anyhow::Error::new(std::io::Error::from(error)).context(format!("at {path}")),
        }
    }
}

fn new_file(folder: BorrowedFd<'_>, name: &str) -> Result<OwnedFd, Errno> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(folder, name, flags, Mode::from_raw_mode(0o666))
}

/// A directory below `root`, reached through directories only.
fn directory(root: &OwnedFd, path: &str) -> Result<OwnedFd, Errno> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat2(root, path, flags, Mode::empty(), ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS)
}

/// A path as the directory it is in, and its name there.
fn split(path: &Utf8Path) -> Result<(&Utf8Path, &str)> {
    path.parent().zip(path.file_name()).with_context(|| format!("`{path}` is not the name of a file"))
}
