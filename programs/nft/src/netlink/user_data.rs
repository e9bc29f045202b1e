//! User data: bytes that nftables attaches to tables, chains, rules, sets and elements, and that the kernel ignores.
//! Each record has a number, a length and bytes; records can be nested.

use crate::field::{FIB_PRESENT, Field, Header, Part};
use crate::ruleset::{DataType, Set};
use crate::types::{Order, Type};

/// Of rules, chains, tables and elements.
pub const COMMENT: u8 = 0;
/// Of elements: the interval has no end.
pub const ELEMENT_FLAGS: u8 = 1;
/// Of sets.
pub const SET_MERGE: u8 = 2;
pub const SET_COMMENT: u8 = 7;
const SET_KEY_ORDER: u8 = 0;
const SET_DATA_ORDER: u8 = 1;
const SET_KEY_TYPEOF: u8 = 3;
const SET_DATA_TYPEOF: u8 = 4;
const SET_DATA_INTERVAL: u8 = 6;

/// nftables' numbers for the expressions that a key can have.
mod expression {
    pub const VERDICT: u32 = 1;
    pub const PAYLOAD: u32 = 7;
    pub const META: u32 = 9;
    pub const CT: u32 = 12;
    pub const CONCAT: u32 = 13;
    pub const FIB: u32 = 26;
}

/// The direction of an expression without one.
const EITHER: u32 = u32::MAX;

/// One record.
pub fn piece(number: u8, bytes: &[u8]) -> Vec<u8> {
    let len = bytes.len().min(255);
    [&[number, len as u8], &bytes[..len]].concat()
}

/// Text with its final zero byte.
pub fn text(number: u8, text: &str) -> Vec<u8> {
    piece(number, &[text.as_bytes(), &[0]].concat())
}

/// A number, in the machine's byte order.
pub fn number(number: u8, value: u32) -> Vec<u8> {
    piece(number, &value.to_ne_bytes())
}

/// nftables' number of the byte order: 0 for a concatenation, 1 for the machine's, 2 for the network's.
fn order(order: Option<Order>) -> u32 {
    match order {
        None => 0,
        Some(Order::Host) => 1,
        Some(Order::Big) => 2,
    }
}

/// Of a set. `fields` are the fields that an anonymous set is compared with; nftables needs them to separate its
/// values.
pub fn set(set: &Set, fields: &[Field]) -> Vec<u8> {
    let key = match &set.key[..] {
        [key] => Some(if key.host { Order::Host } else { Order::Big }),
        _ => None,
    };
    let mut bytes = number(SET_KEY_ORDER, order(key));
    match set.data {
        Some(DataType::Value(of)) => bytes.extend(number(SET_DATA_ORDER, order(Some(of.kind().order)))),
        Some(DataType::Verdict) => bytes.extend(number(SET_DATA_ORDER, order(None))),
        None => {}
    }
    if set.auto_merge || (set.anonymous && set.interval && set.data.is_none()) {
        bytes.extend(number(SET_MERGE, 1));
    }
    bytes.extend(key_typeof(set, fields).map(|typeof_| piece(SET_KEY_TYPEOF, &typeof_)).unwrap_or_default());
    if set.anonymous && set.data == Some(DataType::Verdict) {
        bytes.extend(piece(SET_DATA_TYPEOF, &kind(expression::VERDICT, &[])));
    }
    if set.data.is_some() {
        bytes.extend(number(SET_DATA_INTERVAL, 0));
    }
    if let Some(comment) = &set.comment {
        bytes.extend(text(SET_COMMENT, comment));
    }
    bytes
}

/// The key expressions of an anonymous set. As in nftables, a map has them only for concatenations.
fn key_typeof(set: &Set, fields: &[Field]) -> Option<Vec<u8>> {
    match fields {
        [] => None,
        [field] if set.data.is_none() => of_field(*field),
        [_] => None,
        several => {
            let all: Option<Vec<Vec<u8>>> = several.iter().map(|field| of_field(*field)).collect();
            let pieces = all?.iter().enumerate().flat_map(|(at, of)| piece(at as u8, of)).collect::<Vec<u8>>();
            Some(kind(expression::CONCAT, &pieces))
        }
    }
}

fn kind(of: u32, inside: &[u8]) -> Vec<u8> {
    [number(0, of), piece(1, inside)].concat()
}

fn of_field(field: Field) -> Option<Vec<u8>> {
    Some(match field {
        Field::Meta(known) => kind(expression::META, &number(0, known.key)),
        Field::Ct(known) => kind(expression::CT, &[number(0, known.key), number(1, EITHER)].concat()),
        Field::Flow(known, direction) => {
            let direction = direction.map_or(EITHER, |direction| u32::from(direction.number()));
            kind(expression::CT, &[number(0, known.key), number(1, direction)].concat())
        }
        Field::Fib { flags, route } => {
            let present = if field.of() == Type::Boolean { FIB_PRESENT } else { 0 };
            kind(expression::FIB, &[number(0, route.key()), number(1, flags | present)].concat())
        }
        // nftables treats part of a byte as an operation, which has no number.
        Field::Part(part) if part.is_partial() => return None,
        Field::Part(part) => {
            let (header, place) = of_part(part)?;
            // An integer type has no length of its own.
            let length = if part.of == Type::Integer { number(4, part.bits) } else { Vec::new() };
            kind(expression::PAYLOAD, &[number(0, header), number(1, place), length].concat())
        }
    })
}

/// nftables' numbers of a header and of a field in it; they also count fields that this program does not have.
fn of_part(part: &Part) -> Option<(u32, u32)> {
    let (header, parts): (u32, &[&str]) = match part.header {
        Header::Ether => (17, &["daddr", "saddr", "type"]),
        Header::Ip => (
            12,
            &[
                "version",
                "hdrlength",
                "dscp",
                "ecn",
                "length",
                "id",
                "frag-off",
                "ttl",
                "protocol",
                "checksum",
                "saddr",
                "daddr",
            ],
        ),
        Header::Ip6 => {
            (13, &["version", "dscp", "ecn", "flowlabel", "length", "nexthdr", "hoplimit", "saddr", "daddr"])
        }
        Header::Icmp => (4, &["type", "code", "checksum"]),
        Header::Icmpv6 => (14, &["type", "code", "checksum"]),
        Header::Tcp => {
            (8, &["sport", "dport", "sequence", "ackseq", "doff", "reserved", "flags", "window", "checksum", "urgptr"])
        }
        Header::Udp => (6, &["sport", "dport", "length", "checksum"]),
        Header::Udplite => (7, &["sport", "dport"]),
        Header::Sctp => (10, &["sport", "dport"]),
        Header::Dccp => (9, &["sport", "dport"]),
        Header::Transport => (11, &["sport", "dport"]),
    };
    let place = parts.iter().position(|name| *name == part.name)?;
    Some((header, place as u32 + 1))
}
