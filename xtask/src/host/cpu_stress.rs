//! Keeps the host busy on purpose: a test that passes on an idle machine must pass on a busy one too.

use std::io::{Seek as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use anyhow::Result;
use ashlar_core::base::digest::Digest;

/// Bytes that each thread hashes, and now and then writes.
const BLOCK: usize = 1 << 20;
/// How many hashes there are for each write.
const HASHES: usize = 64;

/// Threads that keep processors and a disk busy until this is dropped.
#[derive(Debug)]
pub struct CpuStress {
    over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl CpuStress {
    /// Starts so many threads.
    pub fn begin(threads: usize) -> Result<Self> {
        let mut load = Self { over: Arc::default(), threads: Vec::new() };
        for number in 0..threads {
            let (over, mut file) = (Arc::clone(&load.over), tempfile::tempfile()?);
            let work = move || {
                let mut block = vec![number as u8; BLOCK];
                while !over.load(Ordering::Relaxed) {
                    for _ in 0..HASHES {
                        let digest = Digest::of(&block).bytes();
                        block[..32].copy_from_slice(&digest);
                    }
                    // A full disk is load enough.
                    if file.rewind().and_then(|()| file.write_all(&block)).and_then(|()| file.sync_data()).is_err() {
                        std::thread::yield_now();
                    }
                }
            };
            load.threads.push(std::thread::Builder::new().name("load".to_owned()).spawn(work)?);
        }
        Ok(load)
    }
}

impl Drop for CpuStress {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                eprintln!("warning: a thread of the load panicked");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_load_ends_when_it_is_dropped() {
        let load = CpuStress::begin(2).unwrap();
        assert_eq!(load.threads.len(), 2);
        drop(load);
        assert!(CpuStress::begin(0).unwrap().threads.is_empty());
    }
}
