//! What an update notes for people and for the next start: a few lines of text.

use std::fmt;
use std::str::FromStr;

use crate::system::{Slot, System};

/// How far an update is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// The slot is being written.
    Writing,
    /// The slot holds the system.
    Ready,
    /// The firmware is to start it once.
    Armed,
    /// It runs, and has not been found healthy yet.
    Trial,
    /// It is the system that starts.
    Confirmed,
    /// It was tried, and the one before it runs.
    Failed,
}

/// Names in the text, in the order of the type.
const NAMES: [(&str, Progress); 6] = [
    ("writing", Progress::Writing),
    ("ready", Progress::Ready),
    ("armed", Progress::Armed),
    ("trial", Progress::Trial),
    ("confirmed", Progress::Confirmed),
    ("failed", Progress::Failed),
];

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(NAMES[*self as usize].0)
    }
}

/// The note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Journal {
    /// How far it is.
    pub progress: Progress,
    /// The slot that it is about.
    pub slot: Slot,
    /// The system in it.
    pub system: System,
    /// Which try this is, from 1.
    pub attempt: u8,
    /// Why it failed.
    pub reason: Option<String>,
}

impl Journal {
    /// The same, failed.
    pub fn failed(&self, reason: &str) -> Self {
        Self { progress: Progress::Failed, reason: Some(reason.replace('\n', " ")), ..self.clone() }
    }
}

/// One `key value` a line.
impl fmt::Display for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { progress, slot, system, attempt, reason } = self;
        writeln!(f, "progress {progress}\nslot {slot}\nversion {}\ngeneration {}", system.version, system.generation)?;
        writeln!(f, "digest {}\nattempt {attempt}", system.digest)?;
        reason.as_ref().map_or(Ok(()), |reason| writeln!(f, "reason {reason}"))
    }
}

/// A text that is no journal. An update begins anew then: what starts does not depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoJournal;

impl FromStr for Journal {
    type Err = NoJournal;

    fn from_str(text: &str) -> Result<Self, NoJournal> {
        let value = |key: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' '));
            line.map(str::to_owned).ok_or(NoJournal)
        };
        let progress = value("progress")?;
        let slot = match value("slot")?.as_str() {
            "A" => Slot::A,
            "B" => Slot::B,
            _ => return Err(NoJournal),
        };
        Ok(Self {
            progress: NAMES.iter().find(|(name, _)| *name == progress).ok_or(NoJournal)?.1,
            slot,
            system: System {
                version: value("version")?,
                generation: value("generation")?.parse().map_err(|_| NoJournal)?,
                digest: value("digest")?,
            },
            attempt: value("attempt")?.parse().map_err(|_| NoJournal)?,
            reason: value("reason").ok(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::fuzz;

    #[test]
    fn a_journal_reads_as_it_is_written() {
        let system = System { version: "0.2.0 of May".to_owned(), generation: 7, digest: "ab".repeat(32) };
        let journal = Journal { progress: Progress::Ready, slot: Slot::B, system, attempt: 1, reason: None };
        for (_, progress) in NAMES {
            let journal = Journal { progress, ..journal.clone() };
            assert_eq!(journal.to_string().parse(), Ok(journal));
        }
        let failed = journal.failed("sshd\nis down");
        assert_eq!(failed.reason.as_deref(), Some("sshd is down"));
        assert_eq!(failed.to_string().parse(), Ok(failed));
        assert_eq!("progress ready\nslot C\n".parse::<Journal>(), Err(NoJournal));
        let whole = journal.to_string();
        fuzz::repeat(0x10, b"slot progre\n 0", |random| {
            let text = random.damaged(whole.as_bytes());
            let _journal = String::from_utf8_lossy(&text).parse::<Journal>();
        });
    }
}
