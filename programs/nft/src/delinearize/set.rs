//! Sets: from key bytes back to values, and from the start and end of intervals back to intervals.

use crate::expression::Expression;
use crate::netlink::dump::{RawElement, RawSet};
use crate::netlink::number;
use crate::resolve::{KeyOrder, pattern};
use crate::ruleset::{Data, DataType, Element, KeyType, Operand, Pattern, Set, SetUse, Statement};
use crate::types::{self, Type};

/// A named set; `None` if it is not in the subset.
pub fn named(raw: &RawSet) -> Option<Set> {
    let of_type = |number: &u32| {
        let of = Type::numbered(*number)?;
        (of.kind().bytes > 0 && of != Type::Verdict).then(|| KeyType::of_type(of))
    };
    let key: Option<Vec<KeyType>> = raw.key.iter().map(of_type).collect();
    // Without the statements of its elements it would be another set.
    let unknown = |of: &Expression| matches!(statement_of_element(of), Statement::Unknown(_));
    set(raw, key?).filter(|_| !raw.each.iter().any(unknown))
}

/// Whether the set is anonymous.
pub fn is_anonymous(raw: &RawSet) -> bool {
    raw.flags & number::set::ANONYMOUS != 0
}

/// A set as used in a rule.
pub(super) fn used(raw: &RawSet, operand: &Operand) -> Option<SetUse> {
    if !is_anonymous(raw) {
        return Some(SetUse::Named(raw.name.clone()));
    }
    let key = operand.fields.iter().map(|field| KeyType::of_field(*field)).collect();
    set(raw, key).map(|set| SetUse::Anonymous(Box::new(set)))
}

fn set(raw: &RawSet, key: Vec<KeyType>) -> Option<Set> {
    let padded = |bytes: usize| if key.len() > 1 { bytes.next_multiple_of(4) } else { bytes };
    let length: usize = key.iter().map(|key| padded(key.loaded)).sum();
    let data = match raw.data {
        _ if raw.flags & number::set::OBJECT != 0 => return None,
        Some(number) if raw.flags & number::set::MAP != 0 => Some(data_type(number, raw.data_len)?),
        _ => None,
    };
    if length != raw.key_len as usize || raw.elements.iter().any(|element| element.is_rest) {
        return None;
    }
    let mut set = Set {
        name: raw.name.clone(),
        key,
        data,
        anonymous: is_anonymous(raw),
        constant: raw.flags & number::set::CONSTANT != 0,
        interval: raw.flags & number::set::INTERVAL != 0,
        timeouts: raw.flags & number::set::TIMEOUT != 0,
        dynamic: raw.flags & number::set::EVAL != 0,
        timeout: raw.timeout,
        gc_interval: raw.gc_interval,
        size: raw.size,
        memory: raw.memory,
        auto_merge: raw.auto_merge,
        comment: raw.comment.clone(),
        statements: raw.each.iter().map(statement_of_element).collect(),
        handle: raw.handle,
        elements: Vec::new(),
    };
    set.elements = if set.interval && set.key.len() == 1 { intervals(&set, raw)? } else { singles(&set, raw)? };
    Some(set)
}

/// The values of a key's bytes.
fn values(set: &Set, bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut rest = bytes;
    let mut all = Vec::new();
    for key in &set.key {
        let value = rest.get(..key.loaded)?;
        let value = match key.shift {
            0 => types::from_kernel(value, KeyOrder::of(key, set.interval), key.of.is_text()),
            shift => types::of_number(types::number(value)? >> shift, key.bytes),
        };
        all.push(value);
        let padded = if set.key.len() > 1 { key.loaded.next_multiple_of(4) } else { key.loaded };
        rest = rest.get(padded..).unwrap_or_default();
    }
    Some(all)
}

