//! Job tokens for everything that builds at once: GNU make's jobserver, with a named pipe for each build.
//!
//! Each package build has a token of its own while it runs; `make` inside takes further ones from the build's pipe and gives them
//! back. One thread moves tokens from pipe to pipe ([`ashlar_core::model::sandbox::tokens`]), so that builds side by side start about as
//! many compilers as there are processors, and a lone one uses them all. A pipe is the build's own: whatever a build reads or
//! writes there, other builds keep their share, and this code does not wait for it.

use std::io::{ErrorKind, Read as _, Write as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use anyhow::{Context as _, Result};
use ashlar_core::model::sandbox::tokens::{Lent, spread};
use camino::Utf8Path;
use rustix::fs::{CWD, FileType, Mode, OFlags};

/// How often tokens are moved. A build's own tokens need no move: its compilers pass them on among themselves.
const TICK: Duration = Duration::from_millis(20);

/// The pool.
#[derive(Debug)]
pub struct Jobserver {
    pipes: Arc<Mutex<Vec<Pipe>>>,
    /// Number of tokens.
    pub jobs: usize,
}

/// One build's pipe. Its tokens are everybody's again when this value goes.
#[derive(Debug)]
pub struct Share {
    pipes: Arc<Mutex<Vec<Pipe>>>,
    number: u64,
}

#[derive(Debug)]
struct Pipe {
    number: u64,
    file: std::fs::File,
    lent: usize,
}

impl Jobserver {
    /// A pool of `jobs` tokens, and the thread that spreads them; it ends with the pool.
    pub fn start(jobs: usize) -> Result<Self> {
        let pipes = Arc::default();
        let watched: Weak<Mutex<Vec<Pipe>>> = Arc::downgrade(&pipes);
        let spreading = move || {
            while let Some(pipes) = watched.upgrade() {
                tick(jobs, &mut lock(&pipes));
                drop(pipes);
                std::thread::sleep(TICK);
            }
        };
        std::thread::Builder::new()
            .name("job tokens".to_owned())
            .spawn(spreading)
            .context("starting the job server")?;
        Ok(Self { pipes, jobs })
    }

    /// Makes a build's pipe at `path`, with what is free just now.
    pub fn share(&self, path: &Utf8Path) -> Result<Share> {
        rustix::fs::mknodat(CWD, path.as_std_path(), FileType::Fifo, Mode::from_raw_mode(0o600), 0)
            .with_context(|| format!("creating the job pipe {path}"))?;
        let flags = OFlags::RDWR | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::open(path.as_std_path(), flags, Mode::empty())
            .with_context(|| format!("opening the job pipe {path}"))?;
        let mut pipes = lock(&self.pipes);
        let number = pipes.iter().map(|pipe| pipe.number + 1).max().unwrap_or(0);
        pipes.push(Pipe { number, file: file.into(), lent: 0 });
        tick(self.jobs, &mut pipes);
        Ok(Share { pipes: Arc::clone(&self.pipes), number })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        lock(&self.pipes).retain(|pipe| pipe.number != self.number);
    }
}

fn lock(pipes: &Mutex<Vec<Pipe>>) -> MutexGuard<'_, Vec<Pipe>> {
    pipes.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Brings each pipe to what it should hold: takes first, then gives.
fn tick(jobs: usize, pipes: &mut [Pipe]) {
    let state: Vec<Lent> = pipes.iter().map(Pipe::state).collect();
    let targets = spread(jobs, &state);
    for ((pipe, state), target) in pipes.iter_mut().zip(&state).zip(&targets) {
        if state.waiting > *target {
            pipe.take(state.waiting - target);
        }
    }
    for ((pipe, state), target) in pipes.iter_mut().zip(&state).zip(&targets) {
        if state.waiting < *target {
            pipe.give(target - state.waiting);
        }
    }
}

impl Pipe {
    fn state(&self) -> Lent {
        // Cannot fail for a pipe; if it did, the build would get no further tokens.
        let waiting = rustix::io::ioctl_fionread(&self.file).unwrap_or(u64::MAX);
        Lent { lent: self.lent, waiting: usize::try_from(waiting).unwrap_or(usize::MAX) }
    }

    /// Takes bytes out. A compiler may be faster: then there are fewer, and it holds the token.
    fn take(&mut self, count: usize) {
        // A pipe's capacity is not larger.
        let mut bytes = vec![0; count.min(1 << 20)];
        match self.file.read(&mut bytes) {
            Ok(read) => self.lent = self.lent.saturating_sub(read),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => eprintln!("warning: job tokens could not be taken back: {error}"),
        }
    }

    /// Puts tokens in. What finds no room is not lent.
    fn give(&mut self, count: usize) {
        match self.file.write(&vec![b'+'; count]) {
            Ok(written) => self.lent += written,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => eprintln!("warning: job tokens could not be lent: {error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use camino::Utf8PathBuf;

    struct Scratch(tempfile::TempDir);

    impl Scratch {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn path(&self, name: &str) -> Utf8PathBuf {
            Utf8PathBuf::from_path_buf(self.0.path().join(name)).unwrap()
        }

        /// The pipe as a build opens it.
        fn open(&self, name: &str) -> std::fs::File {
            let flags = OFlags::RDWR | OFlags::NONBLOCK;
            rustix::fs::open(self.path(name).as_std_path(), flags, Mode::empty()).unwrap().into()
        }
    }

    fn read(mut pipe: &std::fs::File, most: usize) -> usize {
        pipe.read(&mut vec![0; most]).unwrap_or(0)
    }

    fn soon(what: impl Fn() -> bool) -> bool {
        (0..100).any(|_| {
            std::thread::sleep(TICK);
            what()
        })
    }

    #[test]
    fn tokens_go_where_they_are_used() {
        let scratch = Scratch::new();
        let pool = Jobserver::start(4).unwrap();
        let first = pool.share(&scratch.path("a")).unwrap();
        let a = scratch.open("a");
        assert_eq!(read(&a, 99), 3, "a lone build has all tokens but its own");
        let second = pool.share(&scratch.path("b")).unwrap();
        let b = scratch.open("b");
        assert_eq!(read(&b, 99), 0, "what is in use stays in use");
        (&a).write_all(b"++").unwrap();
        assert!(soon(|| read(&b, 1) == 1), "what one gives back the other gets");
        drop(second);
        drop(first);
        let _third = pool.share(&scratch.path("c")).unwrap();
        assert_eq!(read(&scratch.open("c"), 99), 3, "what an ended build held is free again");
    }

    #[test]
    fn a_build_that_eats_and_fills_its_pipe_harms_nobody() {
        let scratch = Scratch::new();
        let pool = Jobserver::start(6).unwrap();
        let hostile = pool.share(&scratch.path("a")).unwrap();
        let a = scratch.open("a");
        assert_eq!(read(&a, 99), 5);
        let full = (&a).write(&vec![b'x'; 1 << 20]).unwrap();
        assert!(full >= 4096);
        let _other = pool.share(&scratch.path("b")).unwrap();
        let b = scratch.open("b");
        // Filling says that nothing is held: so the tokens are shared again.
        assert!(soon(|| read(&b, 99) > 0));
        for _ in 0..50 {
            drop((&a).write(&[b'+'; 4096]));
            std::thread::sleep(Duration::from_millis(1));
        }
        drop(hostile);
        let _third = pool.share(&scratch.path("c")).unwrap();
        let _taken = read(&b, 99);
        assert!(pool.share(&scratch.path("d")).is_ok(), "a build never waits for others' tokens");
    }
}
