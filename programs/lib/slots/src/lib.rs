//! The two slots of an installed Ashlar as values, without system calls: partition tables, the file system of one file, the firmware's
//! entries, and what an update does.
//!
//! - [`Guid`][]: identities;
//! - [`disk`]: sizes of disks, and bytes with their places;
//! - [`gpt`]: partition tables, written and read;
//! - [`layout`]: where the partitions of an installed system lie;
//! - [`fat`]: the file system of a slot;
//! - [`entry`]: the firmware's boot entries and their order;
//! - [`pe`]: the program in a slot, and the digest that names it;
//! - [`recovery`]: the key that opens a state when nothing else does;
//! - [`system`]: slots, and the systems in them;
//! - [`update`]: facts of the machine in, steps out;
//! - [`journal`]: what an update notes;
//! - [`carry_out`]: the steps, done on a machine.

pub mod carry_out;
pub mod disk;
pub mod entry;
pub mod fat;
pub mod gpt;
mod guid;
pub mod journal;
pub mod layout;
pub mod pe;
#[cfg(test)]
mod power_loss;
pub mod recovery;
pub mod system;
pub mod update;

pub use guid::{Guid, NoGuid};
