//! Events to people and machines. For people, standard output is data, and progress and notes go to standard error; as JSON, all of it is
//! one object a line on standard output.

mod bars;
mod colour;
pub mod failure;
mod line;
mod timings;

use std::io::{IsTerminal as _, Write as _};
use std::sync::Arc;

use anyhow::Result;
use ashlar_core::base::diag::{Located, Severity};
use ashlar_core::base::event::Event;
use ashlar_core::base::name::PkgName;
use camino::Utf8Path;
use serde::Serialize;

use self::bars::{Bars, Waiting};
pub use self::line::Detail;
use self::timings::Timings;
use crate::host::fetch::FetchEvents;
use crate::host::interrupt;

/// How events are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Bars on a terminal, plain lines elsewhere.
    Human,
    /// One JSON object a line on standard output.
    Json,
}

/// Receives events from any thread.
#[derive(Debug, Clone)]
pub struct Reporter {
    format: Format,
    detail: Detail,
    bars: Option<Arc<Bars>>,
    timings: Option<Arc<Timings>>,
}

impl Reporter {
    /// A reporter for standard error (people) or standard output (JSON).
    pub fn new(format: Format, detail: Detail) -> Self {
        let bars = format == Format::Human && detail != Detail::Quiet && std::io::stderr().is_terminal();
        Self { format, detail, bars: bars.then(Arc::default), timings: None }
    }

    /// The same reporter, which takes notes for [`Reporter::draw_timings`] as well.
    pub fn with_timings(self) -> Self {
        Self { timings: Some(Arc::new(Timings::begin())), ..self }
    }

    /// Draws what was built when, as SVG.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn draw_timings(&self, file: &Utf8Path) -> Result<()> {
        let Some(timings) = &self.timings else { return Ok(()) };
        let summary = timings.write(file)?;
        self.note(format!("{summary}; drawn in {file}"));
        Ok(())
    }

    /// Shows one event.
    pub fn emit(&self, event: Event) {
        // What a run that was asked to end still meets is no news.
        if interrupt::asked() {
            return;
        }
        if let Some(timings) = &self.timings {
            timings.take(&event);
        }
        if self.format == Format::Json {
            if !matches!(event, Event::Fetching { .. }) {
                print(&serde_json::to_string(&event).unwrap_or_default());
            }
            return;
        }
        match &event {
            Event::Text { text } if text.is_empty() => return,
            Event::Text { text } => return print(text.trim_end_matches('\n')),
            Event::Finding(finding) => return self.finding(finding),
            _ => {}
        }
        if let Some(bars) = &self.bars {
            bars.take(&event);
        }
        let has_bar = self.bars.is_some() && matches!(event, Event::Phase { .. });
        if let Some(line) = line::of(&event, self.detail).filter(|_| self.detail != Detail::Quiet && !has_bar) {
            self.line(&line);
        }
    }

    /// A note.
    pub fn note(&self, text: impl Into<String>) {
        self.emit(Event::Note { text: text.into() });
    }

    /// A note that only those get who asked for everything.
    pub fn detail(&self, text: impl FnOnce() -> String) {
        if self.is_verbose() {
            self.note(text());
        }
    }

    /// A part of the result: a line, or a whole document.
    pub fn say(&self, text: impl ToString) {
        self.emit(Event::Text { text: text.to_string() });
    }

    /// A part of the result that programs read as `value` and people as `text`.
    pub fn show(&self, value: &impl Serialize, text: impl FnOnce() -> String) {
        match self.format {
            Format::Json if interrupt::asked() => {}
            Format::Json => print(&serde_json::to_string(value).unwrap_or_default()),
            Format::Human => self.say(text()),
        }
    }

    /// Whether results are JSON.
    pub fn is_json(&self) -> bool {
        self.format == Format::Json
    }

    /// Whether everything is said.
    pub fn is_verbose(&self) -> bool {
        self.detail == Detail::Verbose
    }

    /// Says what is waited for, on a terminal with a clock, until the value goes.
    pub fn wait(&self, text: String) -> Waiting {
        match &self.bars {
            Some(bars) => Waiting::with(Arc::clone(bars), text),
            None => {
                self.note(text);
                Waiting::silent()
            }
        }
    }

    /// Shows the last line of the log that a phase of `package` writes, where the phase has a bar.
    pub fn follow(&self, package: &PkgName, log: &Utf8Path) {
        if let Some(bars) = &self.bars {
            bars.follow(package.as_str(), log);
        }
    }

    /// Takes the bars away, for what comes last.
    pub fn clear(&self) {
        if let Some(bars) = &self.bars {
            bars.clear();
        }
    }

    /// The last word of a run that was asked to end.
    pub fn stopped(&self) {
        self.clear();
        let text = "stopped; what was built is kept";
        match self.format {
            Format::Json => print(&serde_json::to_string(&Event::Note { text: text.to_owned() }).unwrap_or_default()),
            Format::Human => eprintln!("{text}"),
        }
    }

    /// A finding that fails nothing, in one line.
    fn finding(&self, finding: &Located) {
        let severity = match finding.severity {
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        let help = finding.help.as_ref().map(|help| format!("; {help}")).unwrap_or_default();
        if self.detail != Detail::Quiet {
            let place = finding.place();
            let place = if place.is_empty() { place } else { format!("{place}: ") };
            self.line(&colour::painted(&format!("{severity}: {place}{}{help}", finding.message)));
        }
    }

    fn line(&self, text: &str) {
        match &self.bars {
            Some(bars) => bars.line(text),
            None => eprintln!("{text}"),
        }
    }
}

/// A line of standard output. A reader that closed the pipe does not want more.
fn print(text: &str) {
    writeln!(std::io::stdout().lock(), "{text}").ok();
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
