//! Named and anonymous sets and maps.

use base::findings::{Finding, Findings, Span, some_of};

use super::scope::{Scope, collect, finding};
use super::value::Wanted;
use crate::ast::{self, ElementData, Placed, PlacedTerm, Term};
use crate::ruleset::{Data, DataType, Element, KeyType, Operand, Pattern, Set, Statement, Verdict};
use crate::types::{self, Type};

/// The largest key in bytes; the kernel's own limit.
const MAX_KEY_BYTES: usize = 64;

impl Scope<'_> {
    /// A named set.
    pub(super) fn set(&self, set: &ast::Set, wrong: &mut Findings) -> Option<Set> {
        let before = wrong.len();
        let mut resolved = Set {
            name: set.name.it.clone(),
            timeout: set.timeout,
            gc_interval: set.gc_interval.map(|ms| ms.min(u64::from(u32::MAX)) as u32),
            size: set.size,
            memory: set.memory,
            auto_merge: set.auto_merge,
            comment: set.comment.clone(),
            timeouts: set.timeout.is_some(),
            ..Set::default()
        };
        if set.counter {
            resolved.statements.push(Statement::Counter { packets: 0, bytes: 0 });
        }
        for flag in &set.flags {
            match flag.it.as_str() {
                "constant" => resolved.constant = true,
                "interval" => resolved.interval = true,
                "timeout" => resolved.timeouts = true,
                "dynamic" => resolved.dynamic = true,
                other => wrong.push(Finding::new(
                    flag.at,
                    format!("`{other}` is not a set flag"),
                    "expected: constant, dynamic, interval, timeout",
                )),
            }
        }
        resolved.key = set.key.iter().filter_map(|name| collect(key_type(name), wrong)).collect();
        if set.key.is_empty() {
            let remedy = "write type TYPE, one of: ";
            let remedy = format!("{remedy}{}", Type::names_of_sets());
            wrong.push(Finding::new(set.name.at, "a set needs a type", remedy));
        }
        resolved.data = collect(data_type(set), wrong).flatten();
        collect(fits(&resolved.key, set.name.at), wrong);
        if wrong.len() > before {
            return None;
        }
        let wanted: Vec<Wanted> = resolved.key.iter().map(|key| Wanted::of_type(key.of)).collect();
        for element in &set.elements {
            if let Err(finding) = self.element(element, &wanted, &mut resolved) {
                wrong.push(finding);
            }
        }
        if let Err(finding) = arrange(&mut resolved, set.name.at) {
            wrong.push(finding);
        }
        (wrong.len() == before).then_some(resolved)
    }

    /// An anonymous set; `data` if it is a map.
    pub(super) fn anonymous(
        &self,
        elements: &[ast::Element],
        operand: &Operand,
        data: Option<DataType>,
        at: Span,
    ) -> Result<Set, Finding> {
        let key: Vec<KeyType> = operand.fields.iter().map(|field| KeyType::of_field(*field)).collect();
        fits(&key, at)?;
        let mut set = Set { key, data, anonymous: true, constant: true, ..Set::default() };
        let wanted: Vec<Wanted> = operand.fields.iter().map(|field| Wanted::field(*field)).collect();
        // Its elements show whether it needs intervals.
        set.interval = true;
        for element in elements {
            self.element(element, &wanted, &mut set)?;
        }
        let is_value = |pattern: &Pattern| matches!(pattern, Pattern::Value(_));
        set.interval = !set.elements.iter().all(|element| element.key.iter().all(is_value));
        if set.interval && set.key.iter().any(|key| key.shift > 0) {
            return finding(
                at,
                "ranges of fields smaller than a byte are not supported",
                "write the values one by one",
            );
        }
        set.auto_merge = set.interval && data.is_none();
        arrange(&mut set, at)?;
        set.auto_merge = false;
        Ok(set)
    }

    /// Adds an element; if it is itself a set, from a definition, adds all its elements.
    fn element(&self, element: &ast::Element, wanted: &[Wanted], set: &mut Set) -> Result<(), Finding> {
        if let Term::Set(inner) = &element.key.it {
            if element.data.is_none() && element.timeout.is_none() {
                return inner.iter().try_for_each(|inner| self.element(inner, wanted, set));
            }
        }
        let parts = match &element.key.it {
            Term::Concat(parts) => &parts[..],
            _ => std::slice::from_ref(&element.key),
        };
        if parts.len() != wanted.len() {
            let what = format!("{} values for a key of {}", parts.len(), wanted.len());
            return finding(element.key.at, what, "as many values as types, with `.` between them");
        }
        let mut key = Vec::new();
        for (part, wanted) in parts.iter().zip(wanted) {
            let pattern = self.pattern(part, *wanted)?;
            if !set.interval && !matches!(pattern, Pattern::Value(_)) {
                return finding(part.at, "this set has no intervals", "add `interval` to the flags of the set");
            }
            key.push(pattern);
        }
        let at = element.key.at;
        if (element.timeout.is_some()) && !set.timeouts {
            return finding(at, "elements of this set have no timeout", "add `timeout` to the flags of the set");
        }
        if element.counter.is_some() && set.statements.is_empty() {
            return finding(at, "elements of this set have no counter", "write `counter` in the set");
        }
        let counter = element.counter.map(|(packets, bytes)| Statement::Counter { packets, bytes });
        set.elements.push(Element {
            key,
            data: self.data(element, set.data)?,
            timeout: element.timeout,
            expires: None,
            comment: element.comment.clone(),
            statements: counter.into_iter().collect(),
        });
        Ok(())
    }

    fn data(&self, element: &ast::Element, data: Option<DataType>) -> Result<Option<Data>, Finding> {
        match (&element.data, data) {
            (None, None) => Ok(None),
            (Some(ElementData::Verdict(verdict)), Some(DataType::Verdict)) => {
                self.known_chain(verdict)?;
                Ok(Some(Data::Verdict(verdict.verdict.clone())))
            }
            (Some(ElementData::Value(value)), Some(DataType::Value(of))) => {
                Ok(Some(Data::Value(self.value(value, Wanted::of_type(of))?)))
            }
            (None, Some(_)) => finding(element.key.at, "an element of a map needs a value", "write KEY : VALUE"),
            (Some(_), None) => finding(element.key.at, "this is not a map", "remove `:` and the value after it"),
            (Some(ElementData::Value(value)), Some(DataType::Verdict)) => finding(
                value.at,
                "this is not a verdict",
                "expected: accept, drop, continue, return, jump CHAIN, goto CHAIN",
            ),
            (Some(ElementData::Verdict(verdict)), Some(DataType::Value(_))) => {
                finding(verdict.at, "this map has values, not verdicts", "write a value")
            }
        }
    }

    /// The chain of a verdict must exist, as far as the file shows.
    pub(super) fn known_chain(&self, verdict: &ast::Verdict) -> Result<(), Finding> {
        let (Verdict::Jump(name) | Verdict::Goto(name)) = &verdict.verdict else { return Ok(()) };
        if self.closed && !self.chains.contains(name) {
            let remedy = format!("chains of this table: {}", some_of(self.chains.iter().map(String::as_str)));
            return finding(verdict.at, format!("no chain `{name}`"), remedy);
        }
        Ok(())
    }

    /// A named set, for a key of certain types.
    pub(super) fn named(&self, name: &str, operand: &Operand, at: Span) -> Result<&Set, Finding> {
        let Some(set) = self.sets.get(name) else {
            let remedy = match self.sets.is_empty() {
                true => "the file defines no set in this table; sets in the kernel are not used".to_owned(),
                false => format!("sets of this table: {}", some_of(self.sets.keys().map(String::as_str))),
            };
            return finding(at, format!("no set `{name}`"), remedy);
        };
        let wanted: Vec<Type> = operand.fields.iter().map(|field| field.of()).collect();
        let found: Vec<Type> = set.key.iter().map(|key| key.of).collect();
        if wanted != found {
            let names = |types: &[Type]| types.iter().map(|of| of.kind().name).collect::<Vec<_>>().join(" . ");
            let what = format!("`{name}` has keys of {}, not of {}", names(&found), names(&wanted));
            return finding(at, what, "compare values of the same type");
        }
        Ok(set)
    }
}

