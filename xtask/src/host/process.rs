//! A process that runs while this program goes on.

use std::process::{Child, ExitStatus};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

/// A process of ours that never outlives this value.
pub(super) struct Process(pub(super) Child);

impl Process {
    /// Its status, if it ends within `limit`.
    pub(super) fn wait(&mut self, limit: Duration) -> Result<Option<ExitStatus>> {
        let until = Instant::now() + limit;
        loop {
            let status = self.0.try_wait().context("waiting for the machine")?;
            if status.is_some() || Instant::now() >= until {
                return Ok(status);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Ends this very child by its id; one that has ended already is only collected.
        if let Err(error) = self.0.kill().and_then(|()| self.0.wait()) {
            eprintln!("warning: process {} could not be ended: {error}", self.0.id());
        }
    }
}
