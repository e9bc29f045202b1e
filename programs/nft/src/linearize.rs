//! From statements to the kernel's expressions, as nftables does it.

use crate::expression::{
    Compare, Expression, NAT_PORTS, REJECT_ICMP, REJECT_ICMPX, REJECT_RESET, Register, Registers, Target,
};
use crate::field::{Direction, FIB_PRESENT, Field, Part};
use crate::resolve::KeyOrder;
use crate::ruleset::{
    DataType, Nat, NatKind, Op, Operand, Pattern, Reject, Right, Rule, Set, SetUse, Statement, Update, Written,
};
use crate::types::{self, Order, Type};

/// The expressions of a rule, and its anonymous sets.
#[derive(Debug, Default)]
pub struct Linear {
    pub sets: Vec<Anonymous>,
    pub expressions: Vec<Expression>,
}

/// An anonymous set.
#[derive(Debug)]
pub struct Anonymous {
    /// The number that expressions of the same batch use for it.
    pub id: u32,
    pub set: Set,
    /// Its elements.
    pub fields: Vec<Field>,
}

/// The expressions of a rule. Set numbers continue from `next`; named sets are looked up in `sets`.
pub fn rule(rule: &Rule, sets: &[Set], ids: &dyn Fn(&str) -> u32, next: &mut u32) -> Linear {
    let mut line = Line { linear: Linear::default(), sets, ids, next };
    let mut at = 0;
    while let Some(statement) = rule.statements.get(at) {
        let merged = mergeable(&rule.statements[at..]);
        if merged > 1 {
            line.merged(&rule.statements[at..at + merged]);
            at += merged;
        } else {
            line.statement(statement);
            at += 1;
        }
    }
    line.linear
}

/// The field and value of a comparison that can be merged with its neighbours.
fn mergeable_part(statement: &Statement) -> Option<(&'static Part, &[u8])> {
    match statement {
        Statement::Match(Operand { fields, mask: None }, Op::Equal, Right::One(Pattern::Value(value))) => {
            match fields[..] {
                [Field::Part(part)] if !part.is_partial() => Some((part, value)),
                _ => None,
            }
        }
        _ => None,
    }
}

/// How many comparisons, from the first on, match adjacent fields of a header that fit into one register: of four
/// bytes, which the kernel compares fastest, or of sixteen if one of them is longer than four.
fn mergeable(statements: &[Statement]) -> usize {
    let Some((first, _)) = statements.first().and_then(mergeable_part) else { return 1 };
    let (mut count, mut from, mut to, mut longest) = (1, first.offset, first.offset + first.bits, first.bits);
    for statement in &statements[1..] {
        let Some((part, _)) = mergeable_part(statement).filter(|(part, _)| part.header == first.header) else { break };
        longest = longest.max(part.bits);
        let (low, high) = (from.min(part.offset), to.max(part.offset + part.bits));
        let beside = part.offset == to || part.offset + part.bits == from;
        let room = if longest > 32 { 128 } else { 32 };
        if !beside || high - low > room {
            break;
        }
        (from, to) = (low, high);
        count += 1;
    }
    count
}

struct Line<'a> {
    linear: Linear,
    sets: &'a [Set],
    ids: &'a dyn Fn(&str) -> u32,
    next: &'a mut u32,
}

const FIRST: Register = Register::FIRST;

