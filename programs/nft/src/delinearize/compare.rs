//! Comparisons: the field in a register, and the values it is compared with.

use super::{Change, Loaded, Reader, What};
use crate::expression::{Compare, Expression, Register};
use crate::field::{Base, Field, Header, PARTS, Part};
use crate::ruleset::{Op, Operand, Pattern, Right, Statement};
use crate::types::{self, Order};

impl Reader<'_> {
    /// The header at a base, as far as the rule has determined it.
    fn header(&self, base: Base) -> Option<Header> {
        match base {
            Base::Link => Some(Header::Ether),
            Base::Network => self.context.network,
            Base::Transport => match self.context.transport {
                Some(number) => Header::transport(number),
                None => Some(Header::Transport),
            },
        }
    }

    /// The whole field in a register, and its mask.
    pub(super) fn field(&self, from: Register) -> Option<(Field, Option<Change>, bool)> {
        let Some(Loaded::Field { what, mask, big }) = self.registers.get(&from) else { return None };
        match what {
            What::Field(field) => Some((*field, mask.clone(), *big)),
            What::Bytes { base, offset, len } => {
                let header = self.header(*base)?;
                let there =
                    |part: &&Part| part.header == header && part.first_byte() == *offset && part.loaded_bytes() == *len;
                let mut candidates = PARTS.iter().filter(there);
                match mask {
                    None => candidates.find(|part| !part.is_partial()).map(|part| (Field::Part(part), None, *big)),
                    Some((bits, _)) => {
                        let part = candidates.find(|part| !part.is_partial() || part_mask(part) == *bits)?;
                        let mask = mask.clone().filter(|_| !part.is_partial());
                        Some((Field::Part(part), mask, *big))
                    }
                }
            }
        }
    }

    pub(super) fn compare(&mut self, how: Compare, from: Register, data: &[u8], next: Option<&Expression>) -> usize {
        if let (
            Compare::GreaterOrEqual,
            Some(Expression::Compare { how: Compare::LessOrEqual, from: second, data: high }),
        ) = (how, next)
        {
            if *second == from {
                let statement = self.range(from, Op::Equal, data, high);
                self.push_or_unknown(statement, "cmp");
                return 2;
            }
        }
        let op = match how {
            Compare::Equal => Op::Equal,
            Compare::Unequal => Op::Unequal,
            Compare::Less => Op::Less,
            Compare::LessOrEqual => Op::LessOrEqual,
            Compare::Greater => Op::Greater,
            Compare::GreaterOrEqual => Op::GreaterOrEqual,
        };
        match self.field(from) {
            Some((field, mask, big)) => {
                let statement = settle(field, mask, big, op, data);
                self.push_or_unknown(statement, "cmp");
            }
            None => self.bytes(from, op, data),
        }
        1
    }

    /// Bytes that cover several fields of a header, or the beginning of one.
    fn bytes(&mut self, from: Register, op: Op, data: &[u8]) {
        let Some(Loaded::Field { what: What::Bytes { base, offset, len }, mask: None, .. }) = self.registers.get(&from)
        else {
            return self.push(Statement::Unknown("cmp".to_owned()));
        };
        let mut offset = *offset;
        let parts = self
            .header(*base)
            .map(|header| PARTS.iter().filter(move |part| part.header == header && !part.is_partial()));
        let (Some(parts), true) = (parts, *len as usize == data.len()) else {
            return self.push(Statement::Unknown("payload".to_owned()));
        };
        let mut found = Vec::new();
        let mut rest = data;
        while !rest.is_empty() {
            let part = parts.clone().find(|part| part.first_byte() == offset);
            let Some(part) = part else { break };
            let bytes = part.loaded_bytes() as usize;
            let pattern = if bytes <= rest.len() {
                Pattern::Value(rest[..bytes].to_vec())
            } else if found.is_empty() && part.of.has_prefixes() {
                let mut value = rest.to_vec();
                value.resize(bytes, 0);
                Pattern::Prefix(value, rest.len() as u32 * 8)
            } else {
                break;
            };
            rest = rest.get(bytes..).unwrap_or_default();
            offset += bytes as u32;
            let operand = Operand { fields: vec![Field::Part(part)], mask: None };
            found.push(Statement::Match(operand, op, Right::One(pattern)));
        }
        // `a != 1 b != 2` is not the same as `a . b != 1 . 2`.
        let fits = rest.is_empty() && (op == Op::Equal || (op == Op::Unequal && found.len() == 1));
        match fits {
            true => found.into_iter().for_each(|statement| self.push(statement)),
            false => self.push(Statement::Unknown("payload".to_owned())),
        }
    }

    pub(super) fn range(&self, from: Register, op: Op, low: &[u8], high: &[u8]) -> Option<Statement> {
        let (field, mask, big) = self.field(from)?;
        let whole = mask.is_none() && low.len() == field.bytes() && high.len() == field.bytes();
        let order = if big { Order::Big } else { field.order() };
        let value = |bytes: &[u8]| types::from_kernel(bytes, order, field.of().is_text());
        let pattern = Pattern::Range(value(low), value(high));
        whole.then(|| Statement::Match(Operand { fields: vec![field], mask: None }, op, Right::One(pattern)))
    }

    /// Several fields, concatenated.
    pub(super) fn operand(&self, from: Register, count: usize) -> Option<Operand> {
        let mut operand = Operand { fields: Vec::new(), mask: None };
        let mut register = from;
        for _ in 0..count {
            let (field, mask, _) = self.field(register)?;
            if let Some((mask, xor)) = mask {
                if count > 1 || xor.iter().any(|byte| *byte != 0) {
                    return None;
                }
                operand.mask = Some(types::from_kernel(&mask, field.order(), field.of().is_text()));
            }
            operand.fields.push(field);
            register = Register(register.0 + (field.bytes() as u32).div_ceil(4));
        }
        Some(operand)
    }
}

