//! The kernel's rules after ours and after the original, and what both say of them.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use camino::Utf8Path;
use serde_json::Value;

use super::{directory, namespace_or_skip, ours, rulesets, run, shipped, understood};

/// What is compared: without handles, versions, and what time left of a limit. Comments of tables and chains, and a table's flag,
/// are in our JSON; version 1.0.6 of the original forgets the first and takes the family for the second.
fn comparable(text: &str) -> Vec<Value> {
    fn strip(value: &mut Value) {
        match value {
            Value::Object(all) => {
                all.retain(|key, _| key != "handle" && key != "expires");
                all.values_mut().for_each(strip);
            }
            Value::Array(all) => all.iter_mut().for_each(strip),
            _ => {}
        }
    }
    let whole: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error} in {text}"));
    let mut objects = whole["nftables"].as_array().unwrap().clone();
    objects.retain(|object| object.get("metainfo").is_none());
    for object in &mut objects {
        strip(object);
        for kind in ["table", "chain"] {
            if let Some(Value::Object(inside)) = object.get_mut(kind) {
                inside.retain(|key, _| key != "comment" && key != "flags");
            }
        }
    }
    objects
}

/// Text without what time left of a limit.
fn comparable_text(text: &str) -> String {
    let mut words: Vec<&str> = Vec::new();
    for word in text.split(' ') {
        if words.last() == Some(&"expires") {
            words.pop();
            // A comma belongs to the list.
            words.extend(word.find(|c: char| !c.is_ascii_alphanumeric()).map(|end| &word[end..]));
        } else {
            words.push(word);
        }
    }
    words.join(" ")
}

/// Every answer about one file, by who loaded and who listed it.
fn answers(directory: &Utf8Path, name: &str) -> BTreeMap<String, String> {
    let mut answers = BTreeMap::new();
    for loaded in ["ours", "original"] {
        for listed in ["ours", "original"] {
            for form in ["json", "text"] {
                let file = format!("{name}.{loaded}.{listed}.{form}");
                answers.insert(format!("{loaded}.{listed}.{form}"), fs::read_to_string(directory.join(file)).unwrap());
            }
        }
        let said = fs::read_to_string(directory.join(format!("{name}.{loaded}.said"))).unwrap();
        assert_eq!(said, "", "{name} is loaded by {loaded}");
    }
    answers
}

const LOAD_AND_LIST: &str = r#"
list() {
    "$OURS" -j list ruleset > "$1.ours.json"
    "$OURS" list ruleset > "$1.ours.text"
    nft -j list ruleset > "$1.original.json"
    nft list ruleset > "$1.original.text"
}
for file in *.nft; do
    name=${file%.nft}
    nft flush ruleset
    "$OURS" -f "$file" > "$name.ours.said" 2>&1 || echo "exit $?" >> "$name.ours.said"
    list "$name.ours"
    nft flush ruleset
    nft -f "$file" > "$name.original.said" 2>&1 || echo "exit $?" >> "$name.original.said"
    list "$name.original"
done
"#;

#[test]
fn rulesets_are_loaded_and_listed_as_by_the_original() {
    let (_guard, directory) = directory();
    let files = understood();
    assert!(files.len() >= 60);
    for file in &files {
        fs::copy(file, directory.join(format!("{}.nft", file.file_stem().unwrap()))).unwrap();
    }
    let Some(()) = run(LOAD_AND_LIST, &directory) else { return };
    let mut differing = String::new();
    for file in &files {
        let name = file.file_stem().unwrap();
        let answers = answers(&directory, name);
        let wanted = comparable(&answers["original.original.json"]);
        let wanted_text = comparable_text(&answers["original.original.text"]);
        for (who, answer) in &answers {
            if who.ends_with("json") {
                let found = comparable(answer);
                for at in 0..found.len().max(wanted.len()) {
                    let (found, wanted) = (found.get(at), wanted.get(at));
                    if found != wanted {
                        differing.push_str(&format!("{name}, {who}:\n  found  {found:?}\n  wanted {wanted:?}\n"));
                    }
                }
            } else if comparable_text(answer) != wanted_text {
                differing.push_str(&format!("{name}, {who}:\n{answer}\n--- wanted\n{wanted_text}\n"));
            }
        }
    }
    assert!(differing.is_empty(), "loaded by the first, listed by the second:\n{differing}");
}

/// The text that we list is a ruleset, and the same one.
#[test]
fn what_is_listed_can_be_loaded() {
    const SCRIPT: &str = r#"
for file in *.nft; do
    name=${file%.nft}
    nft flush ruleset
    "$OURS" -f "$file"
    "$OURS" -s list ruleset > "$name.first"
    nft flush ruleset
    "$OURS" -f "$name.first"
    "$OURS" -s list ruleset > "$name.second"
done
"#;
    let (_guard, directory) = directory();
    for file in understood() {
        fs::copy(&file, directory.join(format!("{}.nft", file.file_stem().unwrap()))).unwrap();
    }
    let Some(()) = run(SCRIPT, &directory) else { return };
    for file in understood() {
        let read =
            |ending| fs::read_to_string(directory.join(format!("{}.{ending}", file.file_stem().unwrap()))).unwrap();
        assert_eq!(comparable_text(&read("first")), comparable_text(&read("second")), "{file}");
    }
}

/// Nothing of the shipped ruleset is lost between its file and the kernel, and nothing is added: it is written as it is listed.
#[test]
fn the_shipped_ruleset_is_listed_as_it_is_written() {
    let (_guard, directory) = directory();
    fs::copy(shipped(), directory.join("shipped.nft")).unwrap();
    let script = r#""$OURS" -f shipped.nft; "$OURS" -s -t list ruleset > listed"#;
    let Some(()) = run(script, &directory) else { return };
    let text = fs::read_to_string(shipped()).unwrap();
    let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
    let written: Vec<&str> = lines.skip_while(|line| !line.starts_with("table ")).collect();
    assert!(written.len() > 60, "{written:?}");
    let listed = fs::read_to_string(directory.join("listed")).unwrap();
    assert_eq!(listed.trim_end(), written.join("\n"));
}

/// Ours refuses these, and says what is understood instead; so does the original, but where a file is only outside of our part.
#[test]
fn what_is_wrong_is_said_with_its_place() {
    /// In the original's language, but not in ours.
    const OUTSIDE: [&str; 5] = ["chain-twice", "set-typeof", "time-too-long", "unknown-table-family", "netdev-table"];
    let files = rulesets("nft-broken");
    assert!(files.len() >= 40);
    let mut all = String::new();
    for file in &files {
        let output = Command::new(ours())
            .args(["-c", "-f", file.file_name().unwrap()])
            .current_dir(file.parent().unwrap())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1), "{file} is refused");
        all.push_str(std::str::from_utf8(&output.stderr).expect("messages are UTF-8"));
        all.push('\n');
    }
    insta::assert_snapshot!("broken", all);
    let Some(unshare) = namespace_or_skip() else { return };
    let script = "for file in *.nft; do nft -c -f \"$file\" > /dev/null 2>&1 && echo \"${file%.nft}\"; done; true";
    let output = Command::new(unshare[0])
        .args(&unshare[1..])
        .args(["sh", "-c", script])
        .current_dir(files[0].parent().unwrap())
        .output()
        .unwrap();
    let taken = String::from_utf8(output.stdout).unwrap();
    let mut outside = OUTSIDE;
    outside.sort_unstable();
    assert_eq!(taken.lines().collect::<Vec<_>>(), outside, "of these, the original takes those");
}
