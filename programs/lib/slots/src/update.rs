//! What an update does, as decisions: facts of the machine in, steps out. `carry_out` does the steps.
//!
//! The firmware decides what starts: the first slot in its `BootOrder` is *committed*, and `BootNext` starts the other one once, for
//! its *trial*. The journal is for people and for second tries, and never decides what starts. So a machine that loses power between
//! any two steps starts one of two complete systems.

use std::fmt;

use crate::journal::{Journal, Progress};
use crate::system::{Slot, System};

/// What is known of the machine before anything is decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The slot that runs.
    pub running: Slot,
    /// What runs.
    pub system: System,
    /// What lies in the other slot, if that is a whole system.
    pub other: Option<System>,
    /// The numbers of the firmware's entries for A and B, where it has them.
    pub entries: [Option<u16>; 2],
    /// The firmware's `BootOrder`.
    pub order: Vec<u16>,
    /// The firmware's `BootNext`.
    pub next: Option<u16>,
    /// What the last update noted.
    pub journal: Option<Journal>,
    /// The lowest generation that may run.
    pub floor: u64,
}

impl Facts {
    /// The slot that the firmware starts unless told otherwise; the one that runs when it has entries for none.
    pub fn committed(&self) -> Slot {
        let slot = |number: &u16| Slot::BOTH.into_iter().find(|slot| self.entry(*slot) == Some(*number));
        self.order.iter().find_map(slot).unwrap_or(self.running)
    }

    fn entry(&self, slot: Slot) -> Option<u16> {
        self.entries[slot as usize]
    }

    /// The numbers that the entries have or will have: those that are free from 00A0 on.
    fn numbers(&self) -> [u16; 2] {
        let taken = |number: &u16| self.order.contains(number) || self.entries.contains(&Some(*number));
        let mut free = (0x00a0..=u16::MAX).filter(|number| !taken(number));
        self.entries.map(|entry| entry.or_else(|| free.next()).unwrap_or_default())
    }

    /// The order that starts `first`, then the other slot, then what was there beside them.
    fn order_from(&self, first: Slot) -> Vec<u16> {
        let numbers = self.numbers();
        let mut order = vec![numbers[first as usize], numbers[first.other() as usize]];
        order.extend(self.order.iter().filter(|number| !numbers.contains(number)));
        order
    }
}

/// One step. Each is durable before the next begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Replaces the journal.
    Note(Journal),
    /// Erases what makes a slot a file system.
    Erase(Slot),
    /// Writes the image behind that.
    WriteBody(Slot),
    /// Reads the image back and compares.
    VerifyBody(Slot),
    /// Writes what makes the slot a file system around the image.
    WriteHead(Slot),
    /// Reads all of the slot back and compares.
    VerifySlot(Slot),
    /// Writes the firmware's entry of a slot.
    SetEntry(Slot, u16),
    /// Has the firmware start these, in this order.
    SetOrder(Vec<u16>),
    /// Has the firmware start this entry once.
    SetNext(u16),
    /// Takes that back.
    ClearNext,
    /// Raises the lowest generation that may run.
    RaiseFloor(u64),
    /// Restarts the machine in an orderly way.
    Restart,
}

/// Why nothing is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// That very system runs, or waits for its trial.
    Nothing(String),
    /// The system that runs is on trial itself.
    OnTrial,
    /// The system is older than what may run.
    Floor {
        /// Its generation.
        generation: u64,
        /// The lowest that may run.
        floor: u64,
    },
    /// The other slot holds no whole system.
    Empty(Slot),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing(why) => f.write_str(why),
            Self::OnTrial => f.write_str(
                "the system that runs is on trial: it is confirmed when it is healthy, or restart to go back",
            ),
            Self::Floor { generation, floor } => {
                write!(f, "the system has generation {generation}, and none below {floor} may run here any more")
            }
            Self::Empty(slot) => write!(f, "slot {slot} holds no whole system to go back to"),
        }
    }
}

/// Puts `system` into the other slot and has it tried at the next start.
///
/// # Errors
/// When it runs already, may not run, or the machine is in the middle of a trial.
pub fn apply(facts: &Facts, system: &System) -> Result<Vec<Step>, Refusal> {
    if facts.running != facts.committed() {
        return Err(Refusal::OnTrial);
    }
    if system.digest == facts.system.digest {
        return Err(Refusal::Nothing(format!("{} runs already", system.version)));
    }
    if system.generation < facts.floor {
        return Err(Refusal::Floor { generation: system.generation, floor: facts.floor });
    }
    let slot = facts.running.other();
    let note = |progress| Step::Note(Journal { progress, slot, system: system.clone(), attempt: 1, reason: None });
    let mut steps = vec![
        // A trial that was prepared before must not start what is half written.
        Step::ClearNext,
        note(Progress::Writing),
        Step::Erase(slot),
        Step::WriteBody(slot),
        Step::VerifyBody(slot),
        Step::WriteHead(slot),
        Step::VerifySlot(slot),
        note(Progress::Ready),
    ];
    if facts.next.is_none() {
        steps.remove(0);
    }
    steps.extend(entries(facts));
    steps.extend([Step::SetNext(facts.numbers()[slot as usize]), note(Progress::Armed), Step::Restart]);
    Ok(steps)
}

