//! The tree that layers are unpacked into. No other process changes it meanwhile, so a check stays valid.
//!
//! The work that a layer can cause has limits that no choice of names changes: entries count with their implied
//! parents, the depth is that of the tree after following links, and a whiteout costs what it removes.

use std::collections::BTreeSet;
use std::ffi::{CString, OsStr};
use std::fs::{self, File, Permissions};
use std::io::{self, Read};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::{PermissionsExt as _, fchown, lchown, symlink};
use std::path::{Path, PathBuf};

use crate::archive::Entry;
use crate::problem::{Doing as _, Outcome, problem};
use crate::step::{MAX_DEPTH, Step, shown};

/// The number of entries in a layer, implied ones included.
const MAX_ENTRIES: usize = 200_000;
/// The same in bytes of paths, which are held in memory.
const MAX_PATH_BYTES: usize = 64 << 20;
const MAX_LINKS: usize = 40;
/// Components visited on the way to one entry; links can multiply them.
const MAX_COMPONENTS: usize = 256;

/// A tree, and the changes of the current layer.
pub struct Tree {
    root: PathBuf,
    made: CreatedPaths,
    count: usize,
    path_bytes: usize,
    /// Directories without entries of lower layers.
    emptied: BTreeSet<PathBuf>,
}

/// The paths that a layer made, as written: each begins with the root and has no superfluous slash.
#[derive(Default)]
struct CreatedPaths(BTreeSet<Vec<u8>>);

impl CreatedPaths {
    fn insert(&mut self, path: PathBuf) {
        self.0.insert(path.into_os_string().into_vec());
    }

    /// Whether it made this path or one below it: the first one from `PATH/` on, if any.
    fn reaches(&self, path: &Path) -> bool {
        let path = path.as_os_str().as_bytes();
        let below = [path, b"/"].concat();
        self.0.contains(path) || self.0.range(below.clone()..).next().is_some_and(|next| next.starts_with(&below))
    }
}

/// Whether to create missing parents.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Missing {
    Make,
    Leave,
}

impl Tree {
    /// A tree with an existing root.
    pub fn new(root: &Path) -> Self {
        let (made, emptied) = (CreatedPaths::default(), BTreeSet::new());
        Self { root: root.to_owned(), made, count: 0, path_bytes: 0, emptied }
    }

    /// Starts a new layer.
    pub fn begin_layer(&mut self) {
        *self = Self::new(&self.root);
    }

    /// Applies one step.
    pub fn apply(&mut self, step: &Step, entry: &Entry, content: &mut impl Read) -> Outcome<()> {
        self.count_one()?;
        let made = match step {
            Step::LeaveOut(_) => return Ok(()),
            Step::Remove(path) => return self.place(path, Missing::Leave)?.map_or(Ok(()), |at| clear(&at)),
            Step::Empty(path) => {
                return self.directory(path, Missing::Leave)?.map_or(Ok(()), |at| self.empty(&at));
            }
            Step::HardLink(path, target) => self.link(path, target)?,
            Step::Directory(path, mode) => {
                let at = self.new_place(path)?;
                if !fs::symlink_metadata(&at).is_ok_and(|found| found.is_dir()) {
                    clear(&at)?;
                    fs::create_dir(&at).doing_at("making", &at)?;
                }
                lchown(&at, Some(entry.uid), Some(entry.gid)).doing_at("giving away", &at)?;
                fs::set_permissions(&at, Permissions::from_mode(*mode)).doing_at("setting the mode of", &at)?;
                at
            }
            Step::File(path, mode) => {
                let at = self.new_place(path)?;
                clear(&at)?;
                let mut file = File::create_new(&at).doing_at("making", &at)?;
                io::copy(content, &mut file).doing_at("writing", &at)?;
                fchown(&file, Some(entry.uid), Some(entry.gid)).doing_at("giving away", &at)?;
                file.set_permissions(Permissions::from_mode(*mode)).doing_at("setting the mode of", &at)?;
                at
            }
            Step::Symlink(path, text) => {
                let at = self.new_place(path)?;
                clear(&at)?;
                symlink(OsStr::from_bytes(text.as_bytes()), &at).doing_at("making", &at)?;
                lchown(&at, Some(entry.uid), Some(entry.gid)).doing_at("giving away", &at)?;
                at
            }
        };
        self.count_bytes(&made)?;
        self.made.insert(made);
        Ok(())
    }

    fn link(&mut self, path: &[CString], target: &[CString]) -> Outcome<PathBuf> {
        let Some(from) = self.place(target, Missing::Leave)? else {
            let (path, target) = (shown(path), shown(target));
            return problem(format!("{} is a link to {}, which is not there", path.display(), target.display()));
        };
        let at = self.new_place(path)?;
        if at != from {
            clear(&at)?;
            fs::hard_link(&from, &at).doing_at("linking", &at)?;
        }
        Ok(at)
    }

