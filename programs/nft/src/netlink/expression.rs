//! Converts expressions to and from attributes. Constants have the names of `linux/netfilter/nf_tables.h`.

use super::attribute::{Attributes, Reader};
use crate::expression::{Compare, Expression, Register, Registers, Target};
use crate::ruleset::{Limit, Log, Verdict};

/// NFTA_LIST_ELEM, NFTA_EXPR_NAME, NFTA_EXPR_DATA
const ELEMENT: u16 = 1;
const NAME: u16 = 1;
const DATA: u16 = 2;
/// NFTA_DATA_VALUE, NFTA_DATA_VERDICT, NFTA_VERDICT_CODE, NFTA_VERDICT_CHAIN
const VALUE: u16 = 1;
const VERDICT: u16 = 2;
const CODE: u16 = 1;
const CHAIN: u16 = 2;
/// NFT_LOOKUP_F_INV, NFT_LIMIT_F_INV
const INVERSE: u32 = 1;
/// NFT_RANGE_NEQ, NFT_BYTEORDER_HTON, NFT_BITWISE_BOOL
const RANGE_UNEQUAL: u32 = 1;
const HOST_TO_NETWORK: u32 = 1;

/// A list of expressions.
pub fn write_all(to: &mut Attributes, expressions: &[Expression]) {
    for expression in expressions {
        to.nest(ELEMENT, |to| write(to, expression));
    }
}

/// One expression: name and data.
pub fn write(to: &mut Attributes, expression: &Expression) {
    let mut data = Attributes::default();
    let name = write_data(&mut data, expression);
    to.text(NAME, name);
    to.nest(DATA, |to| to.bytes = data.bytes);
}

/// Bytes of a value.
pub fn write_value(to: &mut Attributes, kind: u16, bytes: &[u8]) {
    to.nest(kind, |to| {
        to.put(VALUE, bytes);
    });
}

/// A verdict as data.
pub fn write_verdict(to: &mut Attributes, kind: u16, verdict: &Verdict) {
    let (code, chain): (i32, _) = match verdict {
        Verdict::Drop => (0, None),
        Verdict::Accept => (1, None),
        Verdict::Continue => (-1, None),
        Verdict::Jump(chain) => (-3, Some(chain)),
        Verdict::Goto(chain) => (-4, Some(chain)),
        Verdict::Return => (-5, None),
    };
    to.nest(kind, |to| {
        to.nest(VERDICT, |to| {
            to.u32(CODE, code as u32);
            if let Some(chain) = chain {
                to.text(CHAIN, chain);
            }
        });
    });
}

fn registers(to: &mut Attributes, first: u16, (low, high): Registers) {
    for (kind, register) in [(first, low), (first + 1, high)] {
        if let Some(register) = register {
            to.u32(kind, register.number());
        }
    }
}

fn write_data(to: &mut Attributes, expression: &Expression) -> &'static str {
    match expression {
        Expression::Meta { key, to: register } => {
            to.u32(2, *key).u32(1, register.number());
            "meta"
        }
        Expression::MetaSet { key, from } => {
            to.u32(2, *key).u32(3, from.number());
            "meta"
        }
        Expression::Ct { key, direction, to: register } => {
            to.u32(2, *key).u32(1, register.number());
            if let Some(direction) = direction {
                to.u8(3, *direction);
            }
            "ct"
        }
        Expression::CtSet { key, from } => {
            to.u32(2, *key).u32(4, from.number());
            "ct"
        }
        Expression::Payload { base, offset, len, to: register } => {
            to.u32(1, register.number()).u32(2, *base).u32(3, *offset).u32(4, *len);
            "payload"
        }
        Expression::Fib { result, flags, to: register } => {
            to.u32(2, *result).u32(3, *flags).u32(1, register.number());
            "fib"
        }
        Expression::Compare { how, from, data } => {
            to.u32(1, from.number()).u32(2, *how as u32);
            write_value(to, 3, data);
            "cmp"
        }
        Expression::OutOfRange { from, low, high } => {
            to.u32(1, from.number()).u32(2, RANGE_UNEQUAL);
            write_value(to, 3, low);
            write_value(to, 4, high);
            "range"
        }
        Expression::Bitwise { from, to: register, len, mask, xor } => {
            to.u32(1, from.number()).u32(2, register.number()).u32(6, 0).u32(3, *len);
            write_value(to, 4, mask);
            write_value(to, 5, xor);
            "bitwise"
        }
        Expression::ToNetwork { from, to: register, len, size } => {
            to.u32(1, from.number()).u32(2, register.number()).u32(3, HOST_TO_NETWORK).u32(4, *len).u32(5, *size);
            "byteorder"
        }
        Expression::Lookup { set, id, from, to: target, inverse } => {
            to.u32(2, from.number());
            match target {
                Target::Nowhere => {}
                Target::Verdict => {
                    to.u32(3, 0);
                }
                Target::Register(register) => {
                    to.u32(3, register.number());
                }
            }
            to.text(1, set).u32(4, *id);
            if *inverse {
                to.u32(5, INVERSE);
            }
            "lookup"
        }
        Expression::Immediate { to: register, data } => {
            to.u32(1, register.number());
            write_value(to, 2, data);
            "immediate"
        }
        Expression::Verdict(verdict) => {
            to.u32(1, 0);
            write_verdict(to, 2, verdict);
            "immediate"
        }
        _ => write_action(to, expression),
    }
}

