//! The output of a container: stored unchanged in two files of limited size, and shown without terminal control
//! sequences.

use std::fs::{self, OpenOptions};
use std::io::{self, BufRead as _, BufReader, ErrorKind, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::problem::{Doing as _, Outcome};
use crate::terminal::harmless;

/// The size at which a log is rotated; one old file is kept.
const LIMIT: u64 = 1 << 20;
const FILE: &str = "log";
const BEFORE: &str = "log.1";

/// The log of the container with this state directory, for several writers.
pub fn of(state: &Path) -> Arc<Mutex<PathBuf>> {
    Arc::new(Mutex::new(state.join(FILE)))
}

/// The whole stored log.
pub fn read(state: &Path) -> Outcome<Vec<u8>> {
    let mut bytes = Vec::new();
    for file in [BEFORE, FILE] {
        match fs::read(state.join(file)) {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            read => bytes.extend(read.doing_at("reading the log in", state)?),
        }
    }
    Ok(bytes)
}

/// Copies lines to the log and to `on`.
pub fn keep<S: Read + Send + 'static, W: Write + IsTerminal + Send + 'static>(
    stream: S,
    log: Arc<Mutex<PathBuf>>,
    mut on: Option<W>,
) -> thread::JoinHandle<()> {
    let to_terminal = on.as_ref().is_some_and(IsTerminal::is_terminal);
    thread::spawn(move || {
        let mut stream = BufReader::new(stream);
        let mut line = Vec::new();
        while stream.by_ref().take(8192).read_until(b'\n', &mut line).is_ok_and(|count| count > 0) {
            // A full /run or a closed terminal must not stop the container.
            if let Ok(path) = log.lock() {
                drop(append(&path, &line));
            }
            if let Some(on) = &mut on {
                drop(show(&line, on, to_terminal));
            }
            line.clear();
        }
    })
}

/// Writes the output of an untrusted program: unchanged to files and pipes, escaped to a terminal.
pub fn show(bytes: &[u8], on: &mut impl Write, to_terminal: bool) -> io::Result<()> {
    if to_terminal {
        on.write_all(harmless(bytes).as_bytes())?;
    } else {
        on.write_all(bytes)?;
    }
    on.flush()
}

fn append(path: &Path, line: &[u8]) -> io::Result<()> {
    if fs::metadata(path).is_ok_and(|log| log.len() > LIMIT) {
        fs::rename(path, path.with_file_name(BEFORE))?;
    }
    OpenOptions::new().create(true).append(true).open(path)?.write_all(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logs_are_cut() {
        let directory = testkit::TempDir::new("container-log");
        let log = directory.join(FILE);
        for _ in 0..3000 {
            append(&log, &[b'x'; 1000]).unwrap();
        }
        assert!(fs::metadata(&log).unwrap().len() <= LIMIT + 1000);
        assert!(directory.join(BEFORE).exists());
        assert!(read(&directory).unwrap().len() as u64 > LIMIT);
    }

    #[test]
    fn a_terminal_is_not_commanded() {
        let title = b"\x1b]0;mine\x07\x1b[2J\n";
        let shown = |terminal| {
            let mut bytes = Vec::new();
            show(title, &mut bytes, terminal).unwrap();
            bytes
        };
        assert_eq!(shown(true), b"\\x1b]0;mine\\x07\\x1b[2J\n");
        // A file gets the output unchanged.
        assert_eq!(shown(false), title);
    }
}
