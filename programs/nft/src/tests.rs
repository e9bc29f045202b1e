//! Rulesets from text to the kernel's bytes and back; the bytes themselves; damaged ones.

use std::fmt::Write as _;

use base::findings::Source;

use crate::facts::Facts;
use crate::netlink::attribute;
use crate::netlink::message::{Batch, received};
use crate::netlink::write;
use crate::ruleset::{Op, Pattern, Right, Ruleset, Statement};
use crate::show::{self, Style};
use crate::{fake_kernel, list, lockdown, parse, resolve};
use testkit::golden::{assert_matches, input};

fn facts() -> Facts {
    let one = |number, name: &str| (number, name.to_owned());
    Facts { interfaces: vec![one(1, "lo"), one(2, "eth0")], users: vec![one(0, "root")], groups: vec![one(0, "root")] }
}

fn batch(text: &str) -> Result<Batch, String> {
    let source = Source { file: "test", text };
    let file = parse::parse(source).map_err(|found| source.show(&found))?;
    let tables = resolve::resolve(&file, &facts()).map_err(|found| source.show(&found))?;
    Ok(write::ruleset(&tables, file.flush))
}

fn shown(ruleset: &Ruleset) -> (String, String) {
    let facts = facts();
    let style = Style { facts: &facts, stateless: false };
    (show::text::ruleset(style, ruleset), show::json::ruleset(style, ruleset))
}

/// Names and texts of the rulesets that the packet filter tests compare with nftables.
fn rulesets() -> Vec<(String, String)> {
    testkit::repository::files("tests/rulesets/nft").unwrap_or_default()
}