impl Line<'_> {
    fn push(&mut self, expression: Expression) {
        self.linear.expressions.push(expression);
    }

    fn statement(&mut self, statement: &Statement) {
        match statement {
            Statement::Match(operand, op, Right::One(pattern)) => self.comparison(operand, *op, pattern),
            Statement::Match(operand, op, Right::Set(set)) => {
                self.lookup(operand, set, Target::Nowhere, *op == Op::Unequal);
            }
            Statement::VerdictMap(operand, set) => self.lookup(operand, set, Target::Verdict, false),
            Statement::Verdict(verdict) => self.push(Expression::Verdict(verdict.clone())),
            Statement::Counter { packets, bytes } => {
                self.push(Expression::Counter { packets: *packets, bytes: *bytes });
            }
            Statement::Limit(limit) => self.push(Expression::Limit(limit.clone())),
            Statement::Log(log) => self.push(Expression::Log(log.clone())),
            Statement::Reject(reject) => {
                let (kind, code) = match reject {
                    Reject::Icmp(code) | Reject::Icmpv6(code) => (REJECT_ICMP, *code),
                    Reject::Icmpx(code) => (REJECT_ICMPX, *code),
                    Reject::TcpReset => (REJECT_RESET, 0),
                };
                self.push(Expression::Reject { kind, code });
            }
            Statement::Update(update) => self.update(update),
            Statement::Write(field, written) => self.write(*field, written),
            Statement::Nat(nat) => self.nat(nat),
            Statement::NoTrack => self.push(Expression::NoTrack),
            Statement::Unknown(name) => self.push(Expression::Unknown(name.clone())),
        }
    }

    /// Several comparisons merged into one.
    fn merged(&mut self, statements: &[Statement]) {
        let mut parts: Vec<(&Part, &[u8])> = statements.iter().filter_map(mergeable_part).collect();
        parts.sort_by_key(|(part, _)| part.offset);
        let Some((first, _)) = parts.first() else { return };
        let data: Vec<u8> = parts.iter().flat_map(|(_, value)| value.iter().copied()).collect();
        self.push(Expression::Payload {
            base: first.header.base() as u32,
            offset: first.first_byte(),
            len: data.len() as u32,
            to: FIRST,
        });
        self.push(Expression::Compare { how: Compare::Equal, from: FIRST, data });
    }

    /// Loads one field; `big` if the comparison needs its order.
    fn load(&mut self, field: Field, to: Register, big: bool) {
        let len = field.bytes() as u32;
        match field {
            Field::Meta(known) => self.push(Expression::Meta { key: known.key, to }),
            Field::Ct(known) => self.push(Expression::Ct { key: known.key, direction: None, to }),
            Field::Flow(known, direction) => {
                let direction = direction.map(Direction::number);
                self.push(Expression::Ct { key: known.key, direction, to });
            }
            Field::Fib { flags, route } => {
                let present = if field.of() == Type::Boolean { FIB_PRESENT } else { 0 };
                self.push(Expression::Fib { result: route.key(), flags: flags | present, to });
            }
            Field::Part(part) => self.push(Expression::Payload {
                base: part.header.base() as u32,
                offset: part.first_byte(),
                len: part.loaded_bytes(),
                to,
            }),
        }
        if let Field::Part(part) = field {
            if part.is_partial() {
                let len = part.loaded_bytes();
                let mask = shifted(&types::of_number((1 << part.bits) - 1, len as usize), 0, part.shift());
                self.push(Expression::Bitwise { from: to, to, len, mask, xor: vec![0; len as usize] });
            }
        }
        if big && len > 1 && field.order() == Order::Host && !field.of().is_text() {
            self.push(Expression::ToNetwork { from: to, to, len, size: len });
        }
    }

    fn comparison(&mut self, operand: &Operand, op: Op, pattern: &Pattern) {
        let [field] = operand.fields[..] else { return };
        let how = match op {
            Op::Equal | Op::None => Compare::Equal,
            Op::Unequal | Op::Any => Compare::Unequal,
            Op::Less => Compare::Less,
            Op::LessOrEqual => Compare::LessOrEqual,
            Op::Greater => Compare::Greater,
            Op::GreaterOrEqual => Compare::GreaterOrEqual,
        };
        let ordered = !matches!(how, Compare::Equal | Compare::Unequal);
        match pattern {
            Pattern::Value(value) => {
                self.load(field, FIRST, ordered);
                let order = if ordered { Order::Big } else { field.order() };
                let bytes = |value: &[u8]| kernel_value(field, value, order);
                let zero = vec![0; bytes(value).len()];
                let (mask, data) = match op {
                    Op::Any | Op::None => (Some(bytes(value)), zero.clone()),
                    _ => (operand.mask.as_deref().map(bytes), bytes(value)),
                };
                if let Some(mask) = mask {
                    self.push(Expression::Bitwise { from: FIRST, to: FIRST, len: mask.len() as u32, mask, xor: zero });
                }
                self.push(Expression::Compare { how, from: FIRST, data });
            }
            Pattern::Prefix(value, bits) => self.prefix(field, how, value, *bits),
            Pattern::Range(low, high) => {
                self.load(field, FIRST, true);
                if how == Compare::Unequal {
                    self.push(Expression::OutOfRange { from: FIRST, low: low.clone(), high: high.clone() });
                } else {
                    self.push(Expression::Compare { how: Compare::GreaterOrEqual, from: FIRST, data: low.clone() });
                    self.push(Expression::Compare { how: Compare::LessOrEqual, from: FIRST, data: high.clone() });
                }
            }
        }
    }

    /// A prefix: whole bytes are loaded and compared alone.
    fn prefix(&mut self, field: Field, how: Compare, value: &[u8], bits: u32) {
        let whole = bits > 0 && bits % 8 == 0;
        match field {
            Field::Part(part) if whole => {
                let len = bits / 8;
                let base = part.header.base() as u32;
                self.push(Expression::Payload { base, offset: part.first_byte(), len, to: FIRST });
                self.push(Expression::Compare { how, from: FIRST, data: value[..len as usize].to_vec() });
            }
            field if field.of().is_text() => {
                self.load(field, FIRST, false);
                self.push(Expression::Compare { how, from: FIRST, data: value[..(bits / 8) as usize].to_vec() });
            }
            field => {
                self.load(field, FIRST, false);
                let order = field.order();
                let mask = types::to_kernel(&types::mask(bits, value.len()), order, false);
                let len = mask.len() as u32;
                let xor = vec![0; mask.len()];
                self.push(Expression::Bitwise { from: FIRST, to: FIRST, len, mask, xor });
                let data = types::to_kernel(value, order, false);
                self.push(Expression::Compare { how, from: FIRST, data });
            }
        }
    }

    /// Loads all fields of a key into adjacent registers.
    fn key(&mut self, operand: &Operand, big: bool) {
        let mut register = FIRST;
        for field in &operand.fields {
            self.load(*field, register, big);
            register = Register(register.0 + (field.bytes() as u32).div_ceil(4));
        }
        if let (Some(mask), [field]) = (&operand.mask, &operand.fields[..]) {
            let mask = types::to_kernel(mask, field.order(), false);
            let len = mask.len() as u32;
            let xor = vec![0; mask.len()];
            self.push(Expression::Bitwise { from: FIRST, to: FIRST, len, mask, xor });
        }
    }

    fn lookup(&mut self, operand: &Operand, set: &SetUse, to: Target, inverse: bool) {
        let (name, id, interval) = match set {
            SetUse::Named(name) => {
                let interval = self.sets.iter().any(|set| set.name == *name && set.interval);
                (name.clone(), (self.ids)(name), interval)
            }
            SetUse::Anonymous(set) => {
                *self.next += 1;
                let name = if set.data.is_some() { "__map%d" } else { "__set%d" };
                let (set, fields) = ((**set).clone(), operand.fields.clone());
                let interval = set.interval;
                self.linear.sets.push(Anonymous { id: *self.next, set, fields });
                (name.to_owned(), *self.next, interval)
            }
        };
        self.key(operand, interval);
        self.push(Expression::Lookup { set: name, id, from: FIRST, to, inverse });
    }

    fn update(&mut self, update: &Update) {
        self.key(&update.key, false);
        let mut each = Line { linear: Linear::default(), sets: self.sets, ids: self.ids, next: self.next };
        update.statements.iter().for_each(|statement| each.statement(statement));
        let each = each.linear.expressions;
        let (set, action) = (update.set.clone(), update.action as u32);
        self.push(Expression::Update { set, action, key: FIRST, timeout: update.timeout, each });
    }

    fn write(&mut self, field: Field, written: &Written) {
        match written {
            Written::Value(value) => {
                let data = types::to_kernel(value, field.order(), false);
                self.push(Expression::Immediate { to: FIRST, data });
            }
            Written::Field(from, change) => {
                self.load(*from, FIRST, false);
                if let Some((mask, xor)) = change {
                    let mask = types::to_kernel(mask, from.order(), false);
                    let xor = types::to_kernel(xor, from.order(), false);
                    let len = mask.len() as u32;
                    self.push(Expression::Bitwise { from: FIRST, to: FIRST, len, mask, xor });
                }
            }
            Written::Map(key, set) => self.lookup(key, set, Target::Register(FIRST), false),
        }
        match field {
            Field::Meta(known) => self.push(Expression::MetaSet { key: known.key, from: FIRST }),
            Field::Ct(known) => self.push(Expression::CtSet { key: known.key, from: FIRST }),
            _ => {}
        }
    }

    /// Loads new addresses or ports, each into its own register.
    fn immediates(&mut self, pattern: &Option<Pattern>, next: &mut u32) -> Registers {
        let Some(pattern) = pattern else { return (None, None) };
        let (low, high) = crate::resolve::bounds(pattern);
        let single = low == high;
        let mut one = |value: Vec<u8>| {
            let to = Register(*next * 4);
            *next += 1;
            self.push(Expression::Immediate { to, data: value });
            to
        };
        let first = one(low);
        let last = if single { None } else { Some(one(high)) };
        (Some(first), last)
    }

    fn nat(&mut self, nat: &Nat) {
        let mut next = 0;
        let addresses = self.immediates(&nat.addresses, &mut next);
        let ports = self.immediates(&nat.ports, &mut next);
        let flags = nat.flags | if nat.ports.is_some() { NAT_PORTS } else { 0 };
        let family = nat.family.map_or(0, |family| u32::from(family.number()));
        self.push(match nat.kind {
            NatKind::Source => Expression::Nat { kind: 0, family, addresses, ports, flags },
            NatKind::Destination => Expression::Nat { kind: 1, family, addresses, ports, flags },
            NatKind::Masquerade => Expression::Masquerade { ports, flags },
            NatKind::Redirect => Expression::Redirect { ports, flags },
        });
    }
}

