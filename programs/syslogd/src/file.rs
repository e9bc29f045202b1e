//! A file that is rotated by size: `NAME`, then `NAME.0`, `NAME.1` and so on.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// A log file, with its rotated ones.
#[derive(Debug)]
pub struct Log {
    path: PathBuf,
    file: Option<File>,
    written: u64,
    most: u64,
    kept: u32,
}

impl Log {
    /// A file of at most `most` bytes, and `kept` rotated ones. Opened on the first line.
    pub fn new(path: &Path, most: u64, kept: u32) -> Log {
        Log { path: path.to_owned(), file: None, written: 0, most, kept }
    }

    /// Closes the file after somebody moved it: the next line goes into a new one.
    pub fn reopen(&mut self) {
        self.file = None;
    }

    /// Writes a line. On a full disk, removes the oldest file; if that is not enough, the line is lost.
    pub fn write(&mut self, line: &str) -> io::Result<()> {
        self.open()?;
        if self.written > 0 && self.written.saturating_add(line.len() as u64) > self.most {
            self.put_aside()?;
        }
        match self.append(line) {
            Err(error) if error.kind() == io::ErrorKind::StorageFull => {
                self.drop_oldest()?;
                self.append(line)
            }
            result => result,
        }
    }

    fn open(&mut self) -> io::Result<&mut File> {
        match &mut self.file {
            Some(file) => Ok(file),
            none => {
                let mut how = OpenOptions::new();
                how.append(true).create(true).mode(0o600).custom_flags(libc::O_NOFOLLOW);
                let file = how.open(&self.path)?;
                self.written = file.metadata()?.len();
                Ok(none.insert(file))
            }
        }
    }

    fn append(&mut self, line: &str) -> io::Result<()> {
        let file = self.open()?;
        let result = file.write_all(line.as_bytes());
        // A part of the line may be written.
        let written = file.metadata()?.len();
        self.written = written;
        result
    }

    fn earlier(&self, number: u32) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(format!(".{number}"));
        name.into()
    }

    fn put_aside(&mut self) -> io::Result<()> {
        self.file = None;
        self.written = 0;
        if self.kept == 0 {
            return gone(fs::remove_file(&self.path));
        }
        for number in (1..self.kept).rev() {
            gone(fs::rename(self.earlier(number - 1), self.earlier(number)))?;
        }
        gone(fs::rename(&self.path, self.earlier(0)))
    }

    fn drop_oldest(&mut self) -> io::Result<()> {
        for number in (0..self.kept).rev() {
            match fs::remove_file(self.earlier(number)) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                result => return result,
            }
        }
        Err(io::Error::from(io::ErrorKind::StorageFull))
    }
}

/// A missing file is fine.
fn gone(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_gives_way() {
        let room = testkit::TempDir::new("syslogd");
        let path = room.join("messages");
        let read = |name: &str| fs::read_to_string(room.join(name)).unwrap_or_default();
        let mut log = Log::new(&path, 10, 2);
        for line in ["one\n", "two\n", "three\n", "four\n", "five\n", "six\n", "seven\n", "x\n"] {
            log.write(line).unwrap();
        }
        assert_eq!((read("messages"), read("messages.0")), ("x\n".into(), "six\nseven\n".into()));
        assert_eq!((read("messages.1"), read("messages.2")), ("four\nfive\n".into(), String::new()));
        // Somebody moved it: no further line goes there.
        fs::rename(&path, room.join("moved")).unwrap();
        log.write("a\n").unwrap();
        log.reopen();
        log.write("b\n").unwrap();
        assert_eq!((read("moved"), read("messages")), ("x\na\n".into(), "b\n".into()));
        // Existing content counts.
        Log::new(&path, 10, 2).write("123456789\n").unwrap();
        assert_eq!((read("messages"), read("messages.0")), ("123456789\n".into(), "b\n".into()));
    }

    #[test]
    fn a_full_disk_costs_the_oldest_and_then_the_line() {
        let room = testkit::TempDir::new("syslogd-full");
        std::os::unix::fs::symlink("/dev/full", room.join("link")).unwrap();
        // Links are not followed: write access to the directory must not choose the file.
        assert!(Log::new(&room.join("link"), 10, 2).write("x\n").is_err());
        fs::write(room.join("messages.1"), "old").unwrap();
        let mut log = Log::new(&room.join("messages"), 10, 2);
        log.file = Some(OpenOptions::new().append(true).open("/dev/full").unwrap());
        assert_eq!(log.write("x\n").unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert!(!room.join("messages.1").exists());
    }
}
