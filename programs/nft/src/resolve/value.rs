//! Values: words, numbers and addresses as bytes of a type.

use std::net::IpAddr;

use base::findings::Finding;

use super::scope::{Scope, finding};
use crate::ast::{Bits, PlacedTerm, Term};
use crate::facts;
use crate::field::Field;
use crate::ruleset::{KeyType, Pattern};
use crate::symbols;
use crate::types::{self, Order, Type};

impl KeyType {
    /// The values of a field.
    pub fn of_field(field: Field) -> KeyType {
        let (shift, loaded) = match field {
            Field::Part(part) if part.is_partial() => (part.shift(), part.loaded_bytes() as usize),
            field => (0, field.bytes()),
        };
        KeyType { of: field.of(), bytes: field.bytes(), host: field.order() == Order::Host, shift, loaded }
    }

    /// The values of a type that has its own length.
    pub fn of_type(of: Type) -> KeyType {
        let kind = of.kind();
        KeyType { of, bytes: kind.bytes, host: kind.order == Order::Host, shift: 0, loaded: kind.bytes }
    }
}

/// The values of a field, with its number of bits.
#[derive(Clone, Copy)]
pub(super) struct Wanted {
    pub of: Type,
    pub bytes: usize,
    pub bits: u32,
}

impl Wanted {
    pub fn field(field: Field) -> Wanted {
        Wanted { of: field.of(), bytes: field.bytes(), bits: field.bits() }
    }

    pub fn of_type(of: Type) -> Wanted {
        let bytes = of.kind().bytes;
        Wanted { of, bytes, bits: bytes as u32 * 8 }
    }

    /// For messages.
    fn name(self) -> String {
        match (self.of, self.of.kind().name) {
            (Type::Integer, _) => format!("a number of {} bits", self.bits),
            (_, name) => name.to_owned(),
        }
    }

    /// The notations that it accepts.
    fn remedy(self) -> String {
        let kind = self.of.kind();
        let words: Vec<&str> = kind.symbols.iter().map(|(word, _)| *word).take(24).collect();
        match self.of {
            Type::Ipv4 => "expected: addresses like 192.0.2.1, 192.0.2.0/24, 192.0.2.1-192.0.2.9".to_owned(),
            Type::Ipv6 => "expected: addresses like 2001:db8::1, fe80::/10".to_owned(),
            Type::Ether => "expected: addresses like 00:11:22:33:44:55".to_owned(),
            Type::IfName => {
                r"expected: an interface name; a final * matches any ending, \* is a literal star".to_owned()
            }
            Type::IfIndex => "expected: the name of an existing interface".to_owned(),
            _ if words.is_empty() => format!("expected: numbers below 2^{}", self.bits),
            _ => format!("expected: numbers, {}", words.join(", ")),
        }
    }
}

