//! QEMU's machine protocol: JSON objects, one a line, by which a program presses keys on a machine and takes pictures of its
//! screen. Texts only; the socket is `xtask/src/host/qmp.rs`.

use camino::Utf8Path;
use serde_json::{Value, json};

/// The first command of a conversation; QEMU takes no other before it.
pub fn begin() -> String {
    line(&json!({ "execute": "qmp_capabilities" }))
}

/// Writes a picture of the screen, in PNG.
pub fn screendump(file: &Utf8Path) -> String {
    line(&json!({ "execute": "screendump", "arguments": { "filename": file.as_str(), "format": "png" } }))
}

/// Types `text` and Enter on the keyboard of the United States, one command for each character.
///
/// # Errors
/// The first character that this keyboard has not.
pub fn typed(text: &str) -> Result<Vec<String>, char> {
    let enter = std::iter::once(Ok(press(&["ret"])));
    text.chars().map(|letter| keys(letter).map(|keys| press(&keys)).ok_or(letter)).chain(enter).collect()
}

/// Answers of QEMU. Its greeting, and events that come in between, are not answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The command is done.
    Done,
    /// It is not, for this reason.
    Refused(String),
}

/// The answer in a line; nothing where the line is none.
pub fn answer(line: &str) -> Option<Answer> {
    let value: Value = serde_json::from_str(line).ok()?;
    if let Some(error) = value.get("error") {
        let reason = error.get("desc").and_then(Value::as_str).unwrap_or("it gives no reason");
        return Some(Answer::Refused(reason.to_owned()));
    }
    value.get("return").map(|_| Answer::Done)
}

fn press(keys: &[&str]) -> String {
    let keys: Vec<Value> = keys.iter().map(|key| json!({ "type": "qcode", "data": key })).collect();
    line(&json!({ "execute": "send-key", "arguments": { "keys": keys } }))
}

fn line(value: &Value) -> String {
    format!("{value}\n")
}

/// Characters of keys that are not called after them: without shift, with shift, QEMU's name.
const NAMED: [(char, char, &str); 21] = [
    ('-', '_', "minus"),
    ('=', '+', "equal"),
    ('[', '{', "bracket_left"),
    (']', '}', "bracket_right"),
    (';', ':', "semicolon"),
    ('\'', '"', "apostrophe"),
    ('`', '~', "grave_accent"),
    ('\\', '|', "backslash"),
    (',', '<', "comma"),
    ('.', '>', "dot"),
    ('/', '?', "slash"),
    ('1', '!', "1"),
    ('2', '@', "2"),
    ('3', '#', "3"),
    ('4', '$', "4"),
    ('5', '%', "5"),
    ('6', '^', "6"),
    ('7', '&', "7"),
    ('8', '*', "8"),
    ('9', '(', "9"),
    ('0', ')', "0"),
];

const LETTERS: [&str; 26] = [
    "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q", "r", "s", "t", "u", "v", "w",
    "x", "y", "z",
];

fn keys(letter: char) -> Option<Vec<&'static str>> {
    if letter == ' ' {
        return Some(vec!["spc"]);
    }
    let named = NAMED.iter().find_map(|(plain, shifted, name)| match letter {
        _ if letter == *plain => Some(vec![*name]),
        _ if letter == *shifted => Some(vec!["shift", *name]),
        _ => None,
    });
    let name = LETTERS.iter().find(|name| name.starts_with(letter.to_ascii_lowercase()));
    named.or_else(|| name.map(|name| if letter.is_ascii_uppercase() { vec!["shift", *name] } else { vec![*name] }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_lines_of_json() {
        let typed = typed("a|B c").unwrap().concat();
        insta::assert_snapshot!(begin() + &screendump("/run/a \"b\".png".into()) + &typed);
    }

    #[test]
    fn every_printable_character_has_its_keys() {
        let all: String = (' '..='~').collect();
        let lines = typed(&all).unwrap();
        let different: std::collections::BTreeSet<&String> = lines.iter().collect();
        assert_eq!((lines.len(), different.len()), (96, 96), "two characters are typed by the same keys");
        assert_eq!(typed("a…").unwrap_err(), '…');
        assert_eq!(typed("a\n").unwrap_err(), '\n');
    }

    #[test]
    fn answers_are_told_from_greetings_and_events() {
        assert_eq!(answer("{\"QMP\": {\"version\": {}}}"), None);
        assert_eq!(answer("{\"event\": \"RESET\", \"data\": {}}"), None);
        assert_eq!(answer("{\"return\": {}}"), Some(Answer::Done));
        let refused = answer("{\"error\": {\"class\": \"GenericError\", \"desc\": \"no screen\"}}");
        assert_eq!(refused, Some(Answer::Refused("no screen".to_owned())));
        assert_eq!(answer("garbage"), None);
    }
}
