//! Following the symbolic links of a tree without its disk.

use super::{EntryKind, Manifest};

/// As many links are followed as Linux follows.
const MAX_LINKS: usize = 40;

impl Manifest {
    /// Where a path leads, every link in it followed within the root; relative to the root. What is not there leads to itself.
    pub fn real(&self, path: &str) -> String {
        let mut todo: Vec<&str> = path.split('/').rev().collect();
        let mut done: Vec<&str> = Vec::new();
        let mut links = 0;
        while let Some(part) = todo.pop() {
            match part {
                "" | "." => continue,
                ".." => drop(done.pop()),
                part => done.push(part),
            }
            let here = self.get(&done.join("/"));
            let Some(EntryKind::Symlink { target }) = here.map(|entry| &entry.kind) else { continue };
            links += 1;
            if links > MAX_LINKS {
                break;
            }
            if target.starts_with('/') {
                done.clear();
            } else {
                done.pop();
            }
            todo.extend(target.split('/').rev());
        }
        done.join("/")
    }
}
