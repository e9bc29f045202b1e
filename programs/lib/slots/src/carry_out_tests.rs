//! A machine that loses power at every moment of an update: what its firmware starts afterwards.
//!
//! The machine's disk keeps what was flushed; of what was written since, any part may be there, sector by sector. A variable is set or not.
//! The firmware does what UEFI says: `BootNext` once, then `BootOrder`, then any slot that has a file.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::Guid;
use crate::journal::Journal;
use crate::system::System;
use crate::update::{self, Facts};
use testkit::fuzz::Random;

const SECTOR: usize = 512;
const PARTITION: Disk = Disk { sector: SECTOR as u32, sectors: 288 << 11 };

type Sectors = BTreeMap<(Slot, u64), [u8; SECTOR]>;

/// What happened, in the order in which it happened.
#[derive(Debug, Clone)]
enum Effect {
    Write(Slot, u64, Vec<u8>),
    Flush,
    Variable(String, Option<Vec<u8>>),
    Note(String),
    Floor(u64),
}

/// What outlives a loss of power.
#[derive(Debug, Clone, Default)]
struct Kept {
    sectors: Sectors,
    variables: BTreeMap<String, Vec<u8>>,
    journal: Option<String>,
    floor: u64,
}

/// A machine that runs.
#[derive(Debug, Clone)]
struct World {
    kept: Kept,
    effects: Vec<Effect>,
    /// It does not flush, as a careless program would not.
    careless: bool,
    restarted: bool,
}