fn element(set: &Set, raw: &RawElement, key: Vec<Pattern>) -> Option<Element> {
    let data = match (set.data, &raw.verdict, &raw.data) {
        (None, ..) => None,
        (Some(DataType::Verdict), Some(verdict), _) => Some(Data::Verdict(verdict.clone())),
        (Some(DataType::Value(of)), _, Some(data)) if data.len() == of.kind().bytes => {
            Some(Data::Value(types::from_kernel(data, of.kind().order, of.is_text())))
        }
        _ => return None,
    };
    Some(Element {
        key,
        data,
        timeout: raw.timeout,
        expires: raw.expires,
        comment: raw.comment.clone(),
        statements: raw.each.iter().map(statement_of_element).collect(),
    })
}

/// Elements that are values, or ranges over concatenated fields.
fn singles(set: &Set, raw: &RawSet) -> Option<Vec<Element>> {
    let mut all = Vec::new();
    for one in &raw.elements {
        let low = values(set, &one.key)?;
        let high = match &one.key_end {
            Some(end) => values(set, end)?,
            None => low.clone(),
        };
        let sides = set.key.iter().zip(low.into_iter().zip(high));
        let key = sides.map(|(key, (low, high))| pattern(low, high, key.of.has_prefixes_in_sets())).collect();
        all.push((sort_key(set, &one.key), element(set, one, key)?));
    }
    // The kernel tries ranges in this order.
    if !set.interval {
        all.sort_by(|(first, _), (second, _)| first.cmp(second));
    }
    Some(all.into_iter().map(|(_, element)| element).collect())
}

/// Elements are printed in numeric order. Names and concatenations are compared as numbers in the machine's byte order.
fn sort_key(set: &Set, bytes: &[u8]) -> Vec<u8> {
    match &set.key[..] {
        // A value with several bits sorts by its lowest bit.
        [key] if key.of.is_bits() => {
            let number = types::number(&types::from_kernel(bytes, KeyOrder::of(key, set.interval), false)).unwrap_or(0);
            types::of_number(number & number.wrapping_neg(), 8)
        }
        [key] if key.of.is_text() => bytes.iter().rev().copied().collect(),
        [key] => types::from_kernel(bytes, KeyOrder::of(key, set.interval), false),
        keys => {
            let mut rest = bytes;
            let mut unpadded = Vec::new();
            for key in keys {
                unpadded.extend(rest.get(..key.loaded).unwrap_or_default());
                rest = rest.get(key.loaded.next_multiple_of(4)..).unwrap_or_default();
            }
            unpadded.reverse();
            unpadded
        }
    }
}

/// Intervals, from their start and end elements.
fn intervals(set: &Set, raw: &RawSet) -> Option<Vec<Element>> {
    let of = set.key[0].of;
    let mut edges: Vec<(Vec<u8>, bool, &RawElement)> = Vec::new();
    for one in &raw.elements {
        edges.push((values(set, &one.key)?.pop()?, !one.is_end, one));
    }
    // At the same value, an end sorts before a start.
    edges.sort_by(|first, second| (&first.0, first.1).cmp(&(&second.0, second.1)));
    let mut all = Vec::new();
    let mut open: Option<(Vec<u8>, &RawElement)> = None;
    for (value, begins, raw) in edges {
        if let Some((low, from)) = open.take() {
            let high = types::predecessor(&value)?;
            all.push(element(set, from, vec![pattern(low, high, of.has_prefixes_in_sets())])?);
        }
        if begins {
            open = Some((value, raw));
        }
    }
    if let Some((low, from)) = open {
        let high = vec![0xff; low.len()];
        all.push(element(set, from, vec![pattern(low, high, of.has_prefixes_in_sets())])?);
    }
    Some(all)
}

/// The data of a map, by the number of its type.
fn data_type(of: u32, len: u32) -> Option<DataType> {
    if of == number::VERDICT {
        return Some(DataType::Verdict);
    }
    let of = Type::numbered(of)?;
    (of.kind().bytes == len as usize).then_some(DataType::Value(of))
}

/// A statement attached to elements.
pub(super) fn statement_of_element(expression: &Expression) -> Statement {
    match expression {
        Expression::Counter { packets, bytes } => Statement::Counter { packets: *packets, bytes: *bytes },
        Expression::Limit(limit) => Statement::Limit(limit.clone()),
        Expression::Unknown(name) => Statement::Unknown(name.clone()),
        _ => Statement::Unknown("expression".to_owned()),
    }
}