fn write_action(to: &mut Attributes, expression: &Expression) -> &'static str {
    match expression {
        Expression::Counter { packets, bytes } => {
            to.u64(1, *bytes).u64(2, *packets);
            "counter"
        }
        Expression::Limit(limit) => {
            to.u64(1, limit.rate).u64(2, limit.per).u32(3, limit.burst);
            to.u32(4, u32::from(limit.bytes)).u32(5, if limit.over { INVERSE } else { 0 });
            "limit"
        }
        Expression::Log(log) => {
            write_log(to, log);
            "log"
        }
        Expression::Reject { kind, code } => {
            to.u32(1, *kind).u8(2, *code);
            "reject"
        }
        Expression::Update { set, action, key, timeout, each } => {
            to.u32(4, key.number()).u32(3, *action).text(1, set);
            if let Some(timeout) = timeout {
                to.u64(6, *timeout);
            }
            match &each[..] {
                [] => {}
                [one] => {
                    to.nest(7, |to| write(to, one));
                }
                // NFT_DYNSET_F_EXPR
                several => {
                    to.u32(9, 2).nest(10, |to| write_all(to, several));
                }
            }
            "dynset"
        }
        Expression::Nat { kind, family, addresses, ports, flags } => {
            to.u32(1, *kind).u32(2, *family);
            registers(to, 3, *addresses);
            registers(to, 5, *ports);
            if *flags != 0 {
                to.u32(7, *flags);
            }
            "nat"
        }
        Expression::Masquerade { ports, flags } => {
            if *flags != 0 {
                to.u32(1, *flags);
            }
            registers(to, 2, *ports);
            "masq"
        }
        Expression::Redirect { ports, flags } => {
            registers(to, 1, *ports);
            if *flags != 0 {
                to.u32(3, *flags);
            }
            "redir"
        }
        Expression::NoTrack => "notrack",
        // No ruleset produces this; the kernel refuses it.
        _ => "unknown",
    }
}

fn write_log(to: &mut Attributes, log: &Log) {
    if let Some(prefix) = &log.prefix {
        to.text(2, prefix);
    }
    if let Some(group) = log.group {
        to.u16(1, group);
        if let Some(snaplen) = log.snaplen {
            to.u32(3, snaplen);
        }
        if let Some(threshold) = log.queue_threshold {
            to.u16(4, threshold);
        }
    } else {
        if let Some(level) = log.level {
            to.u32(5, level);
        }
        if log.flags != 0 {
            to.u32(6, log.flags);
        }
    }
}

/// Reads a list of expressions.
pub fn read_all(list: Reader<'_>) -> Vec<Expression> {
    list.filter(|(kind, _)| *kind == ELEMENT).map(|(_, bytes)| read(super::attribute::read(bytes), 0)).collect()
}

/// Reads one; an unsupported expression keeps its name.
pub fn read(from: Reader<'_>, depth: usize) -> Expression {
    let name = from.text(NAME).unwrap_or_default();
    let data = from.inside(DATA).unwrap_or(super::attribute::read(&[]));
    let known = if depth > 2 { None } else { read_data(&name, data).or_else(|| read_action(&name, data, depth)) };
    known.unwrap_or(Expression::Unknown(name))
}

/// Bytes of a value.
pub fn read_value(from: Reader<'_>, kind: u16) -> Option<Vec<u8>> {
    Some(from.inside(kind)?.get(VALUE)?.to_vec())
}

/// A verdict.
pub fn read_verdict(from: Reader<'_>, kind: u16) -> Option<Verdict> {
    let verdict = from.inside(kind)?.inside(VERDICT)?;
    Some(match verdict.u32(CODE)? as i32 {
        0 => Verdict::Drop,
        1 => Verdict::Accept,
        -1 => Verdict::Continue,
        -3 => Verdict::Jump(verdict.text(CHAIN)?),
        -4 => Verdict::Goto(verdict.text(CHAIN)?),
        -5 => Verdict::Return,
        _ => return None,
    })
}

fn register(from: Reader<'_>, kind: u16) -> Option<Register> {
    Register::numbered(from.u32(kind)?)
}