    /// Creates a directory if it is missing.
    pub fn make_directory(&mut self, path: &[CString]) -> Outcome<()> {
        self.directory(path, Missing::Make).map(drop)
    }

    fn count_one(&mut self) -> Outcome<()> {
        self.count += 1;
        if self.count > MAX_ENTRIES {
            return problem("a layer has too many entries");
        }
        Ok(())
    }

    /// Called before a path is stored in memory.
    fn count_bytes(&mut self, path: &Path) -> Outcome<()> {
        self.path_bytes += path.as_os_str().len();
        if self.path_bytes > MAX_PATH_BYTES {
            return problem("a layer has too many long names");
        }
        Ok(())
    }

    /// Removes the entries of lower layers in a directory. Marks it, because a second time would find nothing.
    fn empty(&mut self, directory: &Path) -> Outcome<()> {
        if !self.emptied.insert(directory.to_owned()) {
            return Ok(());
        }
        self.count_bytes(directory)?;
        for child in fs::read_dir(directory).doing_at("reading", directory)? {
            let child = child.doing_at("reading", directory)?;
            let path = child.path();
            if !self.made.reaches(&path) {
                clear(&path)?;
            } else if child.file_type().doing_at("looking at", &path)?.is_dir() {
                self.empty(&path)?;
            }
        }
        Ok(())
    }

    /// The place of an entry, with its parents.
    fn new_place(&mut self, path: &[CString]) -> Outcome<PathBuf> {
        match self.place(path, Missing::Make)? {
            Some(at) => {
                self.judge_depth(&at)?;
                Ok(at)
            }
            None => problem(format!("{} has no place in the image", shown(path).display())),
        }
    }

    fn place(&mut self, path: &[CString], missing: Missing) -> Outcome<Option<PathBuf>> {
        let Some((name, parents)) = path.split_last() else { return Ok(Some(self.root.clone())) };
        Ok(self.directory(parents, missing)?.map(|at| at.join(OsStr::from_bytes(name.as_bytes()))))
    }

    fn judge_depth(&self, at: &Path) -> Outcome<()> {
        let inside = at.strip_prefix(&self.root).unwrap_or(at);
        if inside.components().count() > MAX_DEPTH {
            return problem(format!(
                "a layer makes a tree of more than {MAX_DEPTH} levels, links followed; no real image needs that"
            ));
        }
        Ok(())
    }

    /// The directory of that name; `None` if it is missing and not created. Symbolic links are followed as if the root
    /// were `/`.
    fn directory(&mut self, path: &[CString], missing: Missing) -> Outcome<Option<PathBuf>> {
        let mut left: Vec<Vec<u8>> = path.iter().rev().map(|name| name.as_bytes().to_vec()).collect();
        let (mut at, mut links, mut looked_at) = (self.root.clone(), 0, 0);
        while let Some(name) = left.pop() {
            if name.is_empty() || name == b"." {
                continue;
            }
            if name == b".." {
                if at != self.root {
                    at.pop();
                }
                continue;
            }
            looked_at += 1;
            if looked_at > MAX_COMPONENTS {
                return problem(format!("the way to {} is too long, with links", shown(path).display()));
            }
            let next = at.join(OsStr::from_bytes(&name));
            match fs::symlink_metadata(&next) {
                Ok(found) if found.is_dir() => at = next,
                Ok(found) if found.is_symlink() => {
                    links += 1;
                    if links > MAX_LINKS {
                        return problem(format!("too many symbolic links on the way to {}", shown(path).display()));
                    }
                    let text = fs::read_link(&next).doing_at("reading", &next)?;
                    let text = text.as_os_str().as_bytes();
                    if text.starts_with(b"/") {
                        at = self.root.clone();
                    }
                    left.extend(text.split(|byte| *byte == b'/').rev().map(<[u8]>::to_vec));
                }
                Ok(_) => return problem(format!("{} is not a directory in the image", shown(path).display())),
                Err(_) if missing == Missing::Leave => return Ok(None),
                Err(_) => {
                    self.count_one()?;
                    self.judge_depth(&next)?;
                    fs::create_dir(&next).doing_at("making", &next)?;
                    fs::set_permissions(&next, Permissions::from_mode(0o755)).doing_at("setting the mode of", &next)?;
                    at = next;
                }
            }
        }
        Ok(Some(at))
    }
}

fn clear(path: &Path) -> Outcome<()> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path).doing_at("removing", path),
        Ok(_) => fs::remove_file(path).doing_at("removing", path),
        Err(_) => Ok(()),
    }
}

#[cfg(test)]
#[path = "tree_tests.rs"]
mod tests;
