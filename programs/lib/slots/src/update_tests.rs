//! Plans of every command in every state, as text.

use super::*;

fn system(generation: u64) -> System {
    System { version: format!("{generation}.0"), generation, digest: format!("{generation:02}") }
}

fn facts() -> Facts {
    Facts {
        running: Slot::A,
        system: system(1),
        other: None,
        entries: [Some(0xa0), Some(0xa1)],
        order: vec![0xa0, 0xa1, 3],
        next: None,
        journal: None,
        floor: 1,
    }
}

fn journal(progress: Progress, attempt: u8) -> Option<Journal> {
    Some(Journal { progress, slot: Slot::B, system: system(2), attempt, reason: None })
}

/// The steps, a line each; of a journal only how far it is.
fn text(steps: &[Step]) -> String {
    let line = |step: &Step| match step {
        Step::Note(journal) => {
            format!(
                "note {}{}",
                journal.progress,
                journal.reason.as_ref().map_or(String::new(), |why| format!(": {why}"))
            )
        }
        step => format!("{step:?}"),
    };
    steps.iter().map(line).collect::<Vec<_>>().join(", ")
}

#[test]
fn an_update_writes_the_other_slot_and_has_it_tried_once() {
    let expected = "note writing, Erase(B), WriteBody(B), VerifyBody(B), WriteHead(B), VerifySlot(B), note ready, \
                    SetNext(161), note armed, Restart";
    assert_eq!(text(&apply(&facts(), &system(2)).unwrap()), expected);
    let prepared = Facts { next: Some(0xa1), ..facts() };
    assert!(text(&apply(&prepared, &system(2)).unwrap()).starts_with("ClearNext, note writing, "));
    let bare = Facts { entries: [None, None], order: vec![0xa0, 7], ..facts() };
    let steps = text(&apply(&bare, &system(2)).unwrap());
    assert!(
        steps.contains("SetEntry(A, 161), SetEntry(B, 162), SetOrder([161, 162, 160, 7]), SetNext(162)"),
        "{steps}"
    );
}

#[test]
fn what_is_refused_says_why() {
    let refused = |facts: &Facts, generation| apply(facts, &system(generation)).unwrap_err().to_string();
    assert_eq!(refused(&facts(), 1), "1.0 runs already");
    let higher = Facts { floor: 3, ..facts() };
    assert_eq!(refused(&higher, 2), "the system has generation 2, and none below 3 may run here any more");
    let on_trial = Facts { running: Slot::B, ..facts() };
    assert!(refused(&on_trial, 2).contains("is on trial"));
    assert!(rollback(&on_trial).is_err());
    assert_eq!(rollback(&facts()).unwrap_err().to_string(), "slot B holds no whole system to go back to");
    let old = Facts { other: Some(system(0)), ..facts() };
    assert_eq!(rollback(&old), Err(Refusal::Floor { generation: 0, floor: 1 }));
}

#[test]
fn a_start_knows_what_came_before_it() {
    let at = |running, system: System, journal, next| {
        text(&at_start(&Facts { running, system, journal, next, other: Some(self::system(2)), ..facts() }))
    };
    assert_eq!(at(Slot::A, system(1), None, None), "");
    assert_eq!(at(Slot::B, system(2), journal(Progress::Armed, 1), None), "note trial");
    assert_eq!(at(Slot::B, system(2), journal(Progress::Armed, 1), Some(0xa1)), "ClearNext, note trial");
    assert_eq!(at(Slot::A, system(1), journal(Progress::Armed, 1), None), "note armed, SetNext(161), Restart");
    assert_eq!(at(Slot::A, system(1), journal(Progress::Armed, 2), None), "note failed: it did not start, twice");
    assert_eq!(
        at(Slot::A, system(1), journal(Progress::Trial, 1), None),
        "note failed: it started, and did not become healthy"
    );
    assert_eq!(at(Slot::A, system(2), journal(Progress::Trial, 1), None), "RaiseFloor(2), note confirmed");
    for done in [Progress::Writing, Progress::Ready, Progress::Confirmed, Progress::Failed] {
        assert_eq!(at(Slot::A, system(1), journal(done, 1), None), "");
    }
}

#[test]
fn a_healthy_trial_becomes_what_starts() {
    let trial = Facts { running: Slot::B, system: system(2), journal: journal(Progress::Trial, 1), ..facts() };
    assert_eq!(text(&confirm(&trial, Ok(()))), "SetOrder([161, 160, 3]), RaiseFloor(2), note confirmed");
    assert_eq!(text(&confirm(&trial, Err("sshd is down".to_owned()))), "note failed: sshd is down, Restart");
    assert_eq!(text(&confirm(&facts(), Err("sshd is down".to_owned()))), "");
    assert_eq!(text(&confirm(&facts(), Ok(()))), "");
    let dropped = Facts { entries: [Some(0xa0), None], order: vec![0xa0], ..facts() };
    assert_eq!(text(&confirm(&dropped, Ok(()))), "SetEntry(B, 161), SetOrder([160, 161])");
}

#[test]
fn going_back_writes_no_slot() {
    let two = Facts { other: Some(system(1)), system: system(2), ..facts() };
    assert_eq!(text(&rollback(&two).unwrap()), "SetOrder([161, 160, 3]), Restart");
}
