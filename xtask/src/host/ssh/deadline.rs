//! When to stop: at a time, or on cancellation.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How often things are looked at while nothing happens.
pub(super) const TICK: Duration = Duration::from_millis(25);

/// How long the client is left alone after a connection that failed.
const PAUSE: Duration = Duration::from_secs(1);

/// When to stop.
pub(super) struct Deadline<'a> {
    pub(super) until: Instant,
    pub(super) cancelled: &'a AtomicBool,
}

impl Deadline<'_> {
    /// The time that is left, if any.
    pub(super) fn left(&self) -> Option<Duration> {
        let left = self.until.checked_duration_since(Instant::now())?;
        (!self.cancelled.load(Ordering::Relaxed)).then_some(left)
    }

    /// Waits before the next attempt.
    ///
    /// # Errors
    /// With the last attempt's `word`, when there is no time for another.
    pub(super) fn pause(&self, word: &str) -> Result<(), String> {
        let until = Instant::now() + PAUSE;
        while Instant::now() < until {
            if self.left().is_none() {
                return Err(format!("no connection in time: {word}"));
            }
            std::thread::sleep(TICK);
        }
        Ok(())
    }
}
