//! One pool of job tokens for everything that builds at once: GNU make's jobserver on a named pipe.
//!
//! Each package build holds one token while it runs; `make` inside takes further ones and gives them back. So two packages
//! side by side never run more compilers than there are processors, and a lone one uses them all.

use std::io::{Read as _, Write as _};

use anyhow::{Context as _, Result};
use camino::{Utf8Path, Utf8PathBuf};

/// The pool. Its pipe lives as long as this value.
#[derive(Debug)]
pub struct Jobserver {
    path: Utf8PathBuf,
    pipe: fs_err::File,
    /// Number of tokens.
    pub jobs: usize,
}

/// A token held by one package build.
#[derive(Debug)]
pub struct Token<'a>(&'a Jobserver);

impl Jobserver {
    /// Creates the pipe at `path` with `jobs` tokens.
    pub fn create(path: &Utf8Path, jobs: usize) -> Result<Self> {
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        rustix::fs::mknodat(rustix::fs::CWD, path.as_std_path(), rustix::fs::FileType::Fifo, mode, 0)
            .with_context(|| format!("creating the job pipe {path}"))?;
        let mut pipe = fs_err::OpenOptions::new().read(true).write(true).open(path)?;
        pipe.write_all(&vec![b'+'; jobs])?;
        Ok(Self { path: path.to_owned(), pipe, jobs })
    }

    /// The pipe, to be mounted into containers.
    pub fn path(&self) -> &Utf8Path {
        &self.path
    }

    /// Waits for a token.
    pub fn acquire(&self) -> Result<Token<'_>> {
        let mut byte = [0];
        self.pipe.file().read_exact(&mut byte).context("waiting for a job token")?;
        Ok(Token(self))
    }
}

impl Drop for Token<'_> {
    fn drop(&mut self) {
        // Cannot fail while we hold the pipe open and it holds fewer bytes than its capacity.
        if let Err(error) = self.0.pipe.file().write_all(b"+") {
            eprintln!("warning: a job token was lost: {error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_counted() {
        let dir = tempfile::tempdir().unwrap();
        let path = Utf8PathBuf::from_path_buf(dir.path().join("j")).unwrap();
        let pool = Jobserver::create(&path, 2).unwrap();
        let (first, _second) = (pool.acquire().unwrap(), pool.acquire().unwrap());
        std::thread::scope(|scope| {
            let third = scope.spawn(|| drop(pool.acquire().unwrap()));
            std::thread::sleep(std::time::Duration::from_millis(50));
            assert!(!third.is_finished());
            drop(first);
            third.join().unwrap();
        });
    }
}
