//! A machine that loses power at every moment, for tests.
//!
//! Its disk keeps what was flushed; of what was written since, any part may be there, sector by sector. A variable is set or not. The
//! firmware does what UEFI says: `BootNext` once, then `BootOrder`, then any slot that has a file.

use std::collections::BTreeMap;

use crate::Guid;
use crate::carry_out::{Machine, carry_out};
use crate::disk::Disk;
use crate::entry::{self, Place};
use crate::fat::{self, BODY};
use crate::journal::Journal;
use crate::system::{Slot, System};
use crate::update::{self, Facts, Step};
use testkit::fuzz::Random;

pub const SECTOR: usize = 512;
pub const PARTITION: Disk = Disk { sector: SECTOR as u32, sectors: 288 << 11 };

pub type Sectors = BTreeMap<(Slot, u64), [u8; SECTOR]>;

/// What happened, in the order in which it happened.
#[derive(Debug, Clone)]
pub enum Effect {
    Write(Slot, u64, Vec<u8>),
    Flush,
    Variable(String, Option<Vec<u8>>),
    Note(String),
    Floor(u64),
}

/// What outlives a loss of power.
#[derive(Debug, Clone, Default)]
pub struct Kept {
    pub sectors: Sectors,
    pub variables: BTreeMap<String, Vec<u8>>,
    pub journal: Option<String>,
    pub floor: u64,
}

/// A machine that runs.
#[derive(Debug, Clone)]
pub struct World {
    pub kept: Kept,
    pub effects: Vec<Effect>,
    /// It does not flush, as a careless program would not.
    pub careless: bool,
    /// Its disk gives back other bytes, its firmware forgets variables, and it does not restart.
    pub failing: bool,
    pub restarted: bool,
}

impl Kept {
    pub fn apply(&mut self, effect: &Effect) {
        match effect {
            Effect::Write(slot, at, bytes) => {
                for (number, sector) in bytes.chunks_exact(SECTOR).enumerate() {
                    self.sectors.insert((*slot, at / SECTOR as u64 + number as u64), sector.try_into().unwrap());
                }
            }
            Effect::Flush => {}
            Effect::Variable(name, Some(content)) => drop(self.variables.insert(name.clone(), content.clone())),
            Effect::Variable(name, None) => drop(self.variables.remove(name)),
            Effect::Note(text) => self.journal = Some(text.clone()),
            Effect::Floor(generation) => self.floor = *generation,
        }
    }

    pub fn read(&self, slot: Slot, at: u64, length: usize) -> Vec<u8> {
        let sectors = (0..length.div_ceil(SECTOR) as u64).map(|number| at / SECTOR as u64 + number);
        let bytes = sectors.flat_map(|sector| self.sectors.get(&(slot, sector)).copied().unwrap_or([0; SECTOR]));
        bytes.take(length).collect()
    }

    /// The image in a slot, when the slot is a whole file system.
    pub fn image(&self, slot: Slot) -> Option<Vec<u8>> {
        let size = fat::file_size(PARTITION, &self.read(slot, 0, BODY as usize))?;
        Some(self.read(slot, BODY, size as usize))
    }

    /// What firmware that enforces Secure Boot starts: only one of `signed`. `BootNext` is gone afterwards.
    pub fn start(&mut self, signed: &[&[u8]]) -> Option<(Slot, Vec<u8>)> {
        let next = self.variables.remove("BootNext");
        let order = self.variables.get("BootOrder").cloned().unwrap_or_default();
        let numbers = next.into_iter().chain([order]).flat_map(|content| entry::numbers(&content)).collect::<Vec<_>>();
        let named = numbers.iter().filter_map(|number| {
            let option = self.variables.get(&entry::variable(*number))?;
            let id = entry::partition(option)?;
            Slot::BOTH.into_iter().find(|slot| place(*slot).id == id)
        });
        let slots: Vec<Slot> = named.chain(Slot::BOTH).collect();
        slots.into_iter().find_map(|slot| {
            let image = self.image(slot).filter(|image| signed.contains(&image.as_slice()))?;
            Some((slot, image))
        })
    }
}

pub fn place(slot: Slot) -> Place {
    Place { number: slot as u32 + 1, first: 2048, sectors: PARTITION.sectors, id: Guid::random([slot as u8 + 1; 16]) }
}

impl Machine for World {
    type Error = &'static str;

    fn partition(&self, _: Slot) -> Disk {
        PARTITION
    }

    fn place(&self, slot: Slot) -> Place {
        place(slot)
    }

    fn write(&mut self, slot: Slot, at: u64, bytes: &[u8]) -> Result<(), Self::Error> {
        assert_eq!((at % SECTOR as u64, bytes.len() % SECTOR), (0, 0));
        self.effect(Effect::Write(slot, at, bytes.to_vec()))
    }