impl Kept {
    fn apply(&mut self, effect: &Effect) {
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

    fn read(&self, slot: Slot, at: u64, length: usize) -> Vec<u8> {
        let sectors = (0..length.div_ceil(SECTOR) as u64).map(|number| at / SECTOR as u64 + number);
        let bytes = sectors.flat_map(|sector| self.sectors.get(&(slot, sector)).copied().unwrap_or([0; SECTOR]));
        bytes.take(length).collect()
    }

    /// The image in a slot, when the slot is a whole file system.
    fn image(&self, slot: Slot) -> Option<Vec<u8>> {
        let size = fat::file_size(PARTITION, &self.read(slot, 0, BODY as usize))?;
        Some(self.read(slot, BODY, size as usize))
    }

    /// What firmware that enforces Secure Boot starts: only one of `signed`. `BootNext` is gone afterwards.
    fn start(&mut self, signed: &[&[u8]]) -> Option<(Slot, Vec<u8>)> {
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

fn place(slot: Slot) -> Place {
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
        Ok(self.kept.read(slot, at, length))
    }

    fn variable(&mut self, name: &str) -> Result<Option<Vec<u8>>, Self::Error> {
        Ok(self.kept.variables.get(name).cloned())
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
        Ok(())
    }
}

impl World {
    fn effect(&mut self, effect: Effect) -> Result<(), &'static str> {
        self.kept.apply(&effect);
        self.effects.push(effect);
        Ok(())
    }

    /// The machine after a start of what `kept` has.
    fn of(kept: Kept) -> Self {
        Self { kept, effects: Vec::new(), careless: false, restarted: false }
    }

    fn facts(&self, running: Slot, image: &[u8]) -> Facts {
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
const OLD: &[u8] = &[0x0a; 3000];
const NEW: &[u8] = &[0x0b; 2500];
const SIGNED: &[&[u8]] = &[OLD, NEW];

fn system(image: &[u8]) -> System {
    let generation = if image == NEW { 2 } else { 1 };
    System { version: format!("{generation}.0"), generation, digest: format!("{:02x}", image[0]) }
}

/// A machine with the old system in slot A, as the installer leaves it.
fn installed() -> World {
    let mut world = World::of(Kept { floor: 1, ..Kept::default() });
    carry_out(&mut world, &[Step::WriteBody(Slot::A), Step::WriteHead(Slot::A)], OLD).unwrap();
    let facts = world.facts(Slot::A, OLD);
    carry_out(&mut world, &update::entries(&facts), OLD).unwrap();
    world.effects.clear();
    world
}

/// States in which a loss of power may leave the machine that had `before` and then these effects: after each effect, with nothing,
/// all and some parts of what was written since the last flush.
fn crashes(before: &Kept, effects: &[Effect], parts: usize, random: &mut Random) -> Vec<Kept> {
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

/// Starts a state, and lets it go on by itself until it is up and stays; `healthy` says whether the new system is.
fn settle(kept: Kept, healthy: bool) -> Option<(World, Slot, Vec<u8>)> {
    let mut kept = kept;
    for _ in 0..4 {
        let (slot, image) = kept.start(SIGNED)?;
        let mut world = World::of(kept);
        let steps = update::at_start(&world.facts(slot, &image));
        carry_out(&mut world, &steps, &[]).unwrap();
        if !world.restarted {
            let health = if healthy || image == OLD { Ok(()) } else { Err("sick".to_owned()) };
            let steps = update::confirm(&world.facts(slot, &image), health);
            carry_out(&mut world, &steps, &[]).unwrap();
        }
        if !world.restarted {
            return Some((world, slot, image));
        }
        kept = world.kept;
    }
    panic!("it restarts again and again")
}

fn apply(world: &mut World, running: Slot, image: &[u8], new: &[u8]) {
    let steps = update::apply(&world.facts(running, image), &system(new)).unwrap();
    carry_out(world, &steps, new).unwrap();
}

/// How many parts of unflushed writes are tried after each effect: more when asked for a longer run.
fn parts() -> usize {
    std::env::var("ASHLAR_CRASH_PARTS").ok().and_then(|text| text.parse().ok()).unwrap_or(12)
}

#[test]
#[expect(clippy::print_stdout, reason = "how many states were tried is a figure that people ask for")]
fn a_machine_that_loses_power_during_an_update_starts_a_whole_system() {
    let mut random = Random::new(11, b"x");
    let (mut count, mut old, mut new) = (0, 0, 0);
    let before = installed();
    let mut updating = before.clone();
    apply(&mut updating, Slot::A, OLD, NEW);
    for state in crashes(&before.kept, &updating.effects, parts(), &mut random) {
        let (mut world, slot, image) = settle(state, true).expect("nothing starts");
        count += 1;
        // Where the new system was not confirmed, the update is done again.
        if image == OLD {
            old += 1;
            apply(&mut world, slot, OLD, NEW);
            let (_, _, image) = settle(world.kept, true).unwrap();
            assert_eq!(image, NEW);
        } else {
            new += 1;
            assert_eq!((slot, world.kept.floor), (Slot::B, 2));
        }
    }
    println!("{count} states: {old} with the old system, {new} with the new one");
    assert!(old > 0 && new > 0);
}

#[test]
fn a_machine_that_loses_power_while_it_confirms_has_a_whole_system() {
    let mut random = Random::new(12, b"x");
    let mut world = installed();
    apply(&mut world, Slot::A, OLD, NEW);
    let mut kept = world.kept;
    let started = kept.start(SIGNED).unwrap();
    assert_eq!(started, (Slot::B, NEW.to_vec()));
    let mut trial = World::of(kept.clone());
    for decide in [|facts: &Facts| update::at_start(facts), |facts: &Facts| update::confirm(facts, Ok(()))] {
        let steps = decide(&trial.facts(Slot::B, NEW));
        carry_out(&mut trial, &steps, &[]).unwrap();
    }
    let mut seen = BTreeSet::new();
    for state in crashes(&kept, &trial.effects, 1, &mut random) {
        let (_, slot, image) = settle(state, true).expect("nothing starts");
        assert_eq!(image, if slot == Slot::A { OLD } else { NEW });
        seen.insert(slot);
    }
    assert_eq!(seen.len(), 2);
}

#[test]
fn a_system_that_is_not_healthy_gives_way_to_the_one_before() {
    let mut world = installed();
    apply(&mut world, Slot::A, OLD, NEW);
    let (world, slot, image) = settle(world.kept, false).unwrap();
    assert_eq!((slot, image.as_slice(), world.kept.floor), (Slot::A, OLD, 1));
    let journal: Journal = world.kept.journal.unwrap().parse().unwrap();
    assert_eq!(journal.reason.as_deref(), Some("sick"));
}

#[test]
fn a_system_that_never_starts_is_tried_twice() {
    let mut world = installed();
    apply(&mut world, Slot::A, OLD, NEW);
    // The firmware refuses what is not signed any more.
    world.kept.sectors.insert((Slot::B, BODY / SECTOR as u64), [0xff; SECTOR]);
    let (world, slot, _) = settle(world.kept, true).unwrap();
    let journal: Journal = world.kept.journal.unwrap().parse().unwrap();
    assert_eq!((slot, journal.reason.as_deref()), (Slot::A, Some("it did not start, twice")));
}

#[test]
fn there_and_back_a_hundred_times() {
    let mut world = installed();
    let mut running = Slot::A;
    for round in 0..100 {
        let (from, to) = if round % 2 == 0 { (OLD, NEW) } else { (NEW, OLD) };
        // Going down in generations is what the floor refuses; here it stays where it was.
        world.kept.floor = 1;
        apply(&mut world, running, from, to);
        let (settled, slot, image) = settle(world.kept, true).unwrap();
        assert_eq!((slot, image.as_slice()), (running.other(), to), "round {round}");
        (world, running) = (settled, slot);
    }
}

#[test]
fn the_harness_finds_what_a_careless_program_breaks() {
    let mut random = Random::new(13, b"x");
    let before = installed();
    // In place, without a flush, and for good at once.
    let mut careless = World { careless: true, ..before.clone() };
    let steps = [Step::WriteBody(Slot::A), Step::WriteHead(Slot::A)];
    carry_out(&mut careless, &steps, NEW).unwrap();
    let states = crashes(&before.kept, &careless.effects, 12, &mut random);
    let unbootable = states.into_iter().filter(|state| state.clone().start(SIGNED).is_none()).count();
    assert!(unbootable > 0);
}

#[test]
fn a_disk_that_gives_back_other_bytes_is_noticed_before_anything_starts_from_it() {
    struct Failing(World);
    impl Machine for Failing {
        type Error = &'static str;
        fn partition(&self, slot: Slot) -> Disk {
            self.0.partition(slot)
        }
        fn place(&self, slot: Slot) -> Place {
            self.0.place(slot)
        }
        fn write(&mut self, slot: Slot, at: u64, bytes: &[u8]) -> Result<(), Self::Error> {
            self.0.write(slot, at, bytes)
        }
        fn flush(&mut self, slot: Slot) -> Result<(), Self::Error> {
            self.0.flush(slot)
        }
        fn read(&mut self, slot: Slot, at: u64, length: usize) -> Result<Vec<u8>, Self::Error> {
            let mut bytes = self.0.read(slot, at, length)?;
            bytes[7] ^= 1;
            Ok(bytes)
        }
        fn variable(&mut self, _: &str) -> Result<Option<Vec<u8>>, Self::Error> {
            Ok(None)
        }
        fn set_variable(&mut self, name: &str, content: Option<&[u8]>) -> Result<(), Self::Error> {
            self.0.set_variable(name, content)
        }
        fn note(&mut self, text: &str) -> Result<(), Self::Error> {
            self.0.note(text)
        }
        fn set_floor(&mut self, generation: u64) -> Result<(), Self::Error> {
            self.0.set_floor(generation)
        }
        fn restart(&mut self) -> Result<(), Self::Error> {
            Err("no restart")
        }
    }
    let mut failing = Failing(installed());
    let steps = update::apply(&failing.0.facts(Slot::A, OLD), &system(NEW)).unwrap();
    let failure = carry_out(&mut failing, &steps, NEW).unwrap_err();
    assert_eq!(failure, Failure::Differs { slot: Slot::B, at: BODY });
    assert!(failure.to_string().contains("the disk is failing"));
    assert_eq!(failing.0.kept.start(SIGNED).unwrap().0, Slot::A);
    let kept = carry_out(&mut failing, &[Step::SetNext(3)], &[]).unwrap_err();
    assert_eq!(kept, Failure::Variable("BootNext".to_owned()));
    assert_eq!(carry_out(&mut failing, &[Step::Restart], &[]), Err(Failure::Machine("no restart")));
}
