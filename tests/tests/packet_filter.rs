//! `nft` of pkgs/nft and the original understand the same rulesets alike.
//!
//! Every file of `rulesets/nft` is loaded by each of them in a network namespace, and listed by both: as JSON and as text. What
//! is in `rulesets/nft-broken` is refused by ours, with its place. Needs the original, and the right to make network namespaces;
//! says so and passes where one is missing, but not where `CI` is set.
#![expect(clippy::disallowed_methods, reason = "runs programs as a user does")]
#![expect(clippy::unwrap_used, reason = "all of this is test code")]

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;
use std::sync::OnceLock;

use camino::{Utf8Path, Utf8PathBuf};
use serde_json::Value;
use tempfile::TempDir;

fn root() -> Utf8PathBuf {
    Utf8Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Our program, built for this machine; what was compiled is kept.
fn ours() -> &'static Utf8Path {
    static PROGRAM: OnceLock<Utf8PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let target = Utf8Path::new(env!("CARGO_TARGET_TMPDIR")).join("nft");
        let status = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--locked", "--manifest-path"])
            .arg(root().join("pkgs/nft/Cargo.toml"))
            .env("CARGO_TARGET_DIR", &target)
            .status()
            .unwrap();
        assert!(status.success(), "pkgs/nft is compiled");
        target.join("debug/nft")
    })
}

/// Files of a folder with rulesets.
fn rulesets(folder: &str) -> Vec<Utf8PathBuf> {
    let folder = Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("rulesets").join(folder);
    let mut files: Vec<Utf8PathBuf> = folder.read_dir_utf8().unwrap().map(|entry| entry.unwrap().into_path()).collect();
    files.sort();
    files
}

/// The ruleset that the image ships.
fn shipped() -> Utf8PathBuf {
    root().join("hardening/3-network/nftables.conf")
}

/// The rulesets that are compared: the one that the image ships, and those made for it.
fn understood() -> Vec<Utf8PathBuf> {
    [vec![shipped()], rulesets("nft")].concat()
}

/// How to run a script in a network namespace of its own, or why that cannot be.
fn namespace() -> Result<Vec<&'static str>, String> {
    let version = Command::new("nft")
        .arg("--version")
        .output()
        .map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    // Others print some things otherwise.
    if !version.is_ok_and(|version| version.starts_with("nftables v1.0.6 ")) {
        return Err("there is no nft of nftables 1.0.6, whose output is known here".to_owned());
    }
    for unshare in [vec!["unshare", "--net"], vec!["unshare", "--net", "--map-root-user"]] {
        let tried = Command::new(unshare[0]).args(&unshare[1..]).args(["nft", "list", "ruleset"]).output();
        if tried.is_ok_and(|output| output.status.success()) {
            return Ok(unshare);
        }
    }
    Err("there is no right to make network namespaces".to_owned())
}

/// The same; `None`, with the reason on standard error, where that cannot be.
fn namespace_or_skip() -> Option<Vec<&'static str>> {
    namespace()
        .inspect_err(|why| {
            eprintln!("skipped: {why}");
            assert!(std::env::var_os("CI").is_none(), "in CI this is not skipped");
        })
        .ok()
}

/// Runs a script; `None` where that cannot be.
fn run(script: &str, directory: &Utf8Path) -> Option<()> {
    let unshare = namespace_or_skip()?;
    let status = Command::new(unshare[0])
        .args(&unshare[1..])
        .args(["sh", "-eu", "-c", script])
        .env("OURS", ours())
        .current_dir(directory)
        .status()
        .unwrap();
    assert!(status.success(), "the script ran to its end");
    Some(())
}

fn directory() -> (TempDir, Utf8PathBuf) {
    let directory = tempfile::Builder::new().prefix("ashlar-nft-").tempdir().unwrap();
    let path = Utf8Path::from_path(directory.path()).unwrap().to_owned();
    (directory, path)
}

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

/// Accounts that are no UTF-8 keep nothing from being loaded, and the machine from being closed least of all.
#[test]
fn damaged_accounts_are_in_nobodys_way() {
    const SCRIPT: &str = r#"
unshare --mount sh -eu -c '
    for file in passwd group; do
        mount --bind damaged /etc/$file
    done
    "$OURS" -f accounts.nft
    "$OURS" list ruleset > listed
    # Not even without any of it.
    mount -t tmpfs none /etc
    mkdir /etc/passwd
    "$OURS" close
'
nft list ruleset > closed
"#;
    let (_guard, directory) = directory();
    fs::write(directory.join("damaged"), b"root:x:0:0:root:/root:/bin/sh\njos\xe9:x:7:7:Jos\xe9:/:/bin/sh\n").unwrap();
    let text = "table inet t {\n\tchain c {\n\t\tmeta skuid \"root\" accept\n\t}\n}\n";
    fs::write(directory.join("accounts.nft"), text).unwrap();
    let Some(()) = run(SCRIPT, &directory) else { return };
    let read = |name: &str| fs::read_to_string(directory.join(name)).unwrap();
    assert!(read("listed").contains("meta skuid 0 accept"), "{}", read("listed"));
    assert_eq!(read("closed").matches("policy drop").count(), 3, "{}", read("closed"));
}

/// As with the original, a file that asks for nothing is no mistake; ours says so.
#[test]
fn a_file_of_nothing_changes_nothing() {
    const SCRIPT: &str = r#"
nft add table inet t
for file in *.nft; do
    nft -f $file
    for check in "" -c; do
        "$OURS" $check -f $file 2>> said
    done
done
nft list ruleset > after
"#;
    let (_guard, directory) = directory();
    for (number, text) in [(1, ""), (2, "# Nothing\n\n"), (3, "define A = 1\n")] {
        fs::write(directory.join(format!("{number}.nft")), text).unwrap();
    }
    let Some(()) = run(SCRIPT, &directory) else { return };
    let read = |name: &str| fs::read_to_string(directory.join(name)).unwrap();
    assert_eq!(read("after"), "table inet t {\n}\n");
    let said = read("said");
    assert_eq!(said.lines().count(), 6);
    for (at, line) in said.lines().enumerate() {
        let file = format!("nft: {}.nft: neither a table nor `flush ruleset` is in it", at / 2 + 1);
        assert!(line.starts_with(&file), "{line}");
    }
}