impl Scope<'_> {
    /// A value, a prefix or a range.
    pub(super) fn pattern(&self, expr: &PlacedTerm, wanted: Wanted) -> Result<Pattern, Finding> {
        match &expr.it {
            Term::Prefix(address, bits) => {
                if !wanted.of.has_prefixes() || *bits > wanted.bits {
                    let what = format!("this prefix is not one of {}", wanted.name());
                    return finding(expr.at, what, wanted.remedy());
                }
                let value = self.value(address, wanted)?;
                let mask = types::mask(*bits, value.len());
                let value = value.iter().zip(mask).map(|(byte, mask)| byte & mask).collect::<Vec<u8>>();
                Ok(if *bits == wanted.bits { Pattern::Value(value) } else { Pattern::Prefix(value, *bits) })
            }
            Term::Range(low, high) => {
                let (first, last) = (self.value(low, wanted)?, self.value(high, wanted)?);
                if wanted.of.is_text() {
                    return finding(expr.at, "interface names have no ranges", wanted.remedy());
                }
                if first > last {
                    return finding(expr.at, "this range is reversed", "write the smaller value before the larger one");
                }
                Ok(Pattern::Range(first, last))
            }
            Term::Word(text) | Term::Text(text) if wanted.of == Type::IfName && is_beginning(text) => {
                let start = &text[..text.len() - 1];
                if start.is_empty() || start.len() > 15 {
                    return finding(expr.at, "this is not the beginning of an interface name", wanted.remedy());
                }
                let mut value = start.as_bytes().to_vec();
                value.resize(16, 0);
                Ok(Pattern::Prefix(value, start.len() as u32 * 8))
            }
            _ => Ok(Pattern::Value(self.value(expr, wanted)?)),
        }
    }

    /// One value. Its most significant byte is the first.
    pub(super) fn value(&self, expr: &PlacedTerm, wanted: Wanted) -> Result<Vec<u8>, Finding> {
        let unfit =
            |what: &str| finding(expr.at, format!("{what} is not a value of {}", wanted.name()), wanted.remedy());
        match &expr.it {
            Term::Address(IpAddr::V4(address)) if wanted.of == Type::Ipv4 => Ok(address.octets().to_vec()),
            Term::Address(IpAddr::V6(address)) if wanted.of == Type::Ipv6 => Ok(address.octets().to_vec()),
            Term::Mac(mac) if wanted.of == Type::Ether => Ok(mac.to_vec()),
            Term::Address(address) => unfit(&format!("`{address}`")),
            Term::Mac(_) => unfit("a hardware address"),
            Term::Number(number) => self.number(*number, expr, wanted),
            Term::Word(word) => self.word(word, expr, wanted),
            Term::Text(text) => match wanted.of {
                Type::IfName | Type::IfIndex | Type::Uid | Type::Gid => self.word(text, expr, wanted),
                _ => unfit("quoted text"),
            },
            Term::List(all) if wanted.of.is_bits() => {
                let mut bits = vec![0; wanted.bytes];
                for one in all {
                    combine(&mut bits, &self.value(one, wanted)?, Bits::Or);
                }
                Ok(bits)
            }
            Term::Binary(how, left, right) => {
                let mut value = self.value(left, wanted)?;
                combine(&mut value, &self.value(right, wanted)?, *how);
                Ok(value)
            }
            Term::List(_) => finding(expr.at, "several values must be a set here", "write { … } around them"),
            Term::Concat(_) => {
                finding(expr.at, "several values for one field", "as many values as fields, with `.` between them")
            }
            Term::Set(_) | Term::Named(_) => finding(expr.at, "a set is not allowed here", wanted.remedy()),
            Term::Prefix(..) | Term::Range(..) => finding(expr.at, "a single value is needed here", wanted.remedy()),
            Term::Field(field) => {
                finding(expr.at, format!("`{}` cannot be compared with another field", field.text()), wanted.remedy())
            }
        }
    }

    fn number(&self, number: u64, expr: &PlacedTerm, wanted: Wanted) -> Result<Vec<u8>, Finding> {
        let numeric =
            !matches!(wanted.of, Type::Ipv4 | Type::Ipv6 | Type::Ether | Type::IfName | Type::Text | Type::Verdict);
        let fits = wanted.bits >= 64 || number >> wanted.bits == 0;
        let boolean = wanted.of != Type::Boolean || number < 2;
        if numeric && fits && boolean {
            return Ok(types::of_number(number, wanted.bytes));
        }
        finding(expr.at, format!("`{number}` is not a value of {}", wanted.name()), wanted.remedy())
    }

    fn word(&self, word: &str, expr: &PlacedTerm, wanted: Wanted) -> Result<Vec<u8>, Finding> {
        let number = match wanted.of {
            Type::IfName => {
                if word.is_empty() || word.len() > 15 || is_beginning(word) || !word.is_ascii() {
                    return finding(expr.at, format!("`{word}` is not an interface name"), wanted.remedy());
                }
                let mut value = unescaped(word).into_bytes();
                value.resize(16, 0);
                return Ok(value);
            }
            Type::IfIndex => match facts::number(&self.facts.interfaces, word) {
                None => {
                    let remedy = "match an interface that appears later with iifname or oifname";
                    return finding(expr.at, format!("no interface is called `{word}` now"), remedy);
                }
                index => index,
            },
            Type::Uid => facts::number(&self.facts.users, word),
            Type::Gid => facts::number(&self.facts.groups, word),
            _ => None,
        };
        let value = number.map(u64::from).or_else(|| symbols::value(wanted.of.kind().symbols, word));
        match value {
            Some(value) => Ok(types::of_number(value, wanted.bytes)),
            None => finding(expr.at, format!("`{word}` is not a value of {}", wanted.name()), wanted.remedy()),
        }
    }
}

/// Whether it matches all names with this beginning.
fn is_beginning(name: &str) -> bool {
    name.ends_with('*') && !name.ends_with("\\*")
}

/// `\*` at the end is a literal star. Only there does `\` have a meaning; elsewhere it is part of the name.
fn unescaped(name: &str) -> String {
    match name.ends_with("\\*") {
        true => name.replace('\\', ""),
        false => name.to_owned(),
    }
}

/// Transforms the bits of a value.
pub(super) fn combine(value: &mut [u8], other: &[u8], how: Bits) {
    for (byte, other) in value.iter_mut().zip(other) {
        match how {
            Bits::And => *byte &= other,
            Bits::Or => *byte |= other,
            Bits::Xor => *byte ^= other,
        }
    }
}

/// The byte order of a value in a set: interval sets are sorted by the first byte.
pub struct KeyOrder;

impl KeyOrder {
    pub fn of(key: &KeyType, interval: bool) -> Order {
        if key.host && !interval { Order::Host } else { Order::Big }
    }
}
