//! What there is, as text and as JSON.

use base::json;
use slots::journal::Journal;
use slots::system::System;
use slots::update::{Facts, Step};

/// What a live system, or one without its state, says.
pub const NOT_INSTALLED: &str =
    "this is not an installed system: it runs from a medium, and `ashlar-install` puts it on a disk";

/// A few lines for people.
pub fn text(facts: &Facts, disk: &str) -> String {
    let Facts { running, system, other, journal, floor, .. } = facts;
    let name =
        |system: &System| format!("Ashlar {}, generation {}, {}", system.version, system.generation, short(system));
    let committed = facts.committed();
    let role = if *running == committed { "starts by default" } else { "on trial" };
    let mut text = format!("slot {running} of {disk}  runs, {role}: {}\n", name(system));
    let other_slot = running.other();
    let held = other.as_ref().map_or_else(|| "holds no whole system".to_owned(), &name);
    let next = facts.next.is_some() && facts.next == facts.entries[other_slot as usize];
    let next = if next { ", is tried at the next start" } else { "" };
    text.push_str(&format!("slot {other_slot} of {disk}  {held}{next}\n"));
    if *floor > 0 {
        text.push_str(&format!("nothing below generation {floor} runs here\n"));
    }
    text.push_str(&journal.as_ref().map_or_else(|| "no update yet\n".to_owned(), last));
    text
}

/// The digest's beginning: enough to tell images apart.
fn short(system: &System) -> &str {
    system.digest.get(..12).unwrap_or(&system.digest)
}

fn last(journal: &Journal) -> String {
    let Journal { progress, slot, system, attempt, reason } = journal;
    let reason = reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}"));
    let attempt = if *attempt > 1 { format!(", attempt {attempt}") } else { String::new() };
    format!("last update: Ashlar {} in slot {slot}, {progress}{attempt}{reason}\n", system.version)
}

/// One object for programs.
pub fn json(facts: &Facts) -> String {
    let system = |system: &System| {
        format!(
            "{{\"version\":{},\"generation\":{},\"authenticode\":{}}}",
            json::quoted(&system.version),
            system.generation,
            json::quoted(&system.digest)
        )
    };
    let other = facts.other.as_ref().map_or_else(|| "null".to_owned(), system);
    let journal = facts.journal.as_ref().map_or_else(
        || "null".to_owned(),
        |journal| {
            format!(
                "{{\"progress\":{},\"slot\":{},\"system\":{},\"attempt\":{},\"reason\":{}}}",
                json::quoted(&journal.progress.to_string()),
                json::quoted(&journal.slot.to_string()),
                system(&journal.system),
                journal.attempt,
                journal.reason.as_ref().map_or_else(|| "null".to_owned(), |reason| json::quoted(reason)),
            )
        },
    );
    format!(
        "{{\"running\":{},\"committed\":{},\"system\":{},\"other\":{other},\"floor\":{},\"update\":{journal}}}\n",
        json::quoted(&facts.running.to_string()),
        json::quoted(&facts.committed().to_string()),
        system(&facts.system),
        facts.floor,
    )
}

/// What a step does; empty for one that nobody needs to hear of.
pub fn step(step: &Step) -> String {
    match step {
        Step::Note(_) => String::new(),
        Step::Erase(slot) => format!("erasing the beginning of slot {slot}"),
        Step::WriteBody(slot) => format!("writing the image into slot {slot}"),
        Step::VerifyBody(_) => "reading it back".to_owned(),
        Step::WriteHead(_) => "writing the beginning".to_owned(),
        Step::VerifySlot(slot) => format!("reading all of slot {slot} back"),
        Step::SetEntry(slot, number) => format!("giving the firmware the entry {number:04X} for slot {slot}"),
        Step::SetOrder(numbers) => {
            let numbers: Vec<String> = numbers.iter().map(|number| format!("{number:04X}")).collect();
            format!("having the firmware start {}", numbers.join(", then "))
        }
        Step::SetNext(number) => format!("having the firmware try {number:04X} at the next start"),
        Step::ClearNext => "taking back what was to be tried".to_owned(),
        Step::RaiseFloor(generation) => format!("from now on nothing below generation {generation} runs here"),
        Step::Restart => "restarting".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use slots::journal::Progress;
    use slots::system::Slot;
    use testkit::golden;

    fn system(version: &str, letter: &str) -> System {
        System { version: version.to_owned(), generation: 1, digest: letter.repeat(64) }
    }

    #[test]
    fn the_status_reads_like_this() {
        let fresh = Facts {
            running: Slot::A,
            system: system("0.1.0", "a"),
            other: None,
            entries: [Some(0xa0), Some(0xa1)],
            order: vec![0xa0, 0xa1],
            next: None,
            journal: None,
            floor: 0,
        };
        let new = system("0.2.0", "b");
        let journal =
            Journal { progress: Progress::Armed, slot: Slot::B, system: new.clone(), attempt: 2, reason: None };
        let armed =
            Facts { other: Some(new), next: Some(0xa1), journal: Some(journal.clone()), floor: 1, ..fresh.clone() };
        let trial = Facts {
            running: Slot::B,
            system: system("0.2.0", "b"),
            other: Some(system("0.1.0", "a")),
            next: None,
            ..armed.clone()
        };
        let failed = Facts { journal: Some(journal.failed("sshd is down")), ..armed.clone() };
        let all = [fresh, armed, trial, failed].map(|facts| format!("{}{}\n", text(&facts, "vda"), json(&facts)));
        golden::assert_matches("status.txt", &all.concat());
    }
}
