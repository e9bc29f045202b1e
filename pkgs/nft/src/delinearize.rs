//! From the kernel's instructions back to statements: what is in which register, and what it is compared with.

mod set;

use std::collections::BTreeMap;

pub use set::{is_anonymous, named};

use crate::depend::{self, Context};
use crate::field::{Base, Field, Header, Part, Route, FIB_FLAGS, FIB_PRESENT, PARTS};
use crate::instruction::{Compare, Instruction, Register, Registers, Target, NAT_ADDRESSES, NAT_PORTS};
use crate::netlink::dump::RawSet;
use crate::resolve::has_prefixes;
use crate::ruleset::{
    DataType, Family, Nat, NatKind, Op, Operand, Pattern, Reject, Right, SetUse, Statement, Update, UpdateAction,
    Written,
};
use crate::types::{self, Order};

/// What a register has.
#[derive(Clone, Debug)]
enum Loaded {
    Field { what: What, mask: Option<Change>, big: bool },
    Data(Vec<u8>),
    Map(Operand, SetUse),
}

/// `mask` and `xor` of an instruction on bits.
type Change = (Vec<u8>, Vec<u8>);

/// A field, or bytes of a header that may be one or several.
#[derive(Clone, Copy, Debug)]
enum What {
    Field(Field),
    Bytes { base: Base, offset: u32, len: u32 },
}

/// Statements of a rule. Sets are those of its table.
pub fn rule(family: Family, instructions: &[Instruction], sets: &[RawSet]) -> Vec<Statement> {
    let mut reader = Reader { context: Context::new(family), sets, registers: BTreeMap::new(), statements: Vec::new() };
    let mut at = 0;
    while let Some(instruction) = instructions.get(at) {
        let taken = reader.one(instruction, instructions.get(at + 1));
        at += taken;
    }
    depend::strip(family, reader.statements)
}

struct Reader<'a> {
    context: Context,
    sets: &'a [RawSet],
    registers: BTreeMap<Register, Loaded>,
    statements: Vec<Statement>,
}