/// What makes the firmware know both slots, the committed one first: entries that are missing, and the order when a slot is not in it.
pub fn entries(facts: &Facts) -> Vec<Step> {
    let numbers = facts.numbers();
    let missing = Slot::BOTH.into_iter().filter(|slot| facts.entry(*slot).is_none());
    let mut steps: Vec<Step> = missing.map(|slot| Step::SetEntry(slot, numbers[slot as usize])).collect();
    // Firmware may drop entries that are not in the order.
    if !numbers.iter().all(|number| facts.order.contains(number)) {
        steps.push(Step::SetOrder(facts.order_from(facts.committed())));
    }
    steps
}

/// What the first service of a start does: knows a trial, tries again what never began, notes what came back.
pub fn at_start(facts: &Facts) -> Vec<Step> {
    let mut steps = Vec::new();
    let Some(journal) = &facts.journal else { return steps };
    let note = |journal: Journal| Step::Note(journal);
    if facts.running != facts.committed() {
        // Some firmware leaves it there, and would try again after the trial failed.
        steps.extend(facts.next.map(|_| Step::ClearNext));
        steps.push(note(Journal { progress: Progress::Trial, ..journal.clone() }));
        return steps;
    }
    match journal.progress {
        // It was confirmed; the note was not written any more.
        Progress::Armed | Progress::Trial if facts.system.digest == journal.system.digest => {
            steps.extend(raise(facts));
            steps.push(note(Journal { progress: Progress::Confirmed, ..journal.clone() }));
        }
        // The firmware never started it, or it stopped before this service ran.
        Progress::Armed if journal.attempt < 2 && facts.other.as_ref() == Some(&journal.system) => {
            steps.push(note(Journal { attempt: journal.attempt + 1, ..journal.clone() }));
            steps.push(Step::SetNext(facts.numbers()[journal.slot as usize]));
            steps.push(Step::Restart);
        }
        Progress::Armed => {
            steps.extend(facts.next.map(|_| Step::ClearNext));
            steps.push(note(journal.failed("it did not start, twice")));
        }
        Progress::Trial => steps.push(note(journal.failed("it started, and did not become healthy"))),
        Progress::Writing | Progress::Ready | Progress::Confirmed | Progress::Failed => {}
    }
    steps
}

/// Decides about the system that runs: `health` says why it is not healthy.
pub fn confirm(facts: &Facts, health: Result<(), String>) -> Vec<Step> {
    let on_trial = facts.running != facts.committed();
    let failed = |journal: &Journal, why: &str| Step::Note(journal.failed(why));
    match (health, &facts.journal) {
        (Ok(()), journal) if on_trial => {
            let mut steps = entries(facts);
            steps.retain(|step| matches!(step, Step::SetEntry(..)));
            steps.push(Step::SetOrder(facts.order_from(facts.running)));
            steps.extend(raise(facts));
            let confirmed =
                |journal: &Journal| Step::Note(Journal { progress: Progress::Confirmed, ..journal.clone() });
            steps.extend(journal.as_ref().map(confirmed));
            steps
        }
        (Ok(()), _) => entries(facts),
        (Err(why), journal) if on_trial => {
            let mut steps: Vec<Step> = journal.iter().map(|journal| failed(journal, &why)).collect();
            steps.push(Step::Restart);
            steps
        }
        // The committed system stays: there is nothing better to go to.
        (Err(_), _) => Vec::new(),
    }
}

fn raise(facts: &Facts) -> Option<Step> {
    (facts.system.generation > facts.floor).then_some(Step::RaiseFloor(facts.system.generation))
}

/// Goes back to the system in the other slot.
///
/// # Errors
/// When there is none, or it may not run.
pub fn rollback(facts: &Facts) -> Result<Vec<Step>, Refusal> {
    if facts.running != facts.committed() {
        return Err(Refusal::OnTrial);
    }
    let slot = facts.running.other();
    let system = facts.other.as_ref().ok_or(Refusal::Empty(slot))?;
    if system.generation < facts.floor {
        return Err(Refusal::Floor { generation: system.generation, floor: facts.floor });
    }
    let mut steps: Vec<Step> = facts.next.map(|_| Step::ClearNext).into_iter().collect();
    steps.extend(entries(facts).into_iter().filter(|step| matches!(step, Step::SetEntry(..))));
    steps.push(Step::SetOrder(facts.order_from(slot)));
    steps.push(Step::Restart);
    Ok(steps)
}

#[cfg(test)]
#[path = "update_tests.rs"]
mod tests;
