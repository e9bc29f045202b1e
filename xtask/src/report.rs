//! Events to people and machines. Standard output is data; progress and notes go to standard error.

pub mod failure;

use std::collections::BTreeMap;
use std::io::{IsTerminal as _, Write as _};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ashlar_core::base::event::{Event, duration, size};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::host::fetch::FetchEvents;

/// How events are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Bars on a terminal, plain lines elsewhere.
    Human,
    /// One JSON object a line on standard output.
    Json,
}

/// Receives events from any thread.
#[derive(Debug)]
pub struct Reporter {
    format: Format,
    quiet: bool,
    terminal: Option<MultiProgress>,
    bars: Mutex<BTreeMap<String, ProgressBar>>,
}

impl Reporter {
    /// A reporter for standard error (people) or standard output (JSON).
    pub fn new(format: Format, quiet: bool) -> Self {
        let terminal = format == Format::Human && !quiet && std::io::stderr().is_terminal();
        Self { format, quiet, terminal: terminal.then(MultiProgress::new), bars: Mutex::default() }
    }

    /// Shows one event.
    pub fn emit(&self, event: Event) {
        if self.format == Format::Json {
            if !matches!(event, Event::Fetching { .. }) {
                let line = serde_json::to_string(&event).unwrap_or_default();
                // A reader that closed the pipe does not want more.
                writeln!(std::io::stdout().lock(), "{line}").ok();
            }
            return;
        }
        match &event {
            Event::Fetching { file, done, total } => return self.download(file, *done, *total),
            Event::Phase { package, phase } if self.terminal.is_some() => {
                return self.bar(package.as_str(), spinner).set_message(format!("{package} {phase}"));
            }
            Event::Fetched { file, .. } => self.clear(file),
            Event::Built { package, .. } | Event::Failed { package, .. } => self.clear(package.as_str()),
            _ => {}
        }
        if let Some(line) = line(&event).filter(|_| !self.quiet) {
            self.line(&line);
        }
    }

    /// A note.
    pub fn note(&self, text: impl Into<String>) {
        self.emit(Event::Note { text: text.into() });
    }

    fn line(&self, text: &str) {
        match &self.terminal {
            Some(terminal) => drop(terminal.println(text)),
            None => eprintln!("{text}"),
        }
    }

    fn bar(&self, name: &str, make: impl FnOnce() -> ProgressBar) -> ProgressBar {
        let mut bars = self.bars.lock().unwrap_or_else(PoisonError::into_inner);
        let bar = bars.entry(name.to_owned()).or_insert_with(|| match &self.terminal {
            Some(terminal) => terminal.add(make()),
            None => ProgressBar::hidden(),
        });
        bar.clone()
    }

    fn clear(&self, name: &str) {
        if let Some(bar) = self.bars.lock().unwrap_or_else(PoisonError::into_inner).remove(name) {
            bar.finish_and_clear();
        }
    }

    fn download(&self, file: &str, done: u64, total: Option<u64>) {
        if self.terminal.is_none() {
            return;
        }
        let bar = self.bar(file, || {
            let style = ProgressStyle::with_template("  {msg:40!} {bar:30} {bytes}/{total_bytes}");
            let bar = ProgressBar::new(total.unwrap_or(0)).with_message(file.to_owned());
            style.map_or_else(|_| bar.clone(), |style| bar.clone().with_style(style))
        });
        bar.set_position(done);
    }
}

impl FetchEvents for Reporter {
    fn progress(&self, label: &str, done: u64, total: Option<u64>) {
        self.emit(Event::Fetching { file: label.to_owned(), done, total });
    }

    fn note(&self, text: &str) {
        self.emit(Event::Note { text: text.to_owned() });
    }

    fn done(&self, label: &str, bytes: u64) {
        self.emit(Event::Fetched { file: label.to_owned(), bytes });
    }
}

fn spinner() -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    bar.enable_steady_tick(Duration::from_millis(200));
    match ProgressStyle::with_template("  {spinner} {msg} {elapsed}") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// The plain line of an event; nothing for those that are only progress.
fn line(event: &Event) -> Option<String> {
    Some(match event {
        Event::Fetching { .. } => return None,
        Event::Fetched { file, bytes } => format!("    fetched {file} ({})", size(*bytes)),
        Event::Cached { package, key } => format!("     cached {package} ({})", key.short()),
        Event::Phase { package, phase } => format!("   building {package}: {phase}"),
        Event::Built { package, version, seconds, bytes, unchanged } => {
            let same = if *unchanged { ", same bytes as before" } else { "" };
            format!("      built {package} {version} ({}, {}{same})", duration(seconds * 1000), size(*bytes))
        }
        Event::Failed { package, .. } => format!("     failed {package}"),
        Event::Stage { number, of, name, milliseconds, cached } => {
            let cached = if *cached { ", cached" } else { "" };
            format!("[Stage {number}/{of}] {name}... OK ({}{cached})", duration(*milliseconds))
        }
        Event::Note { text } => format!("       note {text}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        let stage =
            Event::Stage { number: 2, of: 5, name: "Packages".to_owned(), milliseconds: 222_000, cached: false };
        assert_eq!(line(&stage).unwrap(), "[Stage 2/5] Packages... OK (3m42s)");
        let built = Event::Built {
            package: "zlib".parse().unwrap(),
            version: "1.3.1".to_owned(),
            seconds: 12,
            bytes: 150_000,
            unchanged: true,
        };
        assert_eq!(line(&built).unwrap(), "      built zlib 1.3.1 (12s, 150.0 KB, same bytes as before)");
        assert_eq!(line(&Event::Fetching { file: "f".to_owned(), done: 1, total: None }), None);
    }
}
