//! Messages: the lines of `einfo`, `ebegin`, `eend` and the others, in OpenRC's look.
//!
//! Informational lines go to standard output, warnings and errors to standard error. Colours and the
//! right-hand column appear only on a terminal. The variables `EINFO_QUIET`, `EERROR_QUIET`,
//! `EINFO_VERBOSE`, `EINFO_COLOR`, `EINFO_INDENT`, `RC_NOCOLOR`, `NO_COLOR` are honoured.

use crate::conf::is_yes;
use std::env;
use std::io::{self, IsTerminal, Write};

/// The kinds of lines, by colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Green, standard output.
    Info,
    /// Yellow, standard error.
    Warn,
    /// Red, standard error.
    Error,
}

const NORMAL: &str = "\u{1b}[m";
const BRACKET: &str = "\u{1b}[1m\u{1b}[34m";

impl Kind {
    fn colour(self) -> &'static str {
        match self {
            Kind::Info => "\u{1b}[1m\u{1b}[32m",
            Kind::Warn => "\u{1b}[1m\u{1b}[33m",
            Kind::Error => "\u{1b}[1m\u{1b}[31m",
        }
    }

    fn is_quiet(self) -> bool {
        match self {
            Kind::Error => is_on("EERROR_QUIET"),
            _ => is_on("EINFO_QUIET"),
        }
    }

    fn stream(self) -> Box<dyn Stream> {
        match self {
            Kind::Info => Box::new(io::stdout()),
            _ => Box::new(io::stderr()),
        }
    }
}

trait Stream: Write {
    fn is_tty(&self) -> bool;
}

impl<T: Write + IsTerminal> Stream for T {
    fn is_tty(&self) -> bool {
        self.is_terminal()
    }
}

fn is_on(variable: &str) -> bool {
    env::var(variable).is_ok_and(|value| is_yes(&value))
}

/// Whether `EINFO_VERBOSE` is set.
pub fn is_verbose() -> bool {
    is_on("EINFO_VERBOSE")
}

fn has_colours(stream: &dyn Stream) -> bool {
    let unwanted = is_on("RC_NOCOLOR")
        || env::var("EINFO_COLOR").is_ok_and(|value| !value.is_empty() && !is_yes(&value))
        || env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
        || env::var("TERM").map_or(true, |term| term.is_empty() || term == "dumb");
    stream.is_tty() && !unwanted
}

fn indent() -> String {
    let columns = env::var("EINFO_INDENT").ok().and_then(|text| text.trim().parse::<usize>().ok()).unwrap_or(0);
    " ".repeat(columns.min(40))
}

/// One line ` * text`, without its end if `open`.
fn line(kind: Kind, text: &str, open: bool) {
    if kind.is_quiet() {
        return;
    }
    let mut stream = kind.stream();
    end_open_line(&mut *stream);
    let (on, off) = if has_colours(&*stream) { (kind.colour(), NORMAL) } else { ("", "") };
    let end = if open { "" } else { "\n" };
    let whole = format!(" {on}*{off} {}{text}{end}", indent());
    // Without standard output and error there is no one to tell.
    drop(stream.write_all(whole.as_bytes()));
    drop(stream.flush());
}

/// Without a terminal, `ebegin` and `einfon` of the calling shell left their line open: begin a new one.
fn end_open_line(stream: &mut dyn Stream) {
    if !stream.is_tty() && env::var("EINFO_LASTCMD").is_ok_and(|last| last.ends_with('n')) {
        drop(stream.write_all(b"\n"));
        sys::unset_variable("EINFO_LASTCMD");
    }
}

/// `einfo`
pub fn einfo(text: &str) {
    line(Kind::Info, text, false);
}

/// `ewarn`
pub fn ewarn(text: &str) {
    line(Kind::Warn, text, false);
}

/// `eerror`
pub fn eerror(text: &str) {
    line(Kind::Error, text, false);
}

/// `einfon`, `ewarnn`, `eerrorn`: the line stays open.
pub fn open_line(kind: Kind, text: &str) {
    line(kind, text, true);
}

/// `ebegin`: on a terminal `eend` may add to the end of this line.
pub fn ebegin(text: &str) {
    if Kind::Info.is_quiet() {
        return;
    }
    line(Kind::Info, &format!("{text} ..."), true);
    if io::stdout().is_terminal() {
        drop(io::stdout().write_all(b"\n"));
    }
}

/// `eend`, or with [`Kind::Warn`] `ewend`: the result of what `ebegin` announced. With a text, the whole line is an
/// error.
pub fn eend(code: u8, kind: Kind, text: &str) {
    let has_text = code != 0 && !text.is_empty();
    let mut stream = if has_text { kind.stream() } else { Kind::Info.stream() };
    if has_text {
        // On a terminal the result is at the end of the line above.
        let stays_open = !stream.is_tty() && !Kind::Info.is_quiet();
        line(kind, text, stays_open);
    }
    if Kind::Info.is_quiet() {
        return;
    }
    let coloured = has_colours(&*stream);
    let word = if code == 0 { "ok" } else { "!!" };
    let verdict = if coloured {
        let colour = if code == 0 { Kind::Info } else { kind }.colour();
        format!("{BRACKET}[{colour} {word} {BRACKET}]{NORMAL}")
    } else {
        format!("[ {word} ]")
    };
    let place = match sys::columns() {
        // One line up, then right until the result ends the line.
        Some(columns) if stream.is_tty() && env::var("TERM").is_ok_and(|t| t != "dumb") => {
            format!("\u{1b}[A\u{1b}[{}C", columns.saturating_sub(8))
        }
        _ => String::new(),
    };
    drop(stream.write_all(format!("{place} {verdict}\n").as_bytes()));
}

/// A line of output that is not decorated; errors (a closed pipe) end quietly.
pub fn print(text: &str) {
    drop(io::stdout().write_all(text.as_bytes()));
    drop(io::stdout().write_all(b"\n"));
}
