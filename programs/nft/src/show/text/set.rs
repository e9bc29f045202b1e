//! Sets and maps.

use super::statement::{element, statement};
use crate::ruleset::{DataType, Family, Set};
use crate::show::Style;
use crate::show::value::duration;
use crate::types::Type;

/// A named set, as a block.
pub fn named(style: Style<'_>, set: &Set) -> String {
    let mut lines = vec![types(set)];
    // A constant set has no policy, and does not grow.
    if set.memory && !set.constant {
        lines.push("policy memory".to_owned());
    }
    if let Some(size) = set.size.filter(|_| !set.constant) {
        lines.push(format!("size {size}"));
    }
    // A timeout of the set implies the flag.
    let limited = set.timeouts && set.timeout.is_none();
    if set.constant || set.interval || set.dynamic || limited {
        let flags = [
            (set.constant, "constant"),
            (set.dynamic, "dynamic"),
            (set.interval, "interval"),
            (set.timeouts, "timeout"),
        ];
        let flags: Vec<&str> = flags.iter().filter(|(is, _)| *is).map(|(_, name)| *name).collect();
        lines.push(format!("flags {}", flags.join(",")));
    }
    for each in &set.statements {
        let stateless = Style { stateless: true, ..style };
        lines.push(statement(stateless, Family::Inet, each));
    }
    if set.auto_merge {
        lines.push("auto-merge".to_owned());
    }
    if let Some(timeout) = set.timeout {
        lines.push(format!("timeout {}", duration(timeout)));
    }
    if let Some(interval) = set.gc_interval {
        lines.push(format!("gc-interval {}", duration(u64::from(interval))));
    }
    if let Some(comment) = &set.comment {
        lines.push(format!("comment \"{comment}\""));
    }
    if !set.elements.is_empty() {
        lines.push(format!("elements = {{ {} }}", elements(style, set)));
    }
    let word = if set.data.is_some() { "map" } else { "set" };
    format!("\t{word} {} {{\n\t\t{}\n\t}}\n", set.name, lines.join("\n\t\t"))
}

fn types(set: &Set) -> String {
    let key: Vec<&str> = set.key.iter().map(|key| key.of.kind().name).collect();
    let key = key.join(" . ");
    match set.data {
        None => format!("type {key}"),
        Some(DataType::Verdict) => format!("type {key} : verdict"),
        Some(DataType::Value(of)) => format!("type {key} : {}", of.kind().name),
    }
}

/// Elements per line, as in the original.
fn per_line(set: &Set) -> usize {
    match &set.key[..] {
        [key] => match key.of {
            Type::Service | Type::Mark | Type::Protocol | Type::NfProto => 5,
            Type::PacketType | Type::CtState | Type::Uid | Type::Gid => 5,
            Type::Ipv4 => 2,
            _ => 1,
        },
        _ => 1,
    }
}

fn elements(style: Style<'_>, set: &Set) -> String {
    let all: Vec<String> = set.elements.iter().map(|of| element(style, set, of)).collect();
    let lines: Vec<String> = all.chunks(per_line(set)).map(|line| line.join(", ")).collect();
    lines.join(",\n\t\t\t     ")
}
