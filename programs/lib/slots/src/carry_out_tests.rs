//! Updates on a machine that loses power at every moment: what its firmware starts afterwards.

use std::collections::BTreeSet;

use super::*;
use crate::journal::Journal;
use crate::power_loss::{Kept, NEW, OLD, SECTOR, SIGNED, World, crashes, installed, system};
use crate::update::{self, Facts};
use testkit::fuzz::Random;

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

/// An update in each direction, its trial and both verdicts, and a way back: power fails in each of them.
#[test]
#[expect(clippy::print_stdout, reason = "how many states were tried is a figure that people ask for")]
fn a_life_of_updates_survives_a_loss_of_power_at_any_moment() {
    type Decide = fn(&Facts) -> Vec<Step>;
    let update: [Decide; 2] =
        [|facts| update::apply(facts, &system(NEW)).unwrap(), |facts| update::apply(facts, &system(OLD)).unwrap()];
    let (healthy, sick): (Decide, Decide) =
        (|facts| update::confirm(facts, Ok(())), |facts| update::confirm(facts, Err("sick".to_owned())));
    // Whether the machine was started for it, what is decided then, and with which image.
    let life: [(&str, bool, Decide, &[u8]); 9] = [
        ("apply", true, update[0], NEW),
        ("trial", true, update::at_start, &[]),
        ("confirm", false, healthy, &[]),
        ("apply back", false, update[1], OLD),
        ("trial back", true, update::at_start, &[]),
        ("fail", false, sick, &[]),
        ("note the failure", true, update::at_start, &[]),
        ("apply again", false, update[1], OLD),
        ("roll back", false, |facts| update::rollback(facts).unwrap(), &[]),
    ];
    let mut random = Random::new(14, b"x");
    let (mut kept, mut total) = (installed().kept, 0);
    let mut runs = (Slot::A, OLD.to_vec());
    for (name, started, decide, image) in life {
        if started {
            runs = kept.start(SIGNED).unwrap();
        }
        // Going down in generations is what the floor refuses; here it stays where it was.
        kept.floor = 1;
        let mut world = World::of(kept.clone());
        let steps = decide(&world.facts(runs.0, &runs.1));
        carry_out(&mut world, &steps, image).unwrap();
        let states = crashes(&kept, &world.effects, parts(), &mut random);
        println!("{name} in slot {}: {} states", runs.0, states.len());
        total += states.len();
        for state in states {
            let (_, slot, image) = settle(state, true).unwrap_or_else(|| panic!("nothing starts after `{name}`"));
            assert!(SIGNED.contains(&image.as_slice()), "{name}: slot {slot}");
        }
        kept = world.kept;
    }
    println!("{total} states, 0 unbootable");
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
    let mut failing = World { failing: true, ..installed() };
    let steps = update::apply(&failing.facts(Slot::A, OLD), &system(NEW)).unwrap();
    let failure = carry_out(&mut failing, &steps, NEW).unwrap_err();
    assert_eq!(failure, Failure::Differs { slot: Slot::B, at: BODY });
    assert!(failure.to_string().contains("the disk is failing"));
    assert_eq!(failing.kept.start(SIGNED).unwrap().0, Slot::A);
    let kept = carry_out(&mut failing, &[Step::SetNext(3)], &[]).unwrap_err();
    assert_eq!(kept, Failure::Variable("BootNext".to_owned()));
    assert_eq!(carry_out(&mut failing, &[Step::Restart], &[]), Err(Failure::Machine("no restart")));
}
