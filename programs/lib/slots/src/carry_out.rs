//! Does the steps of an update on a machine, each durable before the next.

use std::fmt;

use crate::disk::Disk;
use crate::entry::{self, Place};
use crate::fat::{self, BODY, FatError};
use crate::system::Slot;
use crate::update::Step;

/// Bytes that are written or read at once.
const BLOCK: usize = 1 << 20;

/// What steps do to a machine. Every method returns when its effect is durable, but for [`Machine::write`].
pub trait Machine {
    /// Why an effect failed.
    type Error;

    /// The size of a slot's partition.
    fn partition(&self, slot: Slot) -> Disk;
    /// The slot's partition as the firmware names it.
    fn place(&self, slot: Slot) -> Place;
    /// Writes into a slot; durable after [`Machine::flush`].
    ///
    /// # Errors
    /// When the medium fails.
    fn write(&mut self, slot: Slot, at: u64, bytes: &[u8]) -> Result<(), Self::Error>;
    /// Makes what was written into a slot durable.
    ///
    /// # Errors
    /// When the medium fails.
    fn flush(&mut self, slot: Slot) -> Result<(), Self::Error>;
    /// Reads from a slot, past all caches.
    ///
    /// # Errors
    /// When the medium fails.
    fn read(&mut self, slot: Slot, at: u64, length: usize) -> Result<Vec<u8>, Self::Error>;
    /// One of the firmware's variables.
    ///
    /// # Errors
    /// When it cannot be read.
    fn variable(&mut self, name: &str) -> Result<Option<Vec<u8>>, Self::Error>;
    /// Sets one of the firmware's variables, in one write; removes it when there is no content.
    ///
    /// # Errors
    /// When the firmware refuses.
    fn set_variable(&mut self, name: &str, content: Option<&[u8]>) -> Result<(), Self::Error>;
    /// Replaces the journal as a whole.
    ///
    /// # Errors
    /// When the state cannot be written.
    fn note(&mut self, text: &str) -> Result<(), Self::Error>;
    /// Replaces the lowest generation that may run.
    ///
    /// # Errors
    /// When the state cannot be written.
    fn set_floor(&mut self, generation: u64) -> Result<(), Self::Error>;
    /// Restarts in an orderly way. A real machine does not return.
    ///
    /// # Errors
    /// When it cannot be asked to.
    fn restart(&mut self) -> Result<(), Self::Error>;
}

/// Why a step failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure<E> {
    /// An effect did.
    Machine(E),
    /// The image does not fit.
    Size(FatError),
    /// What was read back is not what was written.
    Differs {
        /// The slot.
        slot: Slot,
        /// The first byte of the block that differs, in the partition.
        at: u64,
    },
    /// The firmware has another value than it was given.
    Variable(String),
}

impl<E: fmt::Display> fmt::Display for Failure<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Machine(error) => error.fmt(f),
            Self::Size(error) => error.fmt(f),
            Self::Differs { slot, at } => write!(
                f,
                "slot {slot} gave back other bytes than it was given, from byte {at} on: the disk is failing; the system that runs is untouched"
            ),
            Self::Variable(name) => {
                write!(
                    f,
                    "the firmware did not keep the variable {name}; the next start is that of the system that runs"
                )
            }
        }
    }
}

/// Does `steps`, with `image` for those that write one.
///
/// # Errors
/// At the first that fails; none after it is begun.
pub fn carry_out<M: Machine>(machine: &mut M, steps: &[Step], image: &[u8]) -> Result<(), Failure<M::Error>> {
    steps.iter().try_for_each(|step| one(machine, step, image))
}

fn one<M: Machine>(machine: &mut M, step: &Step, image: &[u8]) -> Result<(), Failure<M::Error>> {
    let done = match step {
        Step::Note(journal) => machine.note(&journal.to_string()),
        Step::Erase(slot) => machine.write(*slot, 0, &vec![0; BODY as usize]).and_then(|()| machine.flush(*slot)),
        Step::WriteBody(slot) => write(machine, *slot, BODY, image),
        Step::VerifyBody(slot) => return verify(machine, *slot, BODY, image),
        Step::WriteHead(slot) => {
            let head = head(machine, *slot, image)?;
            write(machine, *slot, 0, &head)
        }
        Step::VerifySlot(slot) => {
            let head = head(machine, *slot, image)?;
            verify(machine, *slot, 0, &head)?;
            return verify(machine, *slot, BODY, image);
        }
        Step::SetEntry(slot, number) => {
            let option = entry::load_option(&format!("Ashlar {slot}"), &machine.place(*slot));
            return set(machine, &entry::variable(*number), &option);
        }
        Step::SetOrder(numbers) => return set(machine, "BootOrder", &entry::order(numbers)),
        Step::SetNext(number) => return set(machine, "BootNext", &entry::order(&[*number])),
        Step::ClearNext => machine.set_variable("BootNext", None),
        Step::RaiseFloor(generation) => machine.set_floor(*generation),
        Step::Restart => machine.restart(),
    };
    done.map_err(Failure::Machine)
}

fn head<M: Machine>(machine: &M, slot: Slot, image: &[u8]) -> Result<Vec<u8>, Failure<M::Error>> {
    fat::head(machine.partition(slot), image.len() as u64).map_err(Failure::Size)
}

/// Writes in blocks, and then makes them durable. The last is filled up to a whole sector.
fn write<M: Machine>(machine: &mut M, slot: Slot, at: u64, bytes: &[u8]) -> Result<(), M::Error> {
    let sector = machine.partition(slot).sector as usize;
    for (number, block) in bytes.chunks(BLOCK).enumerate() {
        let mut block = block.to_vec();
        block.resize(block.len().next_multiple_of(sector), 0);
        machine.write(slot, at + (number * BLOCK) as u64, &block)?;
    }
    machine.flush(slot)
}

fn verify<M: Machine>(machine: &mut M, slot: Slot, at: u64, bytes: &[u8]) -> Result<(), Failure<M::Error>> {
    let sector = machine.partition(slot).sector as usize;
    for (number, block) in bytes.chunks(BLOCK).enumerate() {
        let at = at + (number * BLOCK) as u64;
        let read = machine.read(slot, at, block.len().next_multiple_of(sector)).map_err(Failure::Machine)?;
        if read.get(..block.len()) != Some(block) {
            return Err(Failure::Differs { slot, at });
        }
    }
    Ok(())
}

/// Sets a variable and sees that the firmware has it.
fn set<M: Machine>(machine: &mut M, name: &str, content: &[u8]) -> Result<(), Failure<M::Error>> {
    machine.set_variable(name, Some(content)).map_err(Failure::Machine)?;
    let kept = machine.variable(name).map_err(Failure::Machine)?;
    if kept.as_deref() == Some(content) { Ok(()) } else { Err(Failure::Variable(name.to_owned())) }
}

#[cfg(test)]
#[path = "carry_out_tests.rs"]
mod tests;
