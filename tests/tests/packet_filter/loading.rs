//! What a load does to what was there before, and what can be in its way.

use std::fs;

use super::{directory, run};

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
    "$OURS" lockdown
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
        let file = format!("nft: {}.nft: the file defines no table and does not flush", at / 2 + 1);
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
