//! When each package was built and how busy the processors were, drawn as SVG: what a build waited for.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::base::event::{Event, duration};

/// Pixels of the drawing: its width, the width of the names, the height of a row and of the graph at the bottom.
const WIDTH: f64 = 1200.0;
const NAMES: f64 = 140.0;
const ROW: f64 = 18.0;
const GRAPH: f64 = 80.0;
/// Pixels that a column of the graph has at least: a long build would otherwise have one for each second.
const COLUMN: f64 = 4.0;

/// What a build did, in seconds since it began.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Timeline {
    rows: Vec<Row>,
    /// The row of each package that is being built.
    open: BTreeMap<String, usize>,
    /// Until when, and which share of all processors was busy since the sample before.
    busy: Vec<(f64, f64)>,
}

/// A package, or a stage of an ISO.
#[derive(Debug, Clone, PartialEq)]
struct Row {
    name: String,
    spans: Vec<Span>,
}

#[derive(Debug, Clone, PartialEq)]
struct Span {
    what: String,
    from: f64,
    to: f64,
}

impl Timeline {
    /// Notes an event that came at the second `at`.
    pub fn take(&mut self, event: &Event, at: f64) {
        match event {
            Event::Begun { package } => {
                self.open.insert(package.to_string(), self.rows.len());
                self.rows.push(Row { name: package.to_string(), spans: vec![span("fetch, unpack", at, at)] });
            }
            Event::Phase { package, phase } => {
                let Some(row) = self.close(package.as_str(), at) else { return };
                row.spans.push(span(phase.as_str(), at, at));
            }
            Event::Built { package, .. } | Event::Failed { package, .. } => {
                self.close(package.as_str(), at);
                self.open.remove(package.as_str());
            }
            Event::Stage { name, milliseconds, cached: false, .. } => {
                let from = (at - *milliseconds as f64 / 1000.0).max(0.0);
                self.rows.push(Row { name: format!("stage {name}"), spans: vec![span("stage", from, at)] });
            }
            _ => {}
        }
    }

    /// Notes which share of all processors, from 0 to 1, was busy since the last such note.
    pub fn busy(&mut self, at: f64, share: f64) {
        self.busy.push((at, share));
    }

    /// Ends the span of a package that is under way.
    fn close(&mut self, package: &str, at: f64) -> Option<&mut Row> {
        let row = self.rows.get_mut(*self.open.get(package)?)?;
        if let Some(last) = row.spans.last_mut() {
            last.to = at;
        }
        Some(row)
    }

    /// Seconds until the last that was noted.
    pub fn seconds(&self) -> f64 {
        let spans = self.rows.iter().flat_map(|row| &row.spans).map(|span| span.to);
        spans.chain(self.busy.iter().map(|(at, _)| *at)).fold(0.0, f64::max)
    }

    /// The share of processors that did nothing, from 0 to 1, while packages were built; nothing when it was not looked at.
    pub fn idle(&self) -> Option<f64> {
        let (mut before, mut all, mut idle) = (0.0, 0.0, 0.0);
        for (at, share) in &self.busy {
            all += at - before;
            idle += (at - before) * (1.0 - share);
            before = *at;
        }
        (all > 0.0).then(|| idle / all)
    }

    /// One line.
    pub fn summary(&self) -> String {
        let idle = self.idle().map_or(String::new(), |idle| format!("; processors idle: {:.1} %", idle * 100.0));
        format!("{} rows in {}{idle}", self.rows.len(), duration((self.seconds() * 1000.0) as u64))
    }