/// A value, aligned to the bytes that are loaded for its field.
fn kernel_value(field: Field, value: &[u8], order: Order) -> Vec<u8> {
    match field {
        Field::Part(part) if part.is_partial() => shifted(value, part.loaded_bytes() as usize, part.shift()),
        field => types::to_kernel(value, order, field.of().is_text()),
    }
}

/// A value shifted left by some bits, in `bytes` bytes (or its own length).
pub fn shifted(value: &[u8], bytes: usize, shift: u32) -> Vec<u8> {
    let bytes = if bytes == 0 { value.len() } else { bytes };
    types::of_number(types::number(value).unwrap_or(0) << shift, bytes)
}

/// The bytes of a key, or of the end of a range, for a set with or without intervals.
pub fn key_bytes(set: &Set, values: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let single = set.key.len() == 1;
    for (key, value) in set.key.iter().zip(values) {
        let order = KeyOrder::of(key, set.interval);
        if key.shift > 0 {
            bytes.extend(shifted(value, key.loaded, key.shift));
        } else {
            bytes.extend(types::to_kernel(value, order, key.of.is_text()));
        }
        if !single {
            bytes.resize(bytes.len().next_multiple_of(4), 0);
        }
    }
    bytes
}

/// The bytes of a map's data.
pub fn data_bytes(data: DataType, value: &[u8]) -> Vec<u8> {
    match data {
        DataType::Value(of) => types::to_kernel(value, of.kind().order, of.is_text()),
        DataType::Verdict => Vec::new(),
    }
}