/// The kernel's mask for a field smaller than a byte.
fn part_mask(part: &Part) -> Vec<u8> {
    let len = part.loaded_bytes() as usize;
    types::of_number(((1u64 << part.bits.min(63)) - 1) << part.shift().min(63), len)
}

/// A comparison as a person would write it.
fn settle(field: Field, mask: Option<Change>, big: bool, op: Op, data: &[u8]) -> Option<Statement> {
    let text = field.of().is_text();
    let order = if big { Order::Big } else { field.order() };
    let operand = |mask| Operand { fields: vec![field], mask };
    let one = |mask, op, pattern| Some(Statement::Match(operand(mask), op, Right::One(pattern)));
    if let Field::Part(part) = field {
        if part.is_partial() {
            let number = types::number(data).filter(|_| data.len() == part.loaded_bytes() as usize)?;
            return one(None, op, Pattern::Value(types::of_number(number >> part.shift(), field.bytes())));
        }
    }
    if text && data.len() < field.bytes() && !data.is_empty() {
        let mut value = data.to_vec();
        value.resize(field.bytes(), 0);
        return one(None, op, Pattern::Prefix(value, data.len() as u32 * 8));
    }
    if data.len() != field.bytes() {
        return None;
    }
    let value = types::from_kernel(data, order, text);
    let Some((mask, xor)) = mask else { return one(None, op, Pattern::Value(value)) };
    if xor.iter().any(|byte| *byte != 0) || mask.len() != value.len() {
        return None;
    }
    let mask = types::from_kernel(&mask, order, text);
    let zero = value.iter().all(|byte| *byte == 0);
    match (op, zero && field.of().is_bits()) {
        (Op::Equal, true) => return one(None, Op::None, Pattern::Value(mask)),
        (Op::Unequal, true) => return one(None, Op::Any, Pattern::Value(mask)),
        _ => {}
    }
    match types::prefix_of(&mask).filter(|_| field.of().has_prefixes()) {
        Some(bits) => one(None, op, Pattern::Prefix(value, bits)),
        None => one(Some(mask), op, Pattern::Value(value)),
    }
}
