//! Unpacked images, by digest. Several processes may work here at once.
//!
//! `DIGEST` is complete; `DIGEST.partial` is being unpacked, or was when its process died; `.removing` is on its way out. Who works
//! on a directory holds a lock of the kernel's on it, which ends with the process.

use std::fs::{self, DirBuilder, File};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::fs::{flock, FlockOperation};

use crate::digest::Digest;
use crate::problem::{problem, Doing as _, Outcome, Problem};
use crate::removal;

/// A lock on a directory, given up when this ends.
#[derive(Debug)]
pub struct Held(#[allow(dead_code)] File);

/// The directory that images are in.
#[derive(Debug)]
pub struct Store(PathBuf);

impl Store {
    /// Opens it, and removes what killed processes left.
    pub fn open(path: &Path) -> Outcome<Self> {
        let store = Self(path.to_owned());
        for name in names(path)? {
            let partial = path.join(&name);
            if name.ends_with(".partial") {
                if let Some(held) = claim(&partial, FlockOperation::NonBlockingLockExclusive)? {
                    store.discard(&partial)?;
                    drop(held);
                }
            }
        }
        store.empty_removing()?;
        Ok(store)
    }

    /// The root of an image, unpacked by `unpack` unless it is there, and a lock against its removal. Who wants the same image
    /// meanwhile waits.
    pub fn hold(&self, digest: &Digest, unpack: impl Fn(&Path) -> Outcome<()>) -> Outcome<(PathBuf, Held)> {
        let root = self.0.join(digest.hex());
        let partial = self.0.join(format!("{}.partial", digest.hex()));
        loop {
            if let Some(held) = claim(&root, FlockOperation::LockShared)? {
                return Ok((root, held));
            }
            match DirBuilder::new().mode(0o700).create(&partial) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                made => made.doing_at("making", &partial)?,
            }
            let Some(held) = claim(&partial, FlockOperation::LockExclusive)? else { continue };
            let is_begun = fs::read_dir(&partial).doing_at("reading", &partial)?.next().is_some();
            if is_begun || root.exists() {
                // Left by a killed process, or made after another had finished.
                self.discard(&partial)?;
            } else if let Err(Problem(failure)) = unpack(&partial) {
                return match self.discard(&partial) {
                    Ok(()) => problem(failure),
                    Err(left) => problem(format!(
                        "{failure}\nwhat was unpacked of it is left over, and tried again next time: {left}"
                    )),
                };
            } else {
                fs::rename(&partial, &root).doing_at("naming", &root)?;
            }
            drop(held);
        }
    }

    /// Removes an image that nothing is being started from; `users` are asked when it is sure that nothing is.
    pub fn remove(&self, digest: &Digest, users: impl Fn() -> Outcome<Vec<String>>) -> Outcome<()> {
        let root = self.0.join(digest.hex());
        if !root.exists() {
            return problem(format!("there is no image {digest}; `container images` lists them"));
        }
        let Some(held) = claim(&root, FlockOperation::NonBlockingLockExclusive)? else {
            return problem(format!("a container is being started from {digest}: try again"));
        };
        let users = users()?;
        if !users.is_empty() {
            return problem(format!("{digest} is used by {}: `container rm` them first", users.join(", ")));
        }
        self.discard(&root)?;
        drop(held);
        Ok(())
    }

    /// Out of the way at once; then its files are removed.
    fn discard(&self, directory: &Path) -> Outcome<()> {
        let removing = self.removing();
        match DirBuilder::new().mode(0o700).create(&removing) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            made => made.doing_at("making", &removing)?,
        }
        {
            let _held = claim(&removing, FlockOperation::LockExclusive)?;
            fs::rename(directory, removal::free(&removing, &mut (0..))).doing_at("moving away", directory)?;
        }
        self.empty_removing()
    }

    fn empty_removing(&self) -> Outcome<()> {
        // Without it there is nothing to do; it stays when it is empty.
        let Some(held) = claim(&self.removing(), FlockOperation::LockExclusive)? else { return Ok(()) };
        removal::empty(&self.removing())?;
        drop(held);
        Ok(())
    }

    fn removing(&self) -> PathBuf {
        self.0.join(".removing")
    }
}

/// Locks a directory; none if it is not there, if it has gone or was replaced while this waited, or if another holds it and
/// `how` does not wait.
pub fn claim(directory: &Path, how: FlockOperation) -> Outcome<Option<Held>> {
    let file = match File::open(directory) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        opened => opened.doing_at("opening", directory)?,
    };
    loop {
        match flock(&file, how).map_err(io::Error::from) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
            locked => break locked.doing_at("locking", directory)?,
        }
    }
    let held = file.metadata().doing_at("looking at", directory)?;
    let is_same =
        fs::symlink_metadata(directory).is_ok_and(|named| (named.dev(), named.ino()) == (held.dev(), held.ino()));
    Ok(is_same.then_some(Held(file)))
}

/// The digests of what is unpacked there.
pub fn images(store: &Path) -> Outcome<Vec<String>> {
    Ok(names(store)?.into_iter().filter(|name| !name.contains('.')).collect())
}

/// Names in a directory, without those that begin with a dot, in order. None if it was never made.
pub fn names(directory: &Path) -> Outcome<Vec<String>> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.doing_at("listing", directory)?,
    };
    let mut names = Vec::new();
    for entry in entries {
        names.push(entry.doing_at("listing", directory)?.file_name().to_string_lossy().into_owned());
    }
    names.retain(|name| !name.starts_with('.'));
    names.sort();
    Ok(names)
}

/// Gives the store a file system of its own where /var may not hold programs.
pub fn make_executable(store: &Path) -> Outcome<()> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").doing("reading the mounts")?;
    let options = mounts.lines().filter_map(|line| {
        let mut words = line.split(' ').skip(4);
        Some((words.next()?, words.next()?))
    });
    let on = options.filter(|(point, _)| store.starts_with(point)).max_by_key(|(point, _)| point.len());
    if !on.is_some_and(|(_, options)| options.split(',').any(|option| option == "noexec")) {
        return Ok(());
    }
    let mut mount = Command::new("/usr/bin/mount");
    mount.args(["-t", "tmpfs", "-o", "nosuid,nodev,mode=0700,size=50%", "containers"]).arg(store);
    if mount.status().doing("starting mount")?.success() {
        return Ok(());
    }
    problem(format!(
        "{} may not hold programs, and a file system of its own could not be mounted there",
        store.display()
    ))
}

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
