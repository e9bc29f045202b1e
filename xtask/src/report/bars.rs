//! Bars on a terminal: how far a run of builds is, what each build and each download does, and what is waited for.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Write as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ashlar_core::base::event::{Event, duration};
use camino::Utf8Path;
use indicatif::{MultiProgress, ProgressBar, ProgressState, ProgressStyle};

use crate::host::exec;

/// How often clocks and spinners move.
const TICK: Duration = Duration::from_millis(200);
/// Something that runs: a phase, or what is waited for.
const RUNNING: &str = "  {spinner} {msg} {elapsed}";
/// The same where there is no room for all of a message.
const RUNNING_NARROW: &str = "  {spinner} {elapsed} {wide_msg}";
/// How far the whole run is.
const COUNT: &str = "  {pos} of {len} packages {elapsed}{msg}";
/// The same where there is little room.
const COUNT_NARROW: &str = "  {pos} of {len} {elapsed}{msg}";
/// Columns below which the narrow forms are used.
const NARROW: usize = 60;
/// Columns that [`RUNNING`] takes beside its message, with a blank.
const BESIDE: usize = 12;
/// Fewer columns show nothing of a log that tells anybody anything.
const FEW: usize = 20;
/// Columns from which a download has a bar beside its name and its bytes.
const WIDE: usize = 96;
/// The bar of the whole run; no package and no file has this name.
const ALL: &str = "/";

/// The bars that are shown now.
#[derive(Debug, Default)]
pub struct Bars {
    terminal: MultiProgress,
    shown: Mutex<Shown>,
}

#[derive(Debug, Default)]
struct Shown {
    by_name: BTreeMap<String, ProgressBar>,
    /// The last word about the whole run: packages that are there, all, and the estimate.
    run: Option<(usize, usize, Option<u64>)>,
}

impl Bars {
    /// Shows an event, as far as bars do.
    pub(super) fn take(&self, event: &Event) {
        match event {
            Event::Fetching { file, done, total } => self.download(file, *done, *total),
            Event::Phase { package, phase } => {
                self.count();
                self.bar(package.as_str(), running()).set_message(format!("{package} {phase}"));
            }
            Event::Progress { done, total, seconds_left } => {
                self.shown().run = (done < total).then_some((*done, *total, *seconds_left));
                match done < total {
                    true if self.shown().by_name.contains_key(ALL) => self.count(),
                    true => {}
                    false => self.remove(ALL),
                }
            }
            Event::Fetched { file, .. } => self.remove(file),
            Event::Built { package, .. } | Event::Failed { package, .. } => self.remove(package.as_str()),
            _ => {}
        }
    }

    /// Shows the last line of `log` beside the phase of `package`, if the terminal has room for it.
    pub(super) fn follow(&self, package: &str, log: &Utf8Path) {
        let Some(bar) = self.shown().by_name.get(package).cloned() else { return };
        let room = columns().saturating_sub(BESIDE + bar.message().chars().count());
        if room < FEW {
            return;
        }
        let Ok(style) = ProgressStyle::with_template(&format!("{RUNNING} {{last:{room}!}}")) else { return };
        let log = log.to_owned();
        let last = move |_: &ProgressState, shown: &mut dyn fmt::Write| {
            // A log that cannot be read now shows nothing.
            shown.write_str(&last_line(&exec::tail_of(&log).unwrap_or_default())).ok();
        };
        bar.set_style(style.with_key("last", last));
    }

    /// A line above the bars.
    pub(super) fn line(&self, text: &str) {
        // Their own `println` fills the last line with spaces and does not end it: a log of the terminal would run on in it. A terminal
        // that went away is no reason to stop.
        self.terminal.suspend(|| writeln!(io::stderr(), "{text}").ok());
    }

    /// Takes all bars away.
    pub(super) fn clear(&self) {
        let shown = std::mem::take(&mut *self.shown());
        shown.by_name.values().for_each(ProgressBar::finish_and_clear);
        self.terminal.clear().ok();
    }

    fn shown(&self) -> MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn bar(&self, name: &str, template: &str) -> ProgressBar {
        let mut shown = self.shown();
        if let Some(bar) = shown.by_name.get(name) {
            return bar.clone();
        }
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = ProgressBar::no_length().with_style(style);
        // The whole run stands above what is a part of it.
        let bar = if name == ALL { self.terminal.insert(0, bar) } else { self.terminal.add(bar) };
        // Not before: a bar of its own would draw its first tick where the terminal's cursor is.
        bar.enable_steady_tick(TICK);
        shown.by_name.insert(name.to_owned(), bar.clone());
        bar
    }

    fn remove(&self, name: &str) {
        if let Some(bar) = self.shown().by_name.remove(name) {
            bar.finish_and_clear();
        }
    }

    /// Shows how far the run is, once something is really built.
    fn count(&self) {
        let Some((done, total, left)) = self.shown().run.filter(|(_, total, _)| *total > 1) else { return };
        let (template, about) = if columns() < NARROW { (COUNT_NARROW, "") } else { (COUNT, "about ") };
        let bar = self.bar(ALL, template);
        bar.set_length(total as u64);
        bar.set_position(done as u64);
        let left = left.map(|seconds| format!(", {about}{} left", duration(seconds * 1000)));
        bar.set_message(left.unwrap_or_default());
    }

    fn download(&self, file: &str, done: u64, total: Option<u64>) {
        let wide = columns() >= WIDE;
        let bar = self.bar(
            file,
            if wide { "  {msg:40!} {bar:30} {bytes}/{total_bytes}" } else { "  {bytes}/{total_bytes} {wide_msg}" },
        );
        bar.set_message(file.to_owned());
        bar.set_length(total.unwrap_or(0));
        bar.set_position(done);
    }
}

/// The terminal's width.
fn columns() -> usize {
    console::Term::stderr().size().1.into()
}

/// How something that runs is shown.
fn running() -> &'static str {
    if columns() < NARROW { RUNNING_NARROW } else { RUNNING }
}

/// The last line with something in it, without characters that would move the terminal's cursor.
fn last_line(text: &str) -> String {
    let line = text.lines().rev().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    line.chars().filter(|character| !character.is_control()).collect()
}

/// Something is waited for; its line goes with this value.
#[derive(Debug)]
pub struct Waiting(Option<(Arc<Bars>, String)>);

impl Waiting {
    /// Shows `text` with a clock.
    pub(super) fn with(bars: Arc<Bars>, text: String) -> Self {
        bars.bar(&text, running()).set_message(text.clone());
        Self(Some((bars, text)))
    }

    /// Shows nothing.
    pub(super) fn silent() -> Self {
        Self(None)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some((bars, name)) = &self.0 {
            bars.remove(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_of_a_log_moves_no_cursor() {
        assert_eq!(last_line("one\n  CC a.o\u{1b}\r\n\n"), "CC a.o");
        assert_eq!(last_line(""), "");
    }
}
