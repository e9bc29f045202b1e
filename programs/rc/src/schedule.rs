//! How to stop a daemon: signals and waits, in the notation of `--retry` (`5`, `TERM/5/KILL/5`, `SIGTERM/forever`).

use std::time::Duration;

/// One step of stopping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Send this signal.
    Signal(i32),
    /// Wait for its end, at most this long.
    Wait(Duration),
    /// Wait for its end.
    WaitForever,
}

/// The longest wait (a year); it keeps sums of times within their type.
const MAX_SECONDS: u64 = 31_536_000;

/// Parses a schedule. A single number is a wait after `signal`; a process that still runs then has not stopped. A kill
/// must be explicit.
pub fn parse(text: &str, signal: i32) -> Result<Vec<Step>, String> {
    if let Ok(seconds) = text.trim().parse::<u64>() {
        let wait = Step::Wait(Duration::from_secs(seconds.min(MAX_SECONDS)));
        return Ok(vec![Step::Signal(signal), wait]);
    }
    text.trim().split('/').map(parse_step).collect()
}

fn parse_step(item: &str) -> Result<Step, String> {
    if item == "forever" {
        return Ok(Step::WaitForever);
    }
    // In a schedule a bare number is seconds, `-9` is a signal.
    if let Some(number) = item.strip_prefix('-') {
        return self::signal(number).map(Step::Signal);
    }
    match item.parse::<u64>() {
        Ok(seconds) => Ok(Step::Wait(Duration::from_secs(seconds.min(MAX_SECONDS)))),
        Err(_) => self::signal(item).map(Step::Signal),
    }
}

const NAMES: [(&str, i32); 31] = [
    ("HUP", 1),
    ("INT", 2),
    ("QUIT", 3),
    ("ILL", 4),
    ("TRAP", 5),
    ("ABRT", 6),
    ("BUS", 7),
    ("FPE", 8),
    ("KILL", 9),
    ("USR1", 10),
    ("SEGV", 11),
    ("USR2", 12),
    ("PIPE", 13),
    ("ALRM", 14),
    ("TERM", 15),
    ("STKFLT", 16),
    ("CHLD", 17),
    ("CONT", 18),
    ("STOP", 19),
    ("TSTP", 20),
    ("TTIN", 21),
    ("TTOU", 22),
    ("URG", 23),
    ("XCPU", 24),
    ("XFSZ", 25),
    ("VTALRM", 26),
    ("PROF", 27),
    ("WINCH", 28),
    ("IO", 29),
    ("PWR", 30),
    ("SYS", 31),
];

/// A signal by number or name, with or without `SIG`.
pub fn signal(text: &str) -> Result<i32, String> {
    if let Ok(number) = text.parse::<i32>() {
        return if (0..=64).contains(&number) {
            Ok(number)
        } else {
            Err(format!("{number} is not a signal; the highest is 64"))
        };
    }
    let upper = text.to_ascii_uppercase();
    let name = upper.strip_prefix("SIG").unwrap_or(&upper);
    let found = NAMES.iter().find(|(known, _)| *known == name);
    found
        .map(|(_, number)| *number)
        .ok_or_else(|| format!("unknown signal `{text}`; write a name like SIGTERM or a number"))
}

/// The name of a signal.
pub fn name(signal: i32) -> String {
    let found = NAMES.iter().find(|(_, number)| *number == signal);
    found.map_or_else(|| format!("signal {signal}"), |(name, _)| format!("SIG{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_schedules() {
        use Step::{Signal, Wait, WaitForever};
        let five = Wait(Duration::from_secs(5));
        let table = [
            ("5", vec![Signal(15), five]),
            ("TERM/5/KILL/5", vec![Signal(15), five, Signal(9), five]),
            ("SIGINT/5/sigterm/5/-9", vec![Signal(2), five, Signal(15), five, Signal(9)]),
            ("TERM/forever", vec![Signal(15), WaitForever]),
            // A daemon that somebody else stops is only waited for.
            ("5/TERM", vec![five, Signal(15)]),
        ];
        for (text, steps) in table {
            assert_eq!(parse(text, 15).as_ref(), Ok(&steps), "{text}");
        }
        for text in ["", "TERM//5", "NOPE/5", "TERM/x", "-99/5"] {
            assert!(parse(text, 15).is_err(), "{text}");
        }
    }

    #[test]
    fn no_schedule_makes_it_panic_and_waits_are_bounded() {
        crate::testing::for_texts(|text| {
            for step in parse(text, 15).unwrap_or_default() {
                assert!(!matches!(step, Step::Wait(wait) if wait > Duration::from_secs(MAX_SECONDS)));
            }
        });
        assert!(parse("99999999999999", 15).is_ok());
    }
}
