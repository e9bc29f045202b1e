//! Scenarios as scripts, and answers back to facts.

use std::time::Duration;

use super::*;
use crate::console::facts::Seen;
use crate::console::task::Task;
use crate::console::{Answer, Step};

fn answer(text: &str) -> Answer {
    Answer { text: text.to_owned(), status: 0 }
}

#[test]
fn every_scenario_as_a_script() {
    let mut text = String::new();
    for name in NAMES {
        let scenario = named(name, "6.12.95").unwrap();
        assert_eq!(scenario.name, name);
        text.push_str(&format!("== {name}: {}\n{:?}\n", scenario.summary, scenario.setup));
        for step in scenario.script(Duration::from_secs(180), "ssh-ed25519 AAAA… boot-test").steps {
            match step {
                Step::Outside { task: Task::Commands { user, commands }, within } => {
                    text.push_str(&format!("as {user} within {within:?}:\n  {}\n", commands.join("\n  ")));
                }
                step => text.push_str(&format!("{step:?}\n")),
            }
        }
    }
    insta::assert_snapshot!(text);
}

#[test]
fn no_step_outlives_its_scenario() {
    for name in NAMES {
        let limit = Duration::from_secs(30);
        let script = named(name, "6").unwrap().script(limit, "");
        for step in &script.steps {
            let (Step::Expect { within, .. }
            | Step::Ask { within, .. }
            | Step::Outside { within, .. }
            | Step::End { within }) = step
            else {
                continue;
            };
            assert!(*within <= script.limit, "{name}: {step:?}");
        }
    }
}

#[test]
fn answers_find_their_facts() {
    let scenario = named("reboot", "6").unwrap();
    let answers = ["SSH-2.0-OpenSSH_10.0", "3", "1", "SSH-2.0-OpenSSH_10.0", "still here"].map(answer);
    let lines: Vec<String> = scenario.evaluate(&answers).iter().map(Seen::line).collect();
    assert_eq!(
        lines,
        [
            "ok      SSH banner             SSH-2.0-OpenSSH_10.0",
            "ok      seconds off the clock  3",
            "ok      mark of the first start 1",
            "ok      SSH banner             SSH-2.0-OpenSSH_10.0",
            "FAILED  the mark is gone       expected `gone`, found `still here`",
        ]
    );
    assert_eq!(scenario.evaluate(&[]), []);
}

#[test]
fn unknown_names_are_told() {
    let error = named("uefi-cdrom", "6").unwrap_err().to_string();
    assert!(error.contains("did you mean `uefi-cd`?") && error.contains("bad-services"), "{error}");
}
