//! Removes trees of any depth, with two descriptors and without recursion.
//!
//! A recursive removal holds one descriptor per level, so it fails on a tree deeper than the limit of descriptors. Here
//! each directory is first moved up, beside its parent.

use std::fs;
use std::path::{Path, PathBuf};

use crate::problem::{Doing as _, Outcome};

/// Empties a directory that nobody else changes meanwhile; continues after a killed process.
pub fn empty(directory: &Path) -> Outcome<()> {
    let mut names = 0u64..;
    loop {
        let mut entries = fs::read_dir(directory).doing_at("reading", directory)?.peekable();
        if entries.peek().is_none() {
            return Ok(());
        }
        for entry in entries {
            let entry = entry.doing_at("reading", directory)?;
            let path = entry.path();
            if entry.file_type().doing_at("looking at", &path)?.is_dir() {
                lift(&path, directory, &mut names)?;
                fs::remove_dir(&path).doing_at("removing", &path)?;
            } else {
                fs::remove_file(&path).doing_at("removing", &path)?;
            }
        }
    }
}

/// Removes the content of `from`, except that its directories move up into `top`.
fn lift(from: &Path, top: &Path, names: &mut impl Iterator<Item = u64>) -> Outcome<()> {
    for entry in fs::read_dir(from).doing_at("reading", from)? {
        let entry = entry.doing_at("reading", from)?;
        let path = entry.path();
        if entry.file_type().doing_at("looking at", &path)?.is_dir() {
            let above = free(top, names);
            fs::rename(&path, &above).doing_at("moving", &path)?;
        } else {
            fs::remove_file(&path).doing_at("removing", &path)?;
        }
    }
    Ok(())
}

/// A name that is free in `top`.
pub fn free(top: &Path, names: &mut impl Iterator<Item = u64>) -> PathBuf {
    loop {
        let path = top.join(names.next().unwrap_or_default().to_string());
        if fs::symlink_metadata(&path).is_err() {
            return path;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// A tree that an older version could leave: thousands of levels; and a process with few descriptors.
    #[test]
    fn depth_beyond_descriptors() {
        let own = std::env::current_exe().unwrap();
        let limited =
            ["-c", "ulimit -n 32 && exec \"$0\" --exact removal::tests::deep_tree --ignored --test-threads 1"];
        let output = Command::new("/bin/sh").args(limited).arg(own).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success() && text.contains("1 passed"), "{text}");
    }

    #[test]
    #[ignore = "started by the test above, with few descriptors"]
    fn deep_tree() {
        let room = testkit::TempDir::new("container-removal");
        fs::create_dir_all(room.join("0/x")).unwrap();
        // From the inside out: no path exceeds the system's limit.
        for _ in 0..5000 {
            fs::create_dir(room.join("outer")).unwrap();
            fs::write(room.join("outer/file"), "").unwrap();
            fs::rename(room.join("0"), room.join("outer/0")).unwrap();
            fs::rename(room.join("outer"), room.join("0")).unwrap();
        }
        std::os::unix::fs::symlink("/etc", room.join("0/link")).unwrap();
        empty(&room).unwrap();
        fs::remove_dir(&room).unwrap();
        assert!(Path::new("/etc/passwd").exists());
    }
}