    /// The drawing: a row for each package, a colour for each phase, and below how busy the processors were.
    pub fn svg(&self) -> String {
        let seconds = self.seconds().max(1.0);
        let scale = (WIDTH - NAMES) / seconds;
        let rows = self.rows.len() as f64 * ROW;
        let height = rows + GRAPH + 3.0 * ROW;
        let mut out = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" font-family=\"sans-serif\" \
             font-size=\"11\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
        );
        let mut rect = |x: f64, y: f64, width: f64, height: f64, colour: &str, title: &str| {
            let _ = writeln!(
                out,
                "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{height:.1}\" fill=\"{colour}\"><title>{title}</title></rect>",
                width.max(0.5)
            );
        };
        for (number, row) in self.rows.iter().enumerate() {
            for span in &row.spans {
                let (x, width) = (NAMES + span.from * scale, (span.to - span.from) * scale);
                let title = format!("{}: {}, {:.1} s", row.name, span.what, span.to - span.from);
                rect(x, number as f64 * ROW + 2.0, width, ROW - 4.0, colour(&span.what), &title);
            }
        }
        for (from, to, share) in self.columns(COLUMN / scale) {
            let tall = share * GRAPH;
            let title = format!("processors {:.0} % busy", share * 100.0);
            rect(NAMES + from * scale, rows + ROW + GRAPH - tall, (to - from) * scale, tall, "#888", &title);
        }
        for (number, what) in PHASES.iter().enumerate() {
            rect(NAMES + number as f64 * 120.0, rows + 1.5 * ROW + GRAPH, 10.0, 10.0, colour(what), what);
        }
        self.words(&mut out, rows, scale);
        out + "</svg>\n"
    }

    /// How busy the processors were, in columns of at least so many seconds: from, until, share.
    fn columns(&self, least: f64) -> Vec<(f64, f64, f64)> {
        let mut columns: Vec<(f64, f64, f64)> = Vec::new();
        let mut before = 0.0;
        for (at, share) in &self.busy {
            match columns.last_mut().filter(|(from, to, _)| to - from < least) {
                Some((from, to, of)) => {
                    *of = (*of * (*to - *from) + share * (at - before)) / (at - *from).max(f64::MIN_POSITIVE);
                    *to = *at;
                }
                None => columns.push((before, *at, *share)),
            }
            before = *at;
        }
        columns
    }

    /// Names of rows, minutes, and the legend.
    fn words(&self, out: &mut String, rows: f64, scale: f64) {
        let mut text = |x: f64, y: f64, anchor: &str, words: &str| {
            let _ = writeln!(out, "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{words}</text>");
        };
        for (number, row) in self.rows.iter().enumerate() {
            text(NAMES - 6.0, (number as f64 + 0.75) * ROW, "end", &row.name);
        }
        text(NAMES - 6.0, rows + ROW + GRAPH, "end", "processors");
        let step =
            [1.0, 2.0, 5.0, 10.0, 30.0].into_iter().find(|step| self.seconds() / 60.0 / step <= 16.0).unwrap_or(60.0);
        let mut minute = 0.0;
        while minute * 60.0 <= self.seconds() {
            text(NAMES + minute * 60.0 * scale, rows + 0.75 * ROW, "start", &format!("{minute:.0} min"));
            minute += step;
        }
        for (number, what) in PHASES.iter().enumerate() {
            text(NAMES + number as f64 * 120.0 + 14.0, rows + 1.5 * ROW + GRAPH + 9.0, "start", what);
        }
    }
}

fn span(what: &str, from: f64, to: f64) -> Span {
    Span { what: what.to_owned(), from, to }
}

/// What a span may be, in the order in which it happens.
const PHASES: [&str; 7] = ["fetch, unpack", "prepare", "configure", "build", "check", "install", "stage"];

fn colour(what: &str) -> &'static str {
    match what {
        "fetch, unpack" => "#c9c9c9",
        "prepare" => "#f3d19c",
        "configure" => "#e8a33d",
        "build" => "#3b75af",
        "check" => "#63a65a",
        "install" => "#a05195",
        _ => "#555555",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::name::Phase;

    fn timeline() -> Timeline {
        let mut timeline = Timeline::default();
        let (musl, linux) = ("musl".parse().unwrap(), "linux".parse().unwrap());
        timeline.take(&Event::Begun { package: linux }, 0.0);
        timeline.take(&Event::Begun { package: musl }, 0.5);
        let musl = || "musl".parse().unwrap();
        timeline.take(&Event::Phase { package: musl(), phase: Phase::Build }, 2.0);
        timeline.busy(4.0, 1.0);
        timeline.take(&Event::Phase { package: musl(), phase: Phase::Check }, 5.0);
        timeline.take(
            &Event::Built {
                package: musl(),
                version: "1".to_owned(),
                seconds: 7,
                bytes: 1,
                unchanged: false,
                vouched: false,
            },
            8.0,
        );
        timeline.busy(8.0, 0.5);
        timeline.take(&Event::Failed { package: "linux".parse().unwrap(), log: None }, 9.0);
        let name = "Packages".to_owned();
        timeline.take(&Event::Stage { number: 2, of: 5, name, milliseconds: 1000, cached: false }, 10.0);
        timeline
    }

    #[test]
    fn a_long_build_has_few_columns_and_the_same_mean() {
        let mut timeline = Timeline::default();
        for second in 1..=1000 {
            timeline.busy(f64::from(second), if second % 4 == 0 { 0.0 } else { 1.0 });
        }
        let columns = timeline.columns(10.0);
        assert_eq!(columns.len(), 100);
        let mean = columns.iter().map(|(from, to, share)| (to - from) * share).sum::<f64>() / 1000.0;
        assert!((mean - 0.75).abs() < 1e-9, "{mean}");
        assert!(columns.windows(2).all(|pair| pair[0].1 == pair[1].0));
    }

    #[test]
    fn events_become_a_drawing() {
        insta::assert_snapshot!(timeline().svg());
        assert_eq!(timeline().summary(), "3 rows in 10s; processors idle: 25.0 %");
        assert_eq!(Timeline::default().idle(), None);
    }

    #[test]
    fn what_was_not_begun_is_not_drawn() {
        let mut timeline = Timeline::default();
        timeline.take(&Event::Phase { package: "musl".parse().unwrap(), phase: Phase::Build }, 2.0);
        assert_eq!(timeline, Timeline::default());
    }
}
