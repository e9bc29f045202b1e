//! A ruleset as a batch of messages.

use super::attribute::Attributes;
use super::expression;
use super::message::{APPEND, Batch, CREATE, Kind};
use super::number::{self, VERDICT};
use super::user_data;
use crate::field::Field;
use crate::linearize::{self, Anonymous};
use crate::resolve::{KeyOrder, bounds};
use crate::ruleset::{Chain, Data, DataType, Element, Set, Table};
use crate::types;

/// NFT_SET_ELEM_INTERVAL_END
const END: u32 = 1;
/// The attributes of a message stay below this; one attribute can have 64 KiB.
const MAX_ATTRIBUTES: usize = 32 << 10;

/// All messages that load the tables; with `flush`, the first ones remove everything else.
pub fn ruleset(tables: &[Table], flush: bool) -> Batch {
    let mut batch = Batch::default();
    if flush {
        batch.add(Kind::DelTable, 0, 0, &[], "flush ruleset".to_owned());
    }
    for table in tables {
        write_table(&mut batch, table);
    }
    batch
}

/// `table inet filter`
fn name_of(table: &Table) -> String {
    format!("table {} {}", table.family.name(), table.name)
}

fn write_table(batch: &mut Batch, table: &Table) {
    let family = table.family.number();
    let mut to = Attributes::default();
    to.text(1, &table.name).u32(2, u32::from(table.dormant));
    if let Some(comment) = &table.comment {
        to.put(6, &user_data::text(user_data::COMMENT, comment));
    }
    batch.add(Kind::NewTable, CREATE, family, &to.bytes, name_of(table));
    for chain in &table.chains {
        let about = format!("chain {} in {}", chain.name, name_of(table));
        batch.add(Kind::NewChain, CREATE, family, &chain_attributes(table, chain).bytes, about);
    }
    let mut next = 0;
    let mut ids = Vec::new();
    for set in &table.sets {
        next += 1;
        ids.push((set.name.clone(), next));
        write_set(batch, table, (set, &[]), &set.name, next);
    }
    let id = |name: &str| ids.iter().find(|(known, _)| known == name).map_or(0, |(_, id)| *id);
    for chain in &table.chains {
        for (number, rule) in chain.rules.iter().enumerate() {
            let linear = linearize::rule(rule, &table.sets, &id, &mut next);
            for Anonymous { id, set, fields } in &linear.sets {
                let name = if set.data.is_some() { "__map%d" } else { "__set%d" };
                write_set(batch, table, (set, fields), name, *id);
            }
            let mut to = Attributes::default();
            to.text(1, &table.name).text(2, &chain.name);
            to.nest(4, |to| expression::write_all(to, &linear.expressions));
            if let Some(comment) = &rule.comment {
                to.put(7, &user_data::text(user_data::COMMENT, comment));
            }
            let about = format!("rule {} of chain {} in {}", number + 1, chain.name, name_of(table));
            batch.add(Kind::NewRule, CREATE | APPEND, family, &to.bytes, about);
        }
    }
}

fn chain_attributes(table: &Table, chain: &Chain) -> Attributes {
    let mut to = Attributes::default();
    to.text(1, &table.name).text(3, &chain.name);
    if let Some(hook) = &chain.base {
        to.text(7, &hook.kind);
        if let Some(accept) = hook.accept {
            to.u32(5, u32::from(accept));
        }
        to.nest(4, |to| {
            to.u32(1, hook.number).u32(2, hook.priority as u32);
        });
    }
    if let Some(comment) = &chain.comment {
        to.put(12, &user_data::text(user_data::COMMENT, comment));
    }
    to
}

fn flags(set: &Set) -> u32 {
    [
        (set.anonymous, number::set::ANONYMOUS),
        (set.constant, number::set::CONSTANT),
        (set.interval, number::set::INTERVAL),
        (set.data.is_some(), number::set::MAP),
        (set.timeouts, number::set::TIMEOUT),
        (set.dynamic, number::set::EVAL),
        (set.interval && set.key.len() > 1, number::set::CONCAT),
    ]
    .iter()
    .filter(|(is, _)| *is)
    .map(|(_, flag)| flag)
    .sum()
}

