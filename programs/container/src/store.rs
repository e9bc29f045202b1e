//! Unpacked images, by digest. Several processes may work here at once.
//!
//! `DIGEST` is complete; `DIGEST.partial` is being unpacked, or its process died; `.removing` is being deleted. A
//! process that works on an image holds a kernel lock, which ends with the process. The lock is on a file of its own in
//! `.locks`: containers can open the root of their image, and anybody who can open a file can lock it.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::fs::{FlockOperation, flock};

use crate::digest::Digest;
use crate::problem::{Doing as _, Outcome, Problem, problem};
use crate::removal;

/// A lock, released when dropped.
#[derive(Debug)]
pub struct Held(#[allow(dead_code)] File);

/// The directory of images.
#[derive(Debug)]
pub struct Store(PathBuf);

impl Store {
    /// Opens the store, and removes the remains of killed processes.
    pub fn open(path: &Path) -> Outcome<Self> {
        let store = Self(path.to_owned());
        for name in names(path)? {
            let Some(image) = name.strip_suffix(".partial") else { continue };
            if let Some(held) = store.lock(image, FlockOperation::NonBlockingLockExclusive)? {
                // Its process may have finished meanwhile.
                if path.join(&name).exists() {
                    store.discard(&path.join(&name))?;
                }
                drop(held);
            }
        }
        store.empty_removing()?;
        Ok(store)
    }

    /// The root of an image, and a lock against its removal. Runs `unpack` unless the image is there. Another process
    /// that wants the same image waits.
    pub fn hold(&self, digest: &Digest, unpack: impl Fn(&Path) -> Outcome<()>) -> Outcome<(PathBuf, Held)> {
        let root = self.0.join(digest.hex());
        let partial = self.0.join(format!("{}.partial", digest.hex()));
        loop {
            let Some(held) = self.lock(digest.hex(), FlockOperation::LockShared)? else { continue };
            if root.exists() {
                return Ok((root, held));
            }
            drop(held);
            let Some(held) = self.lock(digest.hex(), FlockOperation::LockExclusive)? else { continue };
            if !root.exists() {
                self.make(&root, &partial, &unpack)?;
            }
            drop(held);
        }
    }

    /// Unpacks under another name, and renames when complete.
    fn make(&self, root: &Path, partial: &Path, unpack: &impl Fn(&Path) -> Outcome<()>) -> Outcome<()> {
        if partial.exists() {
            // Left by a killed process.
            self.discard(partial)?;
        }
        DirBuilder::new().mode(0o700).create(partial).doing_at("making", partial)?;
        let Err(Problem(failure)) = unpack(partial) else {
            return fs::rename(partial, root).doing_at("naming", root);
        };
        match self.discard(partial) {
            Ok(()) => problem(failure),
            Err(left) => problem(format!("{failure}\nwhat was unpacked is left over, and removed next time: {left}")),
        }
    }

    /// Removes an image, unless a container is being started from it. Calls `users` once no other process can start
    /// one.
    pub fn remove(&self, digest: &Digest, users: impl Fn() -> Outcome<Vec<String>>) -> Outcome<()> {
        let root = self.0.join(digest.hex());
        if !root.exists() {
            return problem(format!("no image {digest}; `container images` lists them"));
        }
        let Some(held) = self.lock(digest.hex(), FlockOperation::NonBlockingLockExclusive)? else {
            return problem(format!("a container is being started from {digest}: try again"));
        };
        let users = users()?;
        if !users.is_empty() {
            return problem(format!("{digest} is used by {}: `container rm` them first", users.join(", ")));
        }
        self.discard(&root)?;
        let lock = self.locks().join(digest.hex());
        fs::remove_file(&lock).doing_at("removing", &lock)?;
        drop(held);
        Ok(())
    }

    /// The lock of an image; `None` if it was removed while this waited, or if another process has it and `how` does
    /// not wait.
    fn lock(&self, image: &str, how: FlockOperation) -> Outcome<Option<Held>> {
        make_private(&self.locks())?;
        let path = self.locks().join(image);
        let file = OpenOptions::new().create(true).append(true).mode(0o600).open(&path).doing_at("opening", &path)?;
        drop(file);
        claim(&path, how)
    }

    fn locks(&self) -> PathBuf {
        self.0.join(".locks")
    }

    /// Renames the image first, then deletes its files.
    fn discard(&self, directory: &Path) -> Outcome<()> {
        let removing = self.removing();
        make_private(&removing)?;
        {
            let _held = claim(&removing, FlockOperation::LockExclusive)?;
            fs::rename(directory, removal::free(&removing, &mut (0..))).doing_at("moving away", directory)?;
        }
        self.empty_removing()
    }

    fn empty_removing(&self) -> Outcome<()> {
        // Without it there is nothing to do; an empty one stays.
        let Some(held) = claim(&self.removing(), FlockOperation::LockExclusive)? else { return Ok(()) };
        removal::empty(&self.removing())?;
        drop(held);
        Ok(())
    }

    fn removing(&self) -> PathBuf {
        self.0.join(".removing")
    }
}

fn make_private(directory: &Path) -> Outcome<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(directory).doing_at("making", directory)
}

/// Locks a directory or file; `None` if it does not exist, was removed or replaced while this waited, or if another
/// process holds it and `how` does not wait.
pub fn claim(path: &Path, how: FlockOperation) -> Outcome<Option<Held>> {
    let file = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        opened => opened.doing_at("opening", path)?,
    };
    loop {
        match flock(&file, how).map_err(io::Error::from) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
            locked => break locked.doing_at("locking", path)?,
        }
    }
    let held = file.metadata().doing_at("looking at", path)?;
    let is_same = fs::symlink_metadata(path).is_ok_and(|named| (named.dev(), named.ino()) == (held.dev(), held.ino()));
    Ok(is_same.then_some(Held(file)))
}

/// The digests of the unpacked images.
pub fn images(store: &Path) -> Outcome<Vec<String>> {
    Ok(names(store)?.into_iter().filter(|name| !name.contains('.')).collect())
}

/// Names in a directory, sorted, without hidden ones; empty if there is no directory.
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

/// Mounts a separate file system for the store if /var does not allow programs.
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
    problem(format!("{} does not allow programs, and mounting a file system there failed", store.display()))
}

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