/// What was loaded before stays when loading fails: the language's mistakes, and the kernel's refusals in the midst of a batch.
#[test]
fn a_failing_load_leaves_the_old_ruleset() {
    const SCRIPT: &str = r#"
"$OURS" -f old.nft
nft list ruleset > before
"$OURS" -f wrong.nft 2> wrong.said && exit 1
"$OURS" -f refused.nft 2> refused.said && exit 1
"$OURS" -c -f good.nft
nft list ruleset > after
"#;
    let (_guard, directory) = directory();
    let write = |name: &str, text: &str| fs::write(directory.join(name), text).unwrap();
    write(
        "old.nft",
        "flush ruleset\ntable inet old {\n\tset a {\n\t\ttype mark\n\t\telements = { 1 }\n\t}\n\tchain c { accept; }\n}\n",
    );
    write("wrong.nft", "flush ruleset\ntable inet new {\n\tchain c { tcp port 22; }\n}\n");
    // The language has nothing against it, but such a chain exists nowhere.
    write("refused.nft", "table inet old {\n\tchain d { accept; }\n\tchain e { jump nowhere; }\n}\n");
    write("good.nft", "flush ruleset\ntable inet new {\n\tchain c { accept; }\n}\n");
    let Some(()) = run(SCRIPT, &directory) else { return };
    let read = |name: &str| fs::read_to_string(directory.join(name)).unwrap();
    assert!(read("before").contains("table inet old"));
    assert_eq!(read("before"), read("after"));
    assert!(
        read("wrong.said").starts_with("wrong.nft:2:") || read("wrong.said").starts_with("wrong.nft:3:"),
        "{}",
        read("wrong.said")
    );
    assert!(read("refused.said").contains("rule 1 of chain e in table inet old"), "{}", read("refused.said"));
}

/// One file after the other, without `flush ruleset` between them: what the second does not say stays as the first said it.
#[test]
fn a_second_load_changes_what_it_says() {
    const SCRIPT: &str = r#"
load() {
    nft flush ruleset
    for number in 1 2 3; do
        "$1" -f $number.nft
        nft list ruleset >> "$2"
    done
}
load "$OURS" ours
load nft original
"#;
    let (_guard, directory) = directory();
    for (number, flags, policy) in [(1, "flags dormant; ", " policy drop;"), (2, "", ""), (3, "", " policy accept;")] {
        let text = format!(
            "table inet sleeping {{ {flags}}}\n\
             table inet t {{\n\tchain c {{\n\t\ttype filter hook input priority 0;{policy}\n\t\tcounter\n\t}}\n}}\n"
        );
        fs::write(directory.join(format!("{number}.nft")), text).unwrap();
    }
    let Some(()) = run(SCRIPT, &directory) else { return };
    let read = |name: &str| fs::read_to_string(directory.join(name)).unwrap();
    assert_eq!(read("ours"), read("original"));
    let policies: Vec<bool> = read("ours")
        .lines()
        .filter_map(|line| line.strip_prefix("\t\ttype"))
        .map(|line| line.contains("drop"))
        .collect();
    assert_eq!(policies, [true, true, false]);
}

/// A machine between two others lets nothing in, out or through when it is closed, but speaks with itself.
#[test]
fn closed_is_closed() {
    const SCRIPT: &str = r#"
unshare --net sleep 60 & one=$!
unshare --net sleep 60 & two=$!
trap 'kill $one $two' EXIT
own=$(readlink /proc/self/ns/net)
for other in $one $two; do
    while [ "$(readlink /proc/$other/ns/net)" = "$own" ]; do sleep 0.1; done
done
at() { where=$1; shift; nsenter --net=/proc/$where/ns/net "$@"; }
ip link set lo up
echo 1 > /proc/sys/net/ipv4/ip_forward
number=1
for other in $one $two; do
    ip link add e$number type veth peer name inside netns $other
    ip address add 10.$number.0.1/24 dev e$number
    ip link set e$number up
    at $other ip address add 10.$number.0.2/24 dev inside
    at $other ip link set inside up
    at $other ip route add default via 10.$number.0.1
    number=$((number + 1))
done
# Nobody listens there: whoever is reached says so at once.
try() {
    address=$1; shift
    "$@" timeout 1 bash -c "exec 3<>/dev/tcp/$address/9" 2>&1 | grep -q refused && echo reached || echo nothing
}
probe() {
    echo "out $(try 10.1.0.2 env)"
    echo "in $(try 10.1.0.1 at $one)"
    echo "through $(try 10.2.0.2 at $one)"
    echo "itself $(try 127.0.0.1 env)"
}
probe > open
"$OURS" close
probe > closed
nft list ruleset > listed
"#;
    let (_guard, directory) = directory();
    let Some(()) = run(SCRIPT, &directory) else { return };
    let read = |name: &str| fs::read_to_string(directory.join(name)).unwrap();
    assert_eq!(read("open"), "out reached\nin reached\nthrough reached\nitself reached\n");
    assert_eq!(read("closed"), "out nothing\nin nothing\nthrough nothing\nitself reached\n");
    insta::assert_snapshot!("packet_filter_closed", read("listed"));
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
    insta::assert_snapshot!("packet_filter_broken", all);
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