/// Whether a key is short enough.
fn fits(key: &[KeyType], at: Span) -> Result<(), Finding> {
    match key.iter().map(|key| key.loaded.next_multiple_of(4)).sum::<usize>() {
        ..=MAX_KEY_BYTES => Ok(()),
        bytes => finding(
            at,
            format!("the values of a key have {bytes} bytes, more than {MAX_KEY_BYTES}"),
            "use fewer fields, or compare them in two steps",
        ),
    }
}

fn key_type(name: &Placed<String>) -> Result<KeyType, Finding> {
    match Type::named(&name.it) {
        Some(of) => Ok(KeyType::of_type(of)),
        None => {
            let remedy = format!("expected: {}", Type::names_of_sets());
            finding(name.at, format!("`{}` is not a type of a set", name.it), remedy)
        }
    }
}

fn data_type(set: &ast::Set) -> Result<Option<DataType>, Finding> {
    match (&set.data[..], set.is_map) {
        ([], false) => Ok(None),
        ([], true) => {
            finding(set.name.at, "a map needs the type of its values", "write type KEY : verdict, or another type")
        }
        ([name, ..], false) => finding(name.at, "a set has no values", "write map instead of set"),
        ([name], true) if name.it == "verdict" => Ok(Some(DataType::Verdict)),
        ([name], true) => match Type::named(&name.it) {
            Some(of) => Ok(Some(DataType::Value(of))),
            None => finding(
                name.at,
                format!("`{}` is not a type", name.it),
                format!("expected: verdict, {}", Type::names_of_sets()),
            ),
        },
        ([_, second, ..], true) => finding(second.at, "a map has one value per key", "write a single type after `:`"),
    }
}

