//! The installed system that runs: its slots, the firmware's variables, and what is remembered.

use std::io;
use std::path::Path;

use disks::block::Places;
use disks::installed::{self, Installed, Origin};
use disks::slot_files::{FLOOR, JOURNAL, SlotFiles};
use disks::variables::Variables;
use slots::carry_out::{self, Machine as _};
use slots::fat;
use slots::system::{Slot, System};
use slots::update::{Facts, Step};

use crate::failure::Failure;

/// Where journal and floor are kept.
const MEMORY: &str = "/var/lib/ashlar";
/// What only an opened state has.
const STATE: &str = "/dev/mapper/state";

/// An installed system that runs.
#[derive(Debug)]
pub struct Running {
    installed: Installed,
    slots: SlotFiles,
    variables: Variables,
}

impl Running {
    /// The system, if an installed one runs with its state. From here on this process can write the firmware's variables.
    pub fn find() -> io::Result<Option<Self>> {
        let (places, variables) = (Places::default(), Variables::default());
        let Origin::Installed(installed) = installed::find(&places, &variables)? else { return Ok(None) };
        if !Path::new(STATE).exists() {
            return Ok(None);
        }
        variables.make_writable()?;
        let slots = SlotFiles::open(&installed, &places, variables.clone(), Path::new(MEMORY))?;
        Ok(Some(Self { installed, slots, variables }))
    }

    /// The disk's name.
    pub fn disk(&self) -> &str {
        &self.installed.device.name
    }

    /// What decisions need.
    pub fn facts(&mut self) -> Result<Facts, Failure> {
        let running = self.installed.slot;
        let system = |image: Option<Vec<u8>>| image.and_then(|image| System::of(&image).ok());
        let own = system(self.slots.image(running)?);
        let own = own.ok_or_else(|| {
            Failure::Slot(format!("slot {running}, which was started, holds no whole system any more"))
        })?;
        let other = system(self.slots.image(running.other())?);
        // An update begins anew when its note cannot be read: what starts does not depend on it.
        let journal = self.slots.remembered(JOURNAL)?.and_then(|text| text.parse().ok());
        let floor = self.slots.remembered(FLOOR)?.and_then(|text| text.trim().parse().ok()).unwrap_or(0);
        Ok(Facts {
            running,
            system: own,
            other,
            entries: self.installed.entries(&self.variables)?,
            order: installed::numbers(&self.variables, "BootOrder")?,
            next: installed::numbers(&self.variables, "BootNext")?.first().copied(),
            journal,
            floor,
        })
    }

    /// Whether an image has room in a slot.
    pub fn fits(&self, image: &[u8]) -> Result<(), Failure> {
        let room = fat::room(self.slots.partition(Slot::A))?;
        let wanted = image.len() as u64;
        if wanted > room { Err(fat::FatError::Full { room, wanted }.into()) } else { Ok(()) }
    }

    /// Does steps.
    pub fn carry_out(&mut self, steps: &[Step], image: &[u8]) -> Result<(), Failure> {
        Ok(carry_out::carry_out(&mut self.slots, steps, image)?)
    }
}