fn read_registers(from: Reader<'_>, first: u16) -> Registers {
    (register(from, first), register(from, first + 1))
}

fn read_data(name: &str, from: Reader<'_>) -> Option<Expression> {
    Some(match name {
        "meta" => match register(from, 3) {
            Some(source) => Expression::MetaSet { key: from.u32(2)?, from: source },
            None => Expression::Meta { key: from.u32(2)?, to: register(from, 1)? },
        },
        "ct" => match register(from, 4) {
            Some(source) => Expression::CtSet { key: from.u32(2)?, from: source },
            None => Expression::Ct { key: from.u32(2)?, direction: from.u8(3), to: register(from, 1)? },
        },
        // A source register belongs to expressions that write into packets.
        "payload" if from.get(5).is_none() => {
            Expression::Payload { to: register(from, 1)?, base: from.u32(2)?, offset: from.u32(3)?, len: from.u32(4)? }
        }
        "fib" => Expression::Fib { to: register(from, 1)?, result: from.u32(2)?, flags: from.u32(3)? },
        "cmp" => Expression::Compare {
            from: register(from, 1)?,
            how: *Compare::ALL.get(from.u32(2)? as usize)?,
            data: read_value(from, 3)?,
        },
        "range" if from.u32(2)? == RANGE_UNEQUAL => {
            Expression::OutOfRange { from: register(from, 1)?, low: read_value(from, 3)?, high: read_value(from, 4)? }
        }
        "bitwise" if from.u32(6).unwrap_or(0) == 0 => Expression::Bitwise {
            from: register(from, 1)?,
            to: register(from, 2)?,
            len: from.u32(3)?,
            mask: read_value(from, 4)?,
            xor: read_value(from, 5)?,
        },
        "byteorder" if from.u32(3)? == HOST_TO_NETWORK => Expression::ToNetwork {
            from: register(from, 1)?,
            to: register(from, 2)?,
            len: from.u32(4)?,
            size: from.u32(5)?,
        },
        "lookup" => Expression::Lookup {
            set: from.text(1)?,
            id: from.u32(4).unwrap_or(0),
            from: register(from, 2)?,
            to: match from.u32(3) {
                None => Target::Nowhere,
                Some(0) => Target::Verdict,
                Some(number) => Target::Register(Register::numbered(number)?),
            },
            inverse: from.u32(5).unwrap_or(0) & INVERSE != 0,
        },
        "immediate" => match from.u32(1)? {
            0 => Expression::Verdict(read_verdict(from, 2)?),
            number => Expression::Immediate { to: Register::numbered(number)?, data: read_value(from, 2)? },
        },
        _ => return None,
    })
}

fn read_action(name: &str, from: Reader<'_>, depth: usize) -> Option<Expression> {
    Some(match name {
        "counter" => Expression::Counter { bytes: from.u64(1)?, packets: from.u64(2)? },
        "limit" => Expression::Limit(Limit {
            rate: from.u64(1)?,
            per: from.u64(2)?,
            burst: from.u32(3)?,
            bytes: from.u32(4)? == 1,
            over: from.u32(5).unwrap_or(0) & INVERSE != 0,
        }),
        "log" => Expression::Log(Log {
            group: from.u16(1),
            prefix: from.text(2),
            snaplen: from.u32(3).filter(|len| *len > 0),
            queue_threshold: from.u16(4).filter(|threshold| *threshold > 0),
            level: from.u32(5),
            flags: from.u32(6).unwrap_or(0),
        }),
        "reject" => Expression::Reject { kind: from.u32(1)?, code: from.u8(2).unwrap_or(0) },
        // A source register of data belongs to maps that rules update.
        "dynset" if from.get(5).is_none() => Expression::Update {
            set: from.text(1)?,
            action: from.u32(3)?,
            key: register(from, 4)?,
            timeout: from.u64(6).filter(|timeout| *timeout > 0),
            each: match (from.inside(10), from.inside(7)) {
                (Some(several), _) => {
                    several.map(|(_, bytes)| read(super::attribute::read(bytes), depth + 1)).collect()
                }
                (None, Some(one)) => vec![read(one, depth + 1)],
                (None, None) => Vec::new(),
            },
        },
        "nat" => Expression::Nat {
            kind: from.u32(1)?,
            family: from.u32(2)?,
            addresses: read_registers(from, 3),
            ports: read_registers(from, 5),
            flags: from.u32(7).unwrap_or(0),
        },
        "masq" => Expression::Masquerade { flags: from.u32(1).unwrap_or(0), ports: read_registers(from, 2) },
        "redir" => Expression::Redirect { ports: read_registers(from, 1), flags: from.u32(3).unwrap_or(0) },
        "notrack" => Expression::NoTrack,
        _ => return None,
    })
}
