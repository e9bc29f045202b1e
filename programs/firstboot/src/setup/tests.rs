use super::answers::Answers;
use super::dialogue::{Dialogue, Turn};
use crate::config::Facts;
use crate::plan::plan;
use crate::types::PasswordHash;
use testkit::golden;

fn facts() -> Facts {
    crate::nocloud::facts_of_tests()
}

/// The dialogue as the user sees it: every prompt with the typed line. Effects have fixed results.
fn transcript(facts: Facts, kept: &str, lines: &[&str]) -> (String, Dialogue) {
    let mut dialogue = Dialogue::new(facts.clone(), Answers::from_text(kept, &facts));
    let mut text = String::new();
    let mut say = dialogue.greeting();
    let mut turn = dialogue.turn();
    let mut lines = lines.iter();
    loop {
        if matches!(turn, Turn::Ask { .. }) {
            say.extend(dialogue.introduction());
        }
        for line in say.drain(..) {
            text.push_str(&format!("{line}\n"));
        }
        turn = match turn {
            Turn::Ask { prompt, hidden } => {
                let Some(line) = lines.next() else {
                    text.push_str(&format!("{prompt}\n"));
                    break;
                };
                text.push_str(&format!("{prompt}{}\n", if hidden { "" } else { line }));
                dialogue.answer(line, &mut say)
            }
            Turn::ReadKeys => {
                let keys = format!("# keys\n{}\nssh-rsa AAAA x\n", crate::types::KEY_OF_TESTS);
                dialogue.keys(if kept == "no volume" { Err("no volume".to_owned()) } else { Ok(keys) }, &mut say)
            }
            Turn::Hash(_) => dialogue.hashed(PasswordHash::read(crate::types::HASH_OF_TESTS), &mut say),
            Turn::Apply(config) => {
                for step in plan(&config, &facts).unwrap() {
                    text.push_str(&format!("=> {step}\n"));
                }
                break;
            }
            Turn::Leave => {
                text.push_str("=> left\n");
                break;
            }
        };
    }
    (text, dialogue)
}

fn check(name: &str, kept: &str, lines: &[&str]) {
    let (text, _) = transcript(facts(), kept, lines);
    golden::assert_matches(&format!("setup/{name}.txt"), &text);
}

#[test]
fn the_shortest_way() {
    check("short", "", &["", "anna", crate::types::KEY_OF_TESTS, "", "", "", "", "", "yes"]);
}

#[test]
fn everything_given() {
    let lines = [
        "web.example.org",
        "anna",
        "usb",
        crate::types::KEY_OF_TESTS,
        "",
        "correct horse battery",
        "correct horse battery",
        "192.0.2.10/24",
        "eth1",
        "192.0.2.1",
        "192.0.2.53 2001:db8::53",
        "Europe/Berlin",
        "192.0.2.123 0.pool.ntp.org",
        "yes",
    ];
    check("everything", "", &lines);
}

#[test]
fn every_wrong_answer_says_what_is_right() {
    let lines = [
        "-web-",
        "web",
        "",
        "root",
        "sshd",
        "Anna",
        "anna",
        "hello",
        "ssh-rsa AAAA anna",
        "",
        "",
        "",
        "short",
        "long enough one",
        "long enough two",
        "long enough one",
        "long enough one",
        "192.0.2.300/24",
        "192.0.2.10/24",
        "eth7",
        "eth0",
        "198.51.100.1",
        "192.0.2.10",
        "none",
        "a.b",
        "",
        "Mars/Olympus",
        "UTC",
        "two words;",
        "yes",
        "none",
        "no",
        "9",
        "0",
        "yes",
    ];
    // The second Enter without a key and without a password goes back to the key; then a password is set.
    check("wrong", "", &lines);
}

#[test]
fn going_back_and_changing_a_line() {
    let lines = [
        "back",
        "web",
        "anna",
        "back",
        "bert",
        crate::types::KEY_OF_TESTS,
        "",
        "",
        "192.0.2.10/24",
        "",
        "back",
        "",
        "",
        "",
        "UTC",
        "",
        "back",
        "none",
        "5",
        "dhcp",
        "1",
        "db",
        "yes",
    ];
    check("back", "", &lines);
}

#[test]
fn taking_the_only_key_back_is_noticed() {
    let key = crate::types::KEY_OF_TESTS;
    check(
        "nobody",
        "host=web\nuser=anna\nkeys=done\npassword=none\nnetwork=dhcp\nzone=UTC\nservers=",
        &["yes", key, "", "yes"],
    );
}

#[test]
fn left_and_resumed() {
    let (_, dialogue) = transcript(facts(), "", &["web", "anna", "quit"]);
    let kept = dialogue.answers.to_text();
    assert_eq!(kept, "host=web\nuser=anna\n");
    check("resumed", &kept, &["no volume", "quit"]);
}

#[test]
fn answers_survive_their_text() {
    let lines = [
        "web",
        "anna",
        crate::types::KEY_OF_TESTS,
        "",
        "correct horse battery",
        "correct horse battery",
        "2001:db8::10/64",
        "",
        "fe80::1",
        "",
        "",
        "",
    ];
    let (_, dialogue) = transcript(facts(), "", &lines);
    assert!(dialogue.answers.config(&facts()).is_some());
    assert_eq!(Answers::from_text(&dialogue.answers.to_text(), &facts()), dialogue.answers);
}

#[test]
fn no_line_makes_the_dialogue_panic_or_configure_by_accident() {
    const WORDS: &[&str] = &[
        "",
        "back",
        "quit",
        "usb",
        "none",
        "dhcp",
        "yes",
        "1",
        "4",
        "5",
        "192.0.2.1/24",
        "192.0.2.2",
        "anna",
        "UTC",
        "correct horse battery",
    ];
    testkit::fuzz::repeat(0x7365_7475, crate::FUZZ_ALPHABET, |random| {
        let typed: Vec<String> = (0..random.below(40))
            .map(|_| match random.below(5) {
                0 => String::from_utf8_lossy(&random.bytes(40)).into_owned(),
                1 => crate::types::KEY_OF_TESTS.to_owned(),
                _ => WORDS[random.below(WORDS.len())].to_owned(),
            })
            .collect();
        let lines: Vec<&str> = typed.iter().map(String::as_str).collect();
        let kept = String::from_utf8_lossy(
            &random.damaged(b"host=a\nuser=anna\nkeys=done\npassword=none\nnetwork=dhcp\nzone=UTC\nservers="),
        )
        .into_owned();
        let (text, dialogue) = transcript(facts(), &kept, &lines);
        if text.contains("=> write /etc/passwd") {
            assert!(lines.contains(&"yes"));
            let config = dialogue.answers.config(&facts()).unwrap();
            assert!(config.users.iter().all(|user| !user.keys.is_empty() || user.password.is_some()));
        }
    });
}
