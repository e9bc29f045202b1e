//! Sets, maps and values.

use super::rule::{statement, verdict};
use super::tree::Json;
use crate::ruleset::{Data, DataType, Element, Family, Pattern, Set, SetUse, Statement, Table};
use crate::show::Style;
use crate::show::value::{Shown, edge, name, shown};
use crate::types::Type;

/// A named set.
pub fn named(style: Style<'_>, table: &Table, set: &Set) -> Json {
    let types: Vec<Json> = set.key.iter().map(|key| Json::text(key.of.kind().name)).collect();
    let mut all = vec![
        ("family", Json::text(table.family.name())),
        ("name", Json::text(&set.name)),
        ("table", Json::text(&table.name)),
        ("type", Json::one_or_list(types)),
        ("handle", Json::Number(set.handle as i64)),
    ];
    if let Some(comment) = &set.comment {
        all.push(("comment", Json::text(comment)));
    }
    match set.data {
        Some(DataType::Verdict) => all.push(("map", Json::text("verdict"))),
        Some(DataType::Value(of)) => all.push(("map", Json::text(of.kind().name))),
        None => {}
    }
    if set.memory && !set.constant {
        all.push(("policy", Json::text("memory")));
    }
    if let Some(size) = set.size.filter(|_| !set.constant) {
        all.push(("size", Json::Number(i64::from(size))));
    }
    let flags = [(set.constant, "constant"), (set.interval, "interval"), (set.timeouts, "timeout")];
    let flags: Vec<Json> = flags.iter().filter(|(is, _)| *is).map(|(_, name)| Json::text(name)).collect();
    if !flags.is_empty() {
        all.push(("flags", Json::List(flags)));
    }
    if let Some(timeout) = set.timeout {
        all.push(("timeout", seconds(timeout)));
    }
    if let Some(interval) = set.gc_interval {
        all.push(("gc-interval", seconds(u64::from(interval))));
    }
    if !set.elements.is_empty() {
        all.push(("elem", elements(style, set)));
    }
    if !set.statements.is_empty() {
        let stateless = Style { stateless: true, ..style };
        all.push((
            "stmt",
            Json::List(set.statements.iter().map(|each| statement(stateless, Family::Inet, each)).collect()),
        ));
    }
    Json::object(all)
}

/// Times are whole seconds.
pub fn seconds(ms: u64) -> Json {
    Json::Number((ms / 1000) as i64)
}

fn elements(style: Style<'_>, set: &Set) -> Json {
    Json::List(set.elements.iter().map(|of| element(style, set, of)).collect())
}

/// A set as used in a rule.
pub fn used(style: Style<'_>, set: &SetUse) -> Json {
    match set {
        SetUse::Named(name) => Json::Text(format!("@{name}")),
        SetUse::Anonymous(set) => Json::object([("set", elements(style, set))]),
    }
}

fn element(style: Style<'_>, set: &Set, element: &Element) -> Json {
    let sides = set.key.iter().zip(&element.key);
    let mut key: Vec<Json> = sides.map(|(key, of)| pattern(style, key.of, of)).collect();
    let key = match key.len() {
        1 => key.remove(0),
        _ => Json::object([("concat", Json::List(key))]),
    };
    let mut more = Vec::new();
    if let Some(timeout) = element.timeout.filter(|timeout| Some(*timeout) != set.timeout) {
        more.push(("timeout", seconds(timeout)));
    }
    if let Some(expires) = element.expires.filter(|_| !style.stateless) {
        more.push(("expires", seconds(expires)));
    }
    if let Some(comment) = &element.comment {
        more.push(("comment", Json::text(comment)));
    }
    for each in &element.statements {
        match each {
            Statement::Counter { packets, bytes } => more.push(("counter", counter(style, *packets, *bytes))),
            other => more.push(("stmt", statement(style, Family::Inet, other))),
        }
    }
    let key = match more.is_empty() {
        true => key,
        false => {
            let all = std::iter::once(("val", key)).chain(more);
            Json::object([("elem", Json::object(all))])
        }
    };
    match (&element.data, set.data) {
        (Some(Data::Verdict(of)), _) => Json::List(vec![key, verdict(of)]),
        (Some(Data::Value(bytes)), Some(DataType::Value(of))) => Json::List(vec![key, value(style, of, bytes)]),
        _ => key,
    }
}

/// A counter's values, unless they are left out.
pub fn counter(style: Style<'_>, packets: u64, bytes: u64) -> Json {
    match style.stateless {
        true => Json::Null,
        false => Json::object([("packets", Json::Number(packets as i64)), ("bytes", Json::Number(bytes as i64))]),
    }
}

/// A value. Several bits are joined to one word.
pub fn value(style: Style<'_>, of: Type, bytes: &[u8]) -> Json {
    json(shown(style, of, bytes))
}

fn json(shown: Shown) -> Json {
    match shown {
        Shown::Word(word) => Json::Text(word),
        Shown::Number(number) => Json::Number(number as i64),
        Shown::Boolean(is) => Json::Boolean(is),
        Shown::Bits(words) => match words[..] {
            [word] => Json::text(word),
            _ => Json::object([("|", Json::List(words.into_iter().map(Json::text).collect()))]),
        },
    }
}

/// Bits as a list.
pub fn bits(style: Style<'_>, of: Type, bytes: &[u8]) -> Json {
    match shown(style, of, bytes) {
        Shown::Bits(words) => Json::one_or_list(words.into_iter().map(Json::text).collect()),
        _ => value(style, of, bytes),
    }
}

/// A value, a prefix or a range.
pub fn pattern(style: Style<'_>, of: Type, pattern: &Pattern) -> Json {
    match pattern {
        Pattern::Value(bytes) => value(style, of, bytes),
        Pattern::Prefix(bytes, _) if of.is_text() => Json::Text(format!("{}*", name(bytes))),
        Pattern::Prefix(bytes, bits) => {
            let prefix = Json::object([("addr", value(style, of, bytes)), ("len", Json::Number(i64::from(*bits)))]);
            Json::object([("prefix", prefix)])
        }
        Pattern::Range(low, high) => {
            Json::object([("range", Json::List([low, high].map(|bytes| json(edge(style, of, bytes))).into()))])
        }
    }
}
