//! The output of a service while others start in parallel: collected, and printed as one piece at its end.
//!
//! A memory file instead of a pipe: a daemon may keep it as its output for good, and the end of a pipe would kill that
//! daemon. Nobody reads later output, so the file cannot grow after the service has started.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;

/// Later output of a service is ignored.
const MAX_OUTPUT: u64 = 1024 * 1024;

/// The output of one service.
#[derive(Debug)]
pub struct Captured(File);

impl Captured {
    /// Nothing yet.
    pub fn new() -> io::Result<Captured> {
        sys::memory_file("rc").map(Captured)
    }

    /// For standard output and error of the service.
    pub fn ends(&self) -> io::Result<(File, File)> {
        Ok((self.0.try_clone()?, self.0.try_clone()?))
    }

    /// Whether the service exceeded the limit.
    pub fn is_too_much(&self) -> bool {
        self.0.metadata().is_ok_and(|about| about.len() > MAX_OUTPUT)
    }

    /// Prints the output since the last call.
    pub fn show(&self) {
        let length = self.0.metadata().map_or(0, |about| about.len().min(MAX_OUTPUT));
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
        if bytes.is_empty() || self.0.read_exact_at(&mut bytes, 0).is_err() {
            return;
        }
        if bytes.last() != Some(&b'\n') {
            bytes.push(b'\n');
        }
        // Nobody watches a console that cannot be written to.
        drop(io::stdout().write_all(&bytes).and_then(|()| io::stdout().flush()));
        // If this fails, the text is printed again.
        drop(self.0.set_len(0));
    }

    /// Prints the rest; nobody can add to it any more.
    pub fn show_and_end(&self) {
        self.show();
        // Also if nothing was printed because it could not be read. Without the seal, a daemon's output stays in
        // memory.
        drop(self.0.set_len(0));
        drop(sys::no_more_growth(&self.0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_daemon_that_keeps_its_output_cannot_fill_the_memory() {
        let captured = Captured::new().unwrap();
        let (mut out, mut err) = captured.ends().unwrap();
        out.write_all(b"one\n").unwrap();
        err.write_all(b"two\n").unwrap();
        let mut text = [0; 8];
        captured.0.read_exact_at(&mut text, 0).unwrap();
        assert_eq!(&text, b"one\ntwo\n");
        assert!(!captured.is_too_much());
        captured.show_and_end();
        assert!(out.write_all(b"later\n").is_err());
        assert_eq!(captured.0.metadata().unwrap().len(), 0);
    }
}
