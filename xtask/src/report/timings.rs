//! What `--timings` draws: events with their time, and how busy the processors were.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use ashlar_core::base::event::Event;
use ashlar_core::formats::timeline::Timeline;
use camino::Utf8Path;

use crate::host::processors::Ticks;

/// How often the processors are looked at.
const EVERY: Duration = Duration::from_secs(1);

/// Takes notes from the start of the run on.
#[derive(Debug)]
pub(super) struct Timings {
    started: Instant,
    timeline: Arc<Mutex<Timeline>>,
    over: Arc<AtomicBool>,
}

impl Timings {
    pub(super) fn begin() -> Self {
        let (started, timeline, over) =
            (Instant::now(), Arc::<Mutex<Timeline>>::default(), Arc::<AtomicBool>::default());
        let (notes, end) = (Arc::clone(&timeline), Arc::clone(&over));
        std::thread::spawn(move || {
            // Where the kernel does not tell, the drawing has no graph.
            let Ok(mut before) = Ticks::now() else { return };
            while !end.load(Ordering::Relaxed) {
                std::thread::sleep(EVERY);
                let Ok(now) = Ticks::now() else { return };
                let mut notes = notes.lock().unwrap_or_else(PoisonError::into_inner);
                notes.busy(started.elapsed().as_secs_f64(), now.busy_since(before));
                before = now;
            }
        });
        Self { started, timeline, over }
    }

    pub(super) fn take(&self, event: &Event) {
        let at = self.started.elapsed().as_secs_f64();
        self.timeline.lock().unwrap_or_else(PoisonError::into_inner).take(event, at);
    }

    /// Writes the drawing, and gives its summary.
    pub(super) fn write(&self, file: &Utf8Path) -> Result<String> {
        self.over.store(true, Ordering::Relaxed);
        let timeline = self.timeline.lock().unwrap_or_else(PoisonError::into_inner);
        fs_err::write(file, timeline.svg()).context("drawing the timings")?;
        Ok(timeline.summary())
    }
}