#[test]
fn what_is_shown_is_what_was_written() {
    for (name, text) in rulesets() {
        let first = batch(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        let (once, _) = shown(&list::assemble(&fake_kernel::dump(&first.bytes)));
        assert!(!once.contains("unknown"), "{name}: {once}");
        let second = batch(&once).unwrap_or_else(|error| panic!("{name}: {error}"));
        let (twice, _) = shown(&list::assemble(&fake_kernel::dump(&second.bytes)));
        assert_eq!(once, twice, "{name}");
    }
}

#[test]
fn the_fallback_ruleset_is_valid() {
    let lockdown = batch(lockdown::TEXT).unwrap();
    let (text, _) = shown(&list::assemble(&fake_kernel::dump(&lockdown.bytes)));
    assert_eq!(text.matches("policy drop").count(), 3);
    assert_eq!(text.matches("accept").count(), 2);
}

/// Messages with their attributes, as they are in the batch.
fn annotated(batch: &Batch) -> String {
    let mut text = String::new();
    for message in received(&batch.bytes) {
        let about = (message.sequence as usize).checked_sub(1).and_then(|at| batch.about.get(at));
        let about = about.map_or("batch", String::as_str);
        writeln!(text, "{:#06x} flags {:#06x}: {about}", message.kind, message.flags).unwrap();
        writeln!(text, "  {}", hex(&message.body[..4])).unwrap();
        attributes(&mut text, &message.body[4..], 1);
    }
    text
}

fn attributes(text: &mut String, bytes: &[u8], depth: usize) {
    let mut at = 0;
    for (kind, value) in attribute::read(bytes) {
        let nested = u16::from_ne_bytes([bytes[at + 2], bytes[at + 3]]) & 0x8000 != 0;
        at += (value.len() + 4).next_multiple_of(4);
        let indent = "  ".repeat(depth);
        if nested {
            writeln!(text, "{indent}{kind}:").unwrap();
            attributes(text, value, depth + 1);
        } else {
            let words: String =
                value.iter().map(|byte| if byte.is_ascii_graphic() { char::from(*byte) } else { '.' }).collect();
            writeln!(text, "{indent}{kind}: {}  {words}", hex(value)).unwrap();
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")
}

#[test]
#[cfg(target_endian = "little")]
fn the_bytes_of_a_batch() {
    let mut batch = batch(&input("batch/small.nft")).unwrap();
    batch.acknowledge();
    batch.commit();
    assert_matches("batch/small.txt", &annotated(&batch));
}

/// What the kernel would store, and its listing.
fn loaded(table: &str) -> (Ruleset, String) {
    let batch = batch(&format!("table inet t {{\n{table}}}\n")).unwrap();
    let ruleset = list::assemble(&fake_kernel::dump(&batch.bytes));
    let (text, _) = shown(&ruleset);
    (ruleset, text)
}

#[test]
fn a_star_that_a_name_has_stands_for_nothing_else() {
    let rules =
        "\tchain c {\n\t\tiifname \"dummy\\*\"\n\t\tiifname \"dummy*\"\n\t\tiifname { \"a\\*\", \"b*\" }\n\t}\n";
    let set = "\tset s {\n\t\ttype ifname\n\t\telements = { \"dummy\\*\" }\n\t}\n\n";
    let (ruleset, text) = loaded(&format!("{set}{rules}"));
    assert_eq!(text, format!("table inet t {{\n{set}{rules}}}\n"));
    let compared = |at: usize| match &ruleset.tables[0].chains[0].rules[at].statements[..] {
        [Statement::Match(_, Op::Equal, Right::One(pattern))] => pattern.clone(),
        other => panic!("{other:?}"),
    };
    let name = |text: &str| [text.as_bytes(), &[0; 16]].concat()[..16].to_vec();
    assert_eq!(compared(0), Pattern::Value(name("dummy*")));
    assert_eq!(compared(1), Pattern::Prefix(name("dummy"), 40));
}

#[test]
fn a_set_that_a_rule_changes_is_dynamic() {
    let sets = ["added", "updated", "deleted", "read"]
        .map(|name| format!("\tset {name} {{\n\t\ttype inet_service\n\t\tsize 9\n\t}}\n"));
    let rules = "add @added { tcp dport }; update @updated { tcp dport limit rate 3/minute }; \
                 delete @deleted { tcp dport }; tcp dport @read accept";
    let (ruleset, text) = loaded(&format!("{}\tchain c {{ {rules}; }}\n", sets.concat()));
    let dynamic = |name: &str| ruleset.tables[0].sets.iter().any(|set| set.name == name && set.dynamic);
    assert_eq!(["added", "updated", "deleted", "read"].map(dynamic), [true, true, true, false]);
    assert_eq!(text.matches("flags dynamic").count(), 3);
}

/// As nftables 1.0.6 stores it: without this, it lists other numbers than the set has, or crashes.
#[test]
#[cfg(target_endian = "little")]
fn what_the_numbers_of_a_set_are_is_noted_beside_it() {
    let sets = [
        (
            "ip length . tcp dport { 40 . 22 }",
            "000400000000033a00040d0000000132001a000407000000011200040c000000010405000000040410000000\
             0114000407000000010c000408000000010402000000",
        ),
        (
            "ct zone . meta mark { 1 . 1 }",
            "000400000000032e00040d00000001260014\
             00040c000000010c0004110000000104ffffffff010e0004090000000106000403000000",
        ),
        ("meta iiftype { 1, 2 }", "000401000000030e0004090000000106000408000000"),
        ("fib saddr . iif oif { 1, 2 }", "000401000000031400041a000000010c000401000000010409000000"),
        ("tcp dport vmap { 3 : accept, 4-5 : drop }", "00040200000001040000000004080004010000000100060400000000"),
        ("ip dscp { 1, 2 }", "000402000000"),
    ];
    for (rule, noted) in sets {
        let batch = batch(&format!("table inet t {{ chain c {{ {rule}; }}; }}\n")).unwrap();
        let set = received(&batch.bytes).into_iter().find(|message| message.kind == 0x0a09).unwrap();
        let found = hex(attribute::read(&set.body[4..]).get(13).unwrap());
        assert_eq!(found.replace(' ', ""), noted, "{rule}");
    }
}

#[test]
fn intervals_of_maps_stay_apart() {
    let map = |more: &str| {
        format!(
            "table inet t {{\n\tmap m {{\n\t\ttype ipv4_addr : verdict\n\t\tflags interval\n{more}\
             \t\telements = {{ 10.0.0.0/24 : accept, 10.0.1.0/24 : drop }}\n\t}}\n}}\n"
        )
    };
    assert!(batch(&map("\t\tauto-merge\n")).unwrap_err().contains("a map are not merged"));
    let ruleset = list::assemble(&fake_kernel::dump(&batch(&map("")).unwrap().bytes));
    assert_eq!(ruleset.tables[0].sets[0].elements.len(), 2);
}

#[test]
fn a_large_set_is_divided() {
    let elements: Vec<String> =
        (0..20_000u32).map(|number| format!("10.{}.{}.1", number / 250, number % 250)).collect();
    let text = format!(
        "table inet t {{\n\tset a {{\n\t\ttype ipv4_addr\n\t\telements = {{ {} }}\n\t}}\n}}\n",
        elements.join(", ")
    );
    let batch = batch(&text).unwrap();
    assert!(received(&batch.bytes).iter().all(|message| message.body.len() < 1 << 16));
    let ruleset = list::assemble(&fake_kernel::dump(&batch.bytes));
    assert_eq!(ruleset.tables[0].sets[0].elements.len(), 20_000);
}

#[test]
fn deep_nesting_is_refused() {
    let text = format!("define A = {}1{}\n", "{".repeat(100_000), "}".repeat(100_000));
    assert!(batch(&text).unwrap_err().contains("nested more than"));
    let text = format!("table inet t {{ chain c {{ meta mark {}1 }} }}\n", "(".repeat(100_000));
    assert!(batch(&text).unwrap_err().contains("nested more than"));
}

#[test]
fn definitions_do_not_grow_without_bound() {
    let mut text = "define A0 = { 1, 2 }\n".to_owned();
    for number in 1..60 {
        writeln!(text, "define A{number} = {{ $A{0}, $A{0} }}", number - 1).unwrap();
    }
    assert!(batch(&text).unwrap_err().contains("too large"));
}

#[test]
fn damaged_text_is_refused_without_harm() {
    let all = rulesets();
    testkit::fuzz::repeat(7, crate::FUZZ_ALPHABET, |random| {
        let text = match all.get(random.below(all.len().max(1))) {
            Some((_, text)) => text.as_str(),
            None => lockdown::TEXT,
        };
        let damaged = random.damaged(text.as_bytes());
        if let Ok(batch) = batch(&String::from_utf8_lossy(&damaged)) {
            // An accepted ruleset is listed as an accepted ruleset.
            let (text, _) = shown(&list::assemble(&fake_kernel::dump(&batch.bytes)));
            if !text.contains("unknown") {
                super::tests::batch(&text).unwrap_or_else(|error| panic!("{error}\nof\n{text}"));
            }
        }
    });
}

#[test]
fn damaged_bytes_are_read_without_harm() {
    let all: Vec<Vec<u8>> = rulesets()
        .iter()
        .map(|(_, text)| batch(text).unwrap().bytes)
        .chain([batch(lockdown::TEXT).unwrap().bytes])
        .collect();
    testkit::fuzz::repeat(11, crate::FUZZ_ALPHABET, |random| {
        let bytes = &all[random.below(all.len())];
        let mut damaged = bytes.clone();
        // Lengths stay mostly right, so that the reader gets inside.
        for _ in 0..random.below(12) + 1 {
            let at = random.below(damaged.len());
            damaged[at] = random.below(256) as u8;
        }
        if random.below(4) == 0 {
            damaged = random.damaged(&damaged);
        }
        let (text, json) = shown(&list::assemble(&fake_kernel::dump(&damaged)));
        assert!(!text.contains('\u{1b}') && !json.contains('\u{1b}'));
    });
}
