//! From the kernel's expressions back to statements: follows what each register holds and how it is used.

mod compare;
mod effect;
mod set;

use std::collections::BTreeMap;

pub use set::{is_anonymous, named};

use crate::expression::{Expression, Register, Target};
use crate::field::{Base, Direction, FIB_FLAGS, FIB_PRESENT, Field, Route};
use crate::netlink::dump::RawSet;
use crate::protocol_dependencies::{self, Context};
use crate::ruleset::{Family, NatKind, Op, Operand, Right, SetUse, Statement};

/// The content of a register.
#[derive(Clone, Debug)]
enum Loaded {
    Field { what: What, mask: Option<Change>, big: bool },
    Data(Vec<u8>),
    Map(Operand, SetUse),
}

/// `mask` and `xor` of a bitwise expression.
type Change = (Vec<u8>, Vec<u8>);

/// A field, or bytes of a header that may be one or several.
#[derive(Clone, Copy, Debug)]
enum What {
    Field(Field),
    Bytes { base: Base, offset: u32, len: u32 },
}

/// The statements of a rule. `sets` are those of its table.
pub fn rule(family: Family, expressions: &[Expression], sets: &[RawSet]) -> Vec<Statement> {
    let mut reader = Reader { context: Context::new(family), sets, registers: BTreeMap::new(), statements: Vec::new() };
    let mut at = 0;
    while let Some(expression) = expressions.get(at) {
        let taken = reader.one(expression, expressions.get(at + 1));
        at += taken;
    }
    protocol_dependencies::strip(family, reader.statements)
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

    /// Reads one expression, or two that form one statement; returns how many.
    fn one(&mut self, expression: &Expression, next: Option<&Expression>) -> usize {
        match expression {
            Expression::Meta { key, to } => self.load(*to, Field::meta(*key).map(What::Field), "meta"),
            Expression::Ct { key, direction, to } => {
                self.load(*to, ct(*key, *direction).map(What::Field), "ct");
            }
            Expression::Fib { result, flags, to } => self.load(*to, fib(*result, *flags).map(What::Field), "fib"),
            Expression::Payload { base, offset, len, to } => {
                let base = [Base::Link, Base::Network, Base::Transport].into_iter().find(|of| *of as u32 == *base);
                let what = base.map(|base| What::Bytes { base, offset: *offset, len: *len });
                self.load(*to, what, "payload");
            }
            Expression::Bitwise { from, to, mask, xor, .. } => {
                match self.registers.get(from).cloned() {
                    Some(Loaded::Field { what, mask: None, big }) => {
                        let mask = Some((mask.clone(), xor.clone()));
                        self.registers.insert(*to, Loaded::Field { what, mask, big });
                    }
                    _ => self.push(Statement::Unknown("bitwise".to_owned())),
                };
            }
            Expression::ToNetwork { from, to, .. } => match self.registers.get(from).cloned() {
                Some(Loaded::Field { what, mask, .. }) => {
                    self.registers.insert(*to, Loaded::Field { what, mask, big: true });
                }
                _ => self.push(Statement::Unknown("byteorder".to_owned())),
            },
            Expression::Immediate { to, data } => drop(self.registers.insert(*to, Loaded::Data(data.clone()))),
            Expression::Compare { how, from, data } => return self.compare(*how, *from, data, next),
            Expression::OutOfRange { from, low, high } => {
                let statement = self.range(*from, Op::Unequal, low, high);
                self.push_or_unknown(statement, "range");
            }
            Expression::Lookup { set, from, to, inverse, .. } => self.lookup(set, *from, *to, *inverse),
            other => self.action(other),
        }
        1
    }

    fn action(&mut self, expression: &Expression) {
        let statement = match expression {
            Expression::Verdict(verdict) => Statement::Verdict(verdict.clone()),
            Expression::Counter { packets, bytes } => Statement::Counter { packets: *packets, bytes: *bytes },
            Expression::Limit(limit) => Statement::Limit(limit.clone()),
            Expression::Log(log) => Statement::Log(log.clone()),
            Expression::NoTrack => Statement::NoTrack,
            Expression::Reject { kind, code } => match self.reject(*kind, *code) {
                Some(reject) => Statement::Reject(reject),
                None => Statement::Unknown("reject".to_owned()),
            },
            Expression::Update { set, action, key, timeout, each } => {
                let update = self.update(set, *action, *key, *timeout, each);
                return self.push_or_unknown(update, "dynset");
            }
            Expression::MetaSet { key, from } => {
                let statement = Field::meta(*key).and_then(|field| self.write(field, *from));
                return self.push_or_unknown(statement, "meta");
            }
            Expression::CtSet { key, from } => {
                let statement = Field::ct(*key).and_then(|field| self.write(field, *from));
                return self.push_or_unknown(statement, "ct");
            }
            Expression::Nat { kind, family, addresses, ports, flags } => {
                let kind = if *kind == 0 { NatKind::Source } else { NatKind::Destination };
                let family = u8::try_from(*family).ok().and_then(Family::numbered);
                let statement = family.and_then(|family| self.nat(kind, Some(family), *addresses, *ports, *flags));
                return self.push_or_unknown(statement, "nat");
            }
            Expression::Masquerade { ports, flags } => {
                let statement = self.nat(NatKind::Masquerade, None, (None, None), *ports, *flags);
                return self.push_or_unknown(statement, "masq");
            }
            Expression::Redirect { ports, flags } => {
                let statement = self.nat(NatKind::Redirect, None, (None, None), *ports, *flags);
                return self.push_or_unknown(statement, "redir");
            }
            Expression::Unknown(name) => Statement::Unknown(name.clone()),
            _ => return,
        };
        self.push(statement);
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
}

fn ct(key: u32, direction: Option<u8>) -> Option<Field> {
    match direction {
        None => Field::ct(key).or_else(|| Field::flow(key, None)),
        Some(number) => Direction::numbered(number).and_then(|direction| Field::flow(key, Some(direction))),
    }
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