/// A set and its elements; `fields` are the fields that an anonymous set is compared with.
fn write_set(batch: &mut Batch, table: &Table, (set, fields): (&Set, &[Field]), name: &str, id: u32) {
    let padded = |bytes: usize| if set.key.len() > 1 { bytes.next_multiple_of(4) } else { bytes };
    let length: usize = set.key.iter().map(|key| padded(key.loaded)).sum();
    // Six bits for each type.
    let types = set.key.iter().fold(0u32, |types, key| types << 6 | key.of.kind().id);
    let elements = set_elements(set);
    let mut to = Attributes::default();
    to.text(1, &table.name).text(2, name).u32(3, flags(set)).u32(4, types).u32(5, length as u32);
    match set.data {
        Some(DataType::Verdict) => {
            to.u32(6, VERDICT).u32(7, 0);
        }
        Some(DataType::Value(of)) => {
            to.u32(6, of.kind().id).u32(7, of.kind().bytes as u32);
        }
        None => {}
    }
    to.u32(10, id);
    if set.memory {
        to.u32(8, 1);
    }
    let size = match (set.anonymous, set.interval && set.key.len() == 1) {
        (false, _) => set.size,
        (true, false) => Some(set.elements.len() as u32),
        (true, true) => Some(set.elements.len() as u32 * 2 + 1),
    };
    let lengths: Vec<usize> =
        if set.interval && set.key.len() > 1 { set.key.iter().map(|key| key.loaded).collect() } else { Vec::new() };
    if size.is_some() || !lengths.is_empty() {
        to.nest(9, |to| description(to, size, &lengths));
    }
    if let Some(timeout) = set.timeout {
        to.u64(11, timeout);
    }
    if let Some(interval) = set.gc_interval {
        to.u32(12, interval);
    }
    to.put(13, &user_data::set(set, fields));
    for statement in &set.statements {
        let counter = crate::expression::Expression::Counter { packets: 0, bytes: 0 };
        if matches!(statement, crate::ruleset::Statement::Counter { .. }) {
            to.nest(17, |to| expression::write(to, &counter));
        }
    }
    let family = table.family.number();
    let about = match set.anonymous {
        true => format!("a set in {}", name_of(table)),
        false => format!("set {name} in {}", name_of(table)),
    };
    batch.add(Kind::NewSet, CREATE, family, &to.bytes, about.clone());
    for part in elements {
        let mut to = Attributes::default();
        to.text(1, &table.name).text(2, name).u32(4, id).nest(3, |to| to.bytes = part);
        batch.add(Kind::NewElements, CREATE, family, &to.bytes, format!("elements of {about}"));
    }
}

fn description(to: &mut Attributes, size: Option<u32>, fields: &[usize]) {
    if let Some(size) = size {
        to.u32(1, size);
    }
    if !fields.is_empty() {
        to.nest(2, |to| {
            for field in fields {
                to.nest(1, |to| {
                    to.u32(1, *field as u32);
                });
            }
        });
    }
}

/// The elements, split into lists that fit into one message.
fn set_elements(set: &Set) -> Vec<Vec<u8>> {
    let mut parts = Vec::new();
    let mut part = Attributes::default();
    let mut number = 0;
    for element in attributes_of_elements(set) {
        if part.bytes.len() + element.bytes.len() > MAX_ATTRIBUTES {
            parts.push(std::mem::take(&mut part.bytes));
            number = 0;
        }
        number += 1;
        part.nest(number, |to| to.bytes = element.bytes);
    }
    if !part.bytes.is_empty() {
        parts.push(part.bytes);
    }
    parts
}

fn attributes_of_elements(set: &Set) -> Vec<Attributes> {
    if !set.interval || set.key.len() > 1 {
        return set.elements.iter().map(|element| element_attributes(set, element)).collect();
    }
    let Some(key) = set.key.first() else { return Vec::new() };
    let text = key.of.is_text();
    let end = |value: &[u8]| {
        let mut to = Attributes::default();
        to.u32(3, END);
        expression::write_value(&mut to, 1, &types::to_kernel(value, KeyOrder::of(key, true), text));
        to
    };
    let edges: Vec<(Vec<u8>, Vec<u8>)> =
        set.elements.iter().filter_map(|element| element.key.first()).map(bounds).collect();
    let mut all = Vec::new();
    if edges.first().is_some_and(|(low, _)| low.iter().any(|byte| *byte != 0)) {
        all.push(end(&vec![0; key.bytes]));
    }
    for (at, (element, (_, high))) in set.elements.iter().zip(&edges).enumerate() {
        let mut to = element_attributes(set, element);
        let after = types::successor(high);
        let mut user = element_user_data(element);
        if after.is_none() {
            user.extend(user_data::number(user_data::ELEMENT_FLAGS, 1));
        }
        if !user.is_empty() {
            to.put(6, &user);
        }
        all.push(to);
        // A constant set can omit an end where the next interval begins; other sets change in pieces.
        let next = edges.get(at + 1).map(|(low, _)| low).filter(|_| set.anonymous);
        if let Some(after) = after.filter(|after| next != Some(after)) {
            all.push(end(&after));
        }
    }
    all
}

fn element_user_data(element: &Element) -> Vec<u8> {
    element.comment.as_ref().map(|comment| user_data::text(user_data::COMMENT, comment)).unwrap_or_default()
}

/// One element. For interval sets the caller writes the user data, because it adds more.
fn element_attributes(set: &Set, element: &Element) -> Attributes {
    let mut to = Attributes::default();
    let (low, high): (Vec<Vec<u8>>, Vec<Vec<u8>>) = element.key.iter().map(bounds).unzip();
    expression::write_value(&mut to, 1, &linearize::key_bytes(set, &low));
    if set.interval && set.key.len() > 1 {
        expression::write_value(&mut to, 10, &linearize::key_bytes(set, &high));
    }
    match (&element.data, set.data) {
        (Some(Data::Verdict(verdict)), _) => expression::write_verdict(&mut to, 2, verdict),
        (Some(Data::Value(value)), Some(of)) => expression::write_value(&mut to, 2, &linearize::data_bytes(of, value)),
        _ => {}
    }
    if let Some(timeout) = element.timeout {
        to.u64(4, timeout);
    }
    for statement in &element.statements {
        if let crate::ruleset::Statement::Counter { packets, bytes } = statement {
            let counter = crate::expression::Expression::Counter { packets: *packets, bytes: *bytes };
            to.nest(7, |to| expression::write(to, &counter));
        }
    }
    let single_intervals = set.interval && set.key.len() == 1;
    let user = element_user_data(element);
    if !single_intervals && !user.is_empty() {
        to.put(6, &user);
    }
    to
}