impl Reader<'_> {
    fn push(&mut self, statement: Statement) {
        self.context.learn(&statement);
        self.statements.push(statement);
    }

    fn push_or_unknown(&mut self, statement: Option<Statement>, name: &str) {
        self.push(statement.unwrap_or_else(|| Statement::Unknown(name.to_owned())));
    }

    fn load(&mut self, to: Register, what: Option<What>, name: &str) {
        match what {
            Some(what) => drop(self.registers.insert(to, Loaded::Field { what, mask: None, big: false })),
            None => {
                self.registers.remove(&to);
                self.push(Statement::Unknown(name.to_owned()));
            }
        }
    }

    /// Reads one instruction, or two that belong together; says how many.
    fn one(&mut self, instruction: &Instruction, next: Option<&Instruction>) -> usize {
        match instruction {
            Instruction::Meta { key, to } => self.load(*to, Field::meta(*key).map(What::Field), "meta"),
            Instruction::Ct { key, direction, to } => {
                let field = Field::ct(*key).filter(|_| direction.is_none());
                self.load(*to, field.map(What::Field), "ct");
            }
            Instruction::Fib { result, flags, to } => self.load(*to, fib(*result, *flags).map(What::Field), "fib"),
            Instruction::Payload { base, offset, len, to } => {
                let base = [Base::Link, Base::Network, Base::Transport].into_iter().find(|of| *of as u32 == *base);
                let what = base.map(|base| What::Bytes { base, offset: *offset, len: *len });
                self.load(*to, what, "payload");
            }
            Instruction::Bitwise { from, to, mask, xor, .. } => {
                match self.registers.get(from).cloned() {
                    Some(Loaded::Field { what, mask: None, big }) => {
                        let mask = Some((mask.clone(), xor.clone()));
                        self.registers.insert(*to, Loaded::Field { what, mask, big });
                    }
                    _ => self.push(Statement::Unknown("bitwise".to_owned())),
                };
            }
            Instruction::ToNetwork { from, to, .. } => match self.registers.get(from).cloned() {
                Some(Loaded::Field { what, mask, .. }) => {
                    self.registers.insert(*to, Loaded::Field { what, mask, big: true });
                }
                _ => self.push(Statement::Unknown("byteorder".to_owned())),
            },
            Instruction::Immediate { to, data } => drop(self.registers.insert(*to, Loaded::Data(data.clone()))),
            Instruction::Compare { how, from, data } => return self.compare(*how, *from, data, next),
            Instruction::OutOfRange { from, low, high } => {
                let statement = self.range(*from, Op::Unequal, low, high);
                self.push_or_unknown(statement, "range");
            }
            Instruction::Lookup { set, from, to, inverse, .. } => self.lookup(set, *from, *to, *inverse),
            other => self.action(other),
        }
        1
    }

    fn action(&mut self, instruction: &Instruction) {
        let statement = match instruction {
            Instruction::Verdict(verdict) => Statement::Verdict(verdict.clone()),
            Instruction::Counter { packets, bytes } => Statement::Counter { packets: *packets, bytes: *bytes },
            Instruction::Limit(limit) => Statement::Limit(limit.clone()),
            Instruction::Log(log) => Statement::Log(log.clone()),
            Instruction::NoTrack => Statement::NoTrack,
            Instruction::Reject { kind, code } => match self.reject(*kind, *code) {
                Some(reject) => Statement::Reject(reject),
                None => Statement::Unknown("reject".to_owned()),
            },
            Instruction::Update { set, action, key, timeout, each } => {
                let update = self.update(set, *action, *key, *timeout, each);
                return self.push_or_unknown(update, "dynset");
            }
            Instruction::MetaSet { key, from } => {
                let statement = Field::meta(*key).and_then(|field| self.write(field, *from));
                return self.push_or_unknown(statement, "meta");
            }
            Instruction::CtSet { key, from } => {
                let statement = Field::ct(*key).and_then(|field| self.write(field, *from));
                return self.push_or_unknown(statement, "ct");
            }
            Instruction::Nat { kind, family, addresses, ports, flags } => {
                let kind = if *kind == 0 { NatKind::Source } else { NatKind::Destination };
                let family = u8::try_from(*family).ok().and_then(Family::numbered);
                let statement = family.and_then(|family| self.nat(kind, Some(family), *addresses, *ports, *flags));
                return self.push_or_unknown(statement, "nat");
            }
            Instruction::Masquerade { ports, flags } => {
                let statement = self.nat(NatKind::Masquerade, None, (None, None), *ports, *flags);
                return self.push_or_unknown(statement, "masq");
            }
            Instruction::Redirect { ports, flags } => {
                let statement = self.nat(NatKind::Redirect, None, (None, None), *ports, *flags);
                return self.push_or_unknown(statement, "redir");
            }
            Instruction::Unknown(name) => Statement::Unknown(name.clone()),
            _ => return,
        };
        self.push(statement);
    }

    /// The header at a base, as far as is known here.
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
    fn field(&self, from: Register) -> Option<(Field, Option<Change>, bool)> {
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

    fn compare(&mut self, how: Compare, from: Register, data: &[u8], next: Option<&Instruction>) -> usize {
        if let (
            Compare::GreaterOrEqual,
            Some(Instruction::Compare { how: Compare::LessOrEqual, from: second, data: high }),
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

    /// Bytes that are several parts of a header, or the beginning of one.
    fn bytes(&mut self, from: Register, op: Op, data: &[u8]) {
        let Some(Loaded::Field { what: What::Bytes { base, mut offset, len }, mask: None, .. }) =
            self.registers.get(&from)
        else {
            return self.push(Statement::Unknown("cmp".to_owned()));
        };
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
            } else if found.is_empty() && has_prefixes(part.of) {
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
        // Not equal to several at once is not several that are not equal.
        let fits = rest.is_empty() && (op == Op::Equal || (op == Op::Unequal && found.len() == 1));
        match fits {
            true => found.into_iter().for_each(|statement| self.push(statement)),
            false => self.push(Statement::Unknown("payload".to_owned())),
        }
    }

    fn range(&self, from: Register, op: Op, low: &[u8], high: &[u8]) -> Option<Statement> {
        let (field, mask, big) = self.field(from)?;
        let whole = mask.is_none() && low.len() == field.bytes() && high.len() == field.bytes();
        let order = if big { Order::Big } else { field.order() };
        let value = |bytes: &[u8]| types::from_kernel(bytes, order, field.of().is_text());
        let pattern = Pattern::Range(value(low), value(high));
        whole.then(|| Statement::Match(Operand { fields: vec![field], mask: None }, op, Right::One(pattern)))
    }

    /// Several fields side by side.
    fn operand(&self, from: Register, count: usize) -> Option<Operand> {
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

    fn set(&self, name: &str) -> Option<&RawSet> {
        self.sets.iter().find(|set| set.name == name)
    }

    fn lookup(&mut self, name: &str, from: Register, to: Target, inverse: bool) {
        let found = self.set(name).and_then(|set| {
            let operand = self.operand(from, set.key.len())?;
            Some((operand.clone(), set::used(set, &operand)?, set.data))
        });
        let Some((operand, used, data)) = found else {
            if let Target::Register(register) = to {
                self.registers.remove(&register);
            }
            return self.push(Statement::Unknown("lookup".to_owned()));
        };
        match to {
            Target::Nowhere => {
                let op = if inverse { Op::Unequal } else { Op::Equal };
                self.push(Statement::Match(operand, op, Right::Set(used)));
            }
            Target::Verdict => self.push(Statement::VerdictMap(operand, used)),
            Target::Register(register) => match data {
                Some(_) => drop(self.registers.insert(register, Loaded::Map(operand, used))),
                None => self.push(Statement::Unknown("lookup".to_owned())),
            },
        }
    }

    fn update(
        &self,
        name: &str,
        action: u32,
        key: Register,
        timeout: Option<u64>,
        each: &[Instruction],
    ) -> Option<Statement> {
        let set = self.set(name)?;
        Some(Statement::Update(Update {
            action: UpdateAction::ALL.get(action as usize)?.0,
            set: name.to_owned(),
            key: self.operand(key, set.key.len())?,
            timeout,
            statements: each.iter().map(statement_of_element).collect(),
        }))
    }

    fn write(&self, field: Field, from: Register) -> Option<Statement> {
        let mark = matches!(field, Field::Meta(known) | Field::Ct(known) if known.name == "mark");
        let written = match self.registers.get(&from)? {
            Loaded::Data(data) => Written::Value(types::from_kernel(data, field.order(), false)),
            Loaded::Map(operand, set) => Written::Map(operand.clone(), set.clone()),
            Loaded::Field { .. } => {
                let (source, mask, _) = self.field(from)?;
                let value = |bytes: &[u8]| types::from_kernel(bytes, source.order(), false);
                Written::Field(source, mask.map(|(mask, xor)| (value(&mask), value(&xor))))
            }
        };
        mark.then_some(Statement::Write(field, written))
    }

    fn reject(&self, kind: u32, code: u8) -> Option<Reject> {
        Some(match (kind, self.context.network) {
            (0, Some(Header::Ip)) => Reject::Icmp(code),
            (0, Some(_)) => Reject::Icmpv6(code),
            (1, _) => Reject::TcpReset,
            (2, _) => Reject::Icmpx(code),
            _ => return None,
        })
    }

    fn immediates(&self, (low, high): Registers) -> Option<Option<Pattern>> {
        let value = |register: Register| match self.registers.get(&register) {
            Some(Loaded::Data(data)) => Some(data.clone()),
            _ => None,
        };
        Some(match (low, high) {
            (None, _) => None,
            (Some(low), None) => Some(Pattern::Value(value(low)?)),
            (Some(low), Some(high)) if low == high => Some(Pattern::Value(value(low)?)),
            (Some(low), Some(high)) => {
                let (low, high) = (value(low)?, value(high)?);
                Some(if low == high { Pattern::Value(low) } else { Pattern::Range(low, high) })
            }
        })
    }

    fn nat(
        &self,
        kind: NatKind,
        family: Option<Family>,
        addresses: Registers,
        ports: Registers,
        flags: u32,
    ) -> Option<Statement> {
        let address_bytes = if family == Some(Family::Ip6) { 16 } else { 4 };
        let fits = |pattern: &Option<Pattern>, bytes: usize| match pattern {
            Some(Pattern::Value(value)) => value.len() == bytes,
            Some(Pattern::Range(low, high)) => low.len() == bytes && high.len() == bytes,
            _ => true,
        };
        let addresses = self.immediates(addresses)?;
        let ports = self.immediates(ports)?;
        let known = crate::ruleset::NAT_FLAGS.iter().map(|(_, bit)| bit).sum::<u32>();
        let flags = flags & !(NAT_PORTS | NAT_ADDRESSES);
        let right = fits(&addresses, address_bytes) && fits(&ports, 2) && flags & !known == 0;
        right.then_some(Statement::Nat(Nat { kind, family, addresses, ports, flags }))
    }
}

/// A statement that elements have.
pub fn statement_of_element(instruction: &Instruction) -> Statement {
    match instruction {
        Instruction::Counter { packets, bytes } => Statement::Counter { packets: *packets, bytes: *bytes },
        Instruction::Limit(limit) => Statement::Limit(limit.clone()),
        Instruction::Unknown(name) => Statement::Unknown(name.clone()),
        _ => Statement::Unknown("expression".to_owned()),
    }
}

/// The kernel's mask for a part of some bits.
fn part_mask(part: &Part) -> Vec<u8> {
    let len = part.loaded_bytes() as usize;
    types::of_number(((1u64 << part.bits.min(63)) - 1) << part.shift().min(63), len)
}

fn fib(result: u32, flags: u32) -> Option<Field> {
    let present = flags & FIB_PRESENT != 0;
    let known: u32 = FIB_FLAGS.iter().map(|(_, bit)| bit).sum();
    let route = match (result, present) {
        (1, true) => Route::Present,
        (1, false) => Route::Oif,
        (2, false) => Route::OifName,
        (3, false) => Route::Type,
        _ => return None,
    };
    let flags = flags & !FIB_PRESENT;
    (flags & !known == 0).then_some(Field::Fib { flags, route })
}

/// A comparison in the form in which it would be written.
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
    match types::prefix_of(&mask).filter(|_| has_prefixes(field.of())) {
        Some(bits) => one(None, op, Pattern::Prefix(value, bits)),
        None => one(Some(mask), op, Pattern::Value(value)),
    }
}

/// What a map gives, by the number of its type.
fn data_type(number: u32, len: u32) -> Option<DataType> {
    if number == 0xffff_ff00 {
        return Some(DataType::Verdict);
    }
    let of = types::Type::numbered(number)?;
    (of.kind().bytes == len as usize).then_some(DataType::Value(of))
}
