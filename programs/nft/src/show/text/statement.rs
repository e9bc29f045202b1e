//! Statements, and the elements of sets: each can hold the other.

use super::effect::{limit, log, nat, operations, reject};
use super::term::{is_part, operand_text, pattern, several_bits, value, value_with, verdict};
use crate::field::Field;
use crate::ruleset::{
    Data, DataType, Element, Family, Op, Operand, Pattern, Right, Set, SetUse, Statement, Update, Written,
};
use crate::show::Style;
use crate::show::value::{duration, number_text};

/// A statement.
pub fn statement(style: Style<'_>, family: Family, statement: &Statement) -> String {
    match statement {
        Statement::Match(operand, op, right) => comparison(style, operand, *op, right),
        Statement::Verdict(of) => verdict(of),
        Statement::VerdictMap(operand, set) => {
            format!("{} vmap {}", operand_text(style, operand), used(style, set))
        }
        Statement::Counter { .. } if style.stateless => "counter".to_owned(),
        Statement::Counter { packets, bytes } => format!("counter packets {packets} bytes {bytes}"),
        Statement::Limit(of) => limit(of),
        Statement::Log(of) => log(of),
        Statement::Reject(of) => reject(family, *of),
        Statement::Update(of) => update(style, family, of),
        Statement::Write(field, of) => format!("{} set {}", field.text(), written(style, *field, of)),
        Statement::Nat(of) => nat(style, family, of),
        Statement::NoTrack => "notrack".to_owned(),
        Statement::Unknown(name) => format!("({name})"),
    }
}

fn comparison(style: Style<'_>, operand: &Operand, op: Op, right: &Right) -> String {
    let left = operand_text(style, operand);
    let sign = match op {
        Op::Equal | Op::Any => "",
        Op::Unequal => "!= ",
        Op::Less => "< ",
        Op::LessOrEqual => "<= ",
        Op::Greater => "> ",
        Op::GreaterOrEqual => ">= ",
        Op::None => "! ",
    };
    let pattern = match right {
        Right::Set(set) => {
            let sign = if op == Op::Equal && operand.mask.is_some() { "== " } else { sign };
            return format!("{left} {sign}{}", used(style, set));
        }
        Right::One(pattern) => pattern,
    };
    let Some(field) = operand.fields.first() else { return left };
    let of = field.of();
    match (pattern, &operand.mask) {
        (Pattern::Value(bytes), Some(mask)) if of.is_bits() && several_bits(mask) => {
            let value = value_with(style, of, bytes, ",");
            format!("{} {sign}{value} / {}", field.text(), value_with(style, of, mask, ","))
        }
        (Pattern::Value(_), Some(_)) => {
            let sign = if op == Op::Equal { "== " } else { sign };
            format!("{left} {sign}{}", super::term::pattern(style, of, pattern))
        }
        (Pattern::Value(bytes), None) if matches!(op, Op::Any | Op::None) => {
            format!("{left} {sign}{}", value_with(style, of, bytes, ","))
        }
        // The original prints bits of headers that are compared with `==` as a number.
        (Pattern::Value(bytes), None) if of.is_bits() && (op == Op::Equal || is_part(*field)) => {
            let number = crate::types::number(bytes).unwrap_or(0);
            let text = match (several_bits(bytes), is_part(*field)) {
                (true, true) => number_text(of, number),
                _ => value(style, of, bytes),
            };
            // The original omits `==` before several bits, and then reads its own output as another comparison.
            let sign = if op == Op::Equal { "== " } else { sign };
            format!("{left} {sign}{text}")
        }
        _ => format!("{left} {sign}{}", super::term::pattern(style, of, pattern)),
    }
}

fn update(style: Style<'_>, family: Family, update: &Update) -> String {
    let mut text = format!("{} @{} {{ {}", update.action.name(), update.set, operand_text(style, &update.key));
    if let Some(timeout) = update.timeout {
        text.push_str(&format!(" timeout {}", duration(timeout)));
    }
    // These are the initial counters of each element.
    let stateless = Style { stateless: true, ..style };
    for inner in &update.statements {
        text.push_str(&format!(" {}", statement(stateless, family, inner)));
    }
    text.push_str(" }");
    text
}

fn written(style: Style<'_>, field: Field, written: &Written) -> String {
    match written {
        Written::Value(bytes) => value(style, field.of(), bytes),
        Written::Map(operand, set) => format!("{} map {}", operand_text(style, operand), used(style, set)),
        Written::Field(from, None) => from.text(),
        Written::Field(from, Some((mask, xor))) => {
            let mut text = from.text();
            for (sign, bytes) in operations(mask, xor) {
                text.push_str(&format!(" {sign} {}", value(style, field.of(), &bytes)));
            }
            text
        }
    }
}

/// A set as used in a rule.
fn used(style: Style<'_>, set: &SetUse) -> String {
    match set {
        SetUse::Named(name) => format!("@{name}"),
        SetUse::Anonymous(set) => {
            let all: Vec<String> = set.elements.iter().map(|of| element(style, set, of)).collect();
            format!("{{ {} }}", all.join(", "))
        }
    }
}

/// An element as it is written in its set.
pub fn element(style: Style<'_>, set: &Set, element: &Element) -> String {
    let sides = set.key.iter().zip(&element.key);
    let key: Vec<String> = sides.map(|(key, of)| pattern(style, key.of, of)).collect();
    let mut text = key.join(" . ");
    for each in &element.statements {
        text.push_str(&format!(" {}", statement(style, Family::Inet, each)));
    }
    if let Some(timeout) = element.timeout.filter(|timeout| Some(*timeout) != set.timeout) {
        text.push_str(&format!(" timeout {}", duration(timeout)));
    }
    if let Some(expires) = element.expires.filter(|_| !style.stateless) {
        text.push_str(&format!(" expires {}", duration(expires)));
    }
    if let Some(comment) = &element.comment {
        text.push_str(&format!(" comment \"{comment}\""));
    }
    match (&element.data, set.data) {
        (Some(Data::Verdict(of)), _) => text.push_str(&format!(" : {}", verdict(of))),
        (Some(Data::Value(bytes)), Some(DataType::Value(of))) => {
            text.push_str(&format!(" : {}", value(style, of, bytes)))
        }
        _ => {}
    }
    text
}
