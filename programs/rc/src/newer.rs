//! `is_newer_than FILE OTHER...` and `is_older_than`: compares times of change, inside directories too.

use crate::message;
use std::fs;
use std::path::Path;
use std::time::SystemTime;

/// The comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// The first is newer than all others.
    Newer,
    /// The first is older than one of the others.
    Older,
}

/// Runs it: 0 is yes.
pub fn run(args: &[String], question: Question) -> u8 {
    let [first, others @ ..] = args else {
        message::eerror("no files given; the first is compared with the others");
        return 1;
    };
    let Some(own) = time_of(Path::new(first)) else {
        // A missing file is not newer than anything, and older than everything.
        return u8::from(question == Question::Newer);
    };
    let is_newer = !others.iter().any(|other| has_younger(Path::new(other), own, 0));
    u8::from(is_newer != (question == Question::Newer))
}

fn time_of(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|about| about.modified()).ok()
}

/// The deepest tree of configuration; a loop of links is deeper.
const MAX_DEPTH: u32 = 32;

fn has_younger(path: &Path, than: SystemTime, depth: u32) -> bool {
    if time_of(path).is_some_and(|time| time > than) {
        return true;
    }
    if depth >= MAX_DEPTH {
        return false;
    }
    // Not a directory, or not readable: nothing in it is newer.
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    entries.into_iter().any(|entry| has_younger(&entry.path(), than, depth + 1))
}