    fn flush(&mut self, _: Slot) -> Result<(), Self::Error> {
        if self.careless { Ok(()) } else { self.effect(Effect::Flush) }
    }

    fn read(&mut self, slot: Slot, at: u64, length: usize) -> Result<Vec<u8>, Self::Error> {
        let mut bytes = self.kept.read(slot, at, length);
        bytes[7] ^= u8::from(self.failing);
        Ok(bytes)
    }

    fn variable(&mut self, name: &str) -> Result<Option<Vec<u8>>, Self::Error> {
        Ok(self.kept.variables.get(name).filter(|_| !self.failing).cloned())
    }

    fn set_variable(&mut self, name: &str, content: Option<&[u8]>) -> Result<(), Self::Error> {
        self.effect(Effect::Variable(name.to_owned(), content.map(<[u8]>::to_vec)))
    }

    fn note(&mut self, text: &str) -> Result<(), Self::Error> {
        self.effect(Effect::Note(text.to_owned()))
    }

    fn set_floor(&mut self, generation: u64) -> Result<(), Self::Error> {
        self.effect(Effect::Floor(generation))
    }

    fn restart(&mut self) -> Result<(), Self::Error> {
        self.restarted = true;
        if self.failing { Err("no restart") } else { Ok(()) }
    }
}

impl World {
    fn effect(&mut self, effect: Effect) -> Result<(), &'static str> {
        self.kept.apply(&effect);
        self.effects.push(effect);
        Ok(())
    }

    /// The machine after a start of what `kept` has.
    pub fn of(kept: Kept) -> Self {
        Self { kept, effects: Vec::new(), careless: false, failing: false, restarted: false }
    }

    pub fn facts(&self, running: Slot, image: &[u8]) -> Facts {
        let kept = &self.kept;
        let number = |slot: Slot| {
            let of = |(name, option): (&String, &Vec<u8>)| {
                entry::number(name).filter(|_| entry::partition(option) == Some(place(slot).id))
            };
            kept.variables.iter().find_map(of)
        };
        let content = |name: &str| kept.variables.get(name).map(|content| entry::numbers(content));
        Facts {
            running,
            system: system(image),
            other: kept
                .image(running.other())
                .filter(|image| SIGNED.contains(&image.as_slice()))
                .map(|image| system(&image)),
            entries: Slot::BOTH.map(number),
            order: content("BootOrder").unwrap_or_default(),
            next: content("BootNext").and_then(|numbers| numbers.first().copied()),
            journal: kept.journal.as_ref().and_then(|text| text.parse::<Journal>().ok()),
            floor: kept.floor,
        }
    }
}

/// Two systems: a few sectors each, so that every one of them can be missing.
pub const OLD: &[u8] = &[0x0a; 3000];
pub const NEW: &[u8] = &[0x0b; 2500];
pub const SIGNED: &[&[u8]] = &[OLD, NEW];

pub fn system(image: &[u8]) -> System {
    let generation = if image == NEW { 2 } else { 1 };
    System { version: format!("{generation}.0"), generation, digest: format!("{:02x}", image[0]) }
}

/// A machine with the old system in slot A, as the installer leaves it.
pub fn installed() -> World {
    let mut world = World::of(Kept { floor: 1, ..Kept::default() });
    carry_out(&mut world, &[Step::WriteBody(Slot::A), Step::WriteHead(Slot::A)], OLD).unwrap();
    let facts = world.facts(Slot::A, OLD);
    carry_out(&mut world, &update::entries(&facts), OLD).unwrap();
    world.effects.clear();
    world
}

/// States in which a loss of power may leave the machine that had `before` and then these effects: after each effect, with nothing,
/// all and some parts of what was written since the last flush.
pub fn crashes(before: &Kept, effects: &[Effect], parts: usize, random: &mut Random) -> Vec<Kept> {
    let (mut states, mut durable, mut loose) = (vec![before.clone()], before.clone(), Vec::new());
    for effect in effects {
        match effect {
            Effect::Flush => loose.drain(..).for_each(|write| durable.apply(&write)),
            Effect::Write(slot, at, bytes) => {
                let sector = |(number, bytes): (usize, &[u8])| {
                    Effect::Write(*slot, at + (number * SECTOR) as u64, bytes.to_vec())
                };
                loose.extend(bytes.chunks(SECTOR).enumerate().map(sector));
            }
            other => durable.apply(other),
        }
        states.push(durable.clone());
        for part in 0..if loose.is_empty() { 0 } else { parts } {
            // From almost all to almost none of the sectors, in random choice.
            let of_eight = part % 8 + 1;
            let mut state = durable.clone();
            for write in &loose {
                if random.below(9) < of_eight {
                    state.apply(write);
                }
            }
            states.push(state);
        }
    }
    states
}
