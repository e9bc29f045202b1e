//! The log of events: one line of text per event, and the times for `rc-status --timing`.
//!
//! Lines are `<seconds since boot> <service> <event> <duration>`, four words; an event may have a reason in brackets, as
//! in `start-blocked(cycle:a>b>a)`. They go to `/run/openrc/rc.log` at once and are
//! moved to `/var/log/rc.log` at the end, because `/var` may not be there earlier. A log that cannot be written never
//! stops a service from starting.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::timing::Record;
use crate::paths::Paths;

/// The log of one run of `openrc`.
#[derive(Debug)]
pub struct Journal {
    early: PathBuf,
    late: PathBuf,
    timing: PathBuf,
    file: Option<File>,
    begun: Instant,
    /// Seconds since boot at `begun`.
    offset: f64,
}

impl Journal {
    /// Opens it. `late` is the persistent log; `fresh` discards the times of an earlier boot.
    pub fn open(paths: &Paths, late: PathBuf, fresh: bool) -> Journal {
        let early = paths.state.join("rc.log");
        let timing = paths.state.join("timing");
        if fresh {
            // Usually there is none yet.
            drop(fs::remove_file(&timing));
        }
        let uptime = fs::read_to_string("/proc/uptime").unwrap_or_default();
        let offset = uptime.split(' ').next().and_then(|word| word.parse().ok()).unwrap_or(0.0);
        let file = OpenOptions::new().append(true).create(true).open(&early).ok();
        Journal { early, late, timing, file, begun: Instant::now(), offset }
    }

    /// Seconds since boot of a moment.
    pub fn seconds(&self, at: Instant) -> f64 {
        self.offset + at.saturating_duration_since(self.begun).as_secs_f64()
    }

    /// Writes a line.
    pub fn event(&mut self, service: &str, event: &str, duration: Option<Duration>) {
        let now = self.seconds(Instant::now());
        let duration = duration.map_or_else(|| "-".to_owned(), |d| format!("{:.3}", d.as_secs_f64()));
        if let Some(file) = &mut self.file {
            // One write per line, so that lines of two programs do not mix. For failures see the module documentation.
            drop(file.write_all(format!("{now:.3} {service} {event} {duration}\n").as_bytes()));
        }
    }

    /// Adds the times of a finished plan.
    pub fn times(&mut self, records: &[Record]) {
        let text: String = records.iter().map(|record| record.render()).collect();
        if let Ok(mut file) = OpenOptions::new().append(true).create(true).open(&self.timing) {
            // The chart is optional.
            drop(file.write_all(text.as_bytes()));
        }
    }

    /// Moves the lines to the persistent log, if it is writable; otherwise they stay for the next time.
    pub fn settle(&mut self) {
        let Ok(lines) = fs::read(&self.early) else { return };
        let Ok(mut late) = OpenOptions::new().append(true).create(true).open(&self.late) else { return };
        if late.write_all(&lines).is_ok() {
            if let Some(file) = &self.file {
                // Then the lines are twice in the log, which is better than not at all.
                drop(file.set_len(0));
            }
        }
    }
}