/// The first and last value of a pattern.
pub fn bounds(pattern: &Pattern) -> (Vec<u8>, Vec<u8>) {
    match pattern {
        Pattern::Value(value) => (value.clone(), value.clone()),
        Pattern::Range(low, high) => (low.clone(), high.clone()),
        Pattern::Prefix(value, bits) => {
            let mask = types::mask(*bits, value.len());
            let last = value.iter().zip(mask).map(|(byte, mask)| byte | !mask).collect();
            (value.clone(), last)
        }
    }
}

/// The shortest notation for the range from the first to the last value.
pub fn pattern(low: Vec<u8>, high: Vec<u8>, prefixes: bool) -> Pattern {
    if low == high {
        return Pattern::Value(low);
    }
    let inverse: Vec<u8> = low.iter().zip(&high).map(|(low, high)| !(low ^ high)).collect();
    let bits = types::prefix_of(&inverse).filter(|bits| {
        let mask = types::mask(*bits, low.len());
        prefixes
            && low.iter().zip(&mask).all(|(byte, mask)| byte & !mask == 0)
            && high.iter().zip(&mask).all(|(byte, mask)| byte | mask == 0xff)
    });
    match bits {
        Some(bits) => Pattern::Prefix(low, bits),
        None => Pattern::Range(low, high),
    }
}

/// Sorts the elements of an interval set, and makes sure that no value is in two of them.
fn arrange(set: &mut Set, at: Span) -> Result<(), Finding> {
    if !set.interval || set.key.len() != 1 {
        return Ok(());
    }
    let first = |element: &Element| element.key.first().map(bounds).unwrap_or_default();
    set.elements.sort_by_cached_key(first);
    let prefixes = set.key[0].of.has_prefixes_in_sets();
    let mut arranged: Vec<Element> = Vec::new();
    for element in std::mem::take(&mut set.elements) {
        let (low, high) = first(&element);
        let Some(last) = arranged.last_mut() else {
            arranged.push(element);
            continue;
        };
        let (last_low, last_high) = first(last);
        let same = (last_low == low) && (last_high == high);
        let touches = low <= last_high || types::successor(&last_high).is_some_and(|next| next == low);
        if set.auto_merge && touches {
            last.key = vec![pattern(last_low, last_high.max(high), prefixes)];
        } else if low <= last_high && !(same && set.data.is_none()) {
            return finding(
                at,
                "intervals of this set overlap",
                "remove one of them, or add `auto-merge` to a named set",
            );
        } else if !same {
            arranged.push(element);
        }
    }
    set.elements = arranged;
    Ok(())
}

/// The elements of a map or set in braces, or the name of one.
pub(super) enum Source<'a> {
    Elements(&'a [ast::Element]),
    Named(&'a str),
}

/// The notation of a set.
pub(super) fn source(expr: &PlacedTerm) -> Result<Source<'_>, Finding> {
    match &expr.it {
        Term::Set(elements) => Ok(Source::Elements(elements)),
        Term::Named(name) => Ok(Source::Named(name)),
        _ => finding(expr.at, "this is not a map", "expected: { KEY : VALUE, … }, @NAME"),
    }
}
