//! Values of a type as words.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::Style;
use crate::symbols;
use crate::types::{self, Number, Type};

/// A value as printed: a word, an address or a number.
pub enum Shown {
    Word(String),
    /// Symbols of single bits.
    Bits(Vec<&'static str>),
    Number(u64),
    Boolean(bool),
}

/// The printed form of a value.
pub fn shown(style: Style<'_>, of: Type, value: &[u8]) -> Shown {
    let number = types::number(value).unwrap_or(u64::MAX);
    match of {
        Type::Ipv4 => {
            Shown::Word(<[u8; 4]>::try_from(value).map(Ipv4Addr::from).map_or_else(|_| hex(value), |ip| ip.to_string()))
        }
        Type::Ipv6 => Shown::Word(<[u8; 16]>::try_from(value).map(Ipv6Addr::from).map_or_else(|_| hex(value), ipv6)),
        Type::Ether => Shown::Word(value.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":")),
        Type::IfName => Shown::Word(escaped(name(value))),
        Type::Text => Shown::Word(name(value)),
        Type::IfIndex => match style.facts.interface(number as u32) {
            Some(name) => Shown::Word(name.to_owned()),
            None => Shown::Word(number.to_string()),
        },
        Type::Boolean => match number {
            0 | 1 => Shown::Boolean(number == 1),
            other => Shown::Number(other),
        },
        Type::Service => Shown::Number(number),
        of if of.is_bits() => bits(of, number),
        of => match symbols::word(of.kind().symbols, number) {
            Some(word) => Shown::Word(word.to_owned()),
            None => Shown::Number(number),
        },
    }
}

/// The first or last value of a range: a number even if there is a word.
pub fn edge(style: Style<'_>, of: Type, value: &[u8]) -> Shown {
    match (of.kind().symbols.is_empty(), types::number(value)) {
        (false, Some(number)) => Shown::Number(number),
        _ => shown(style, of, value),
    }
}

/// The words of bits, lowest first; a number if one of them has no word.
fn bits(of: Type, number: u64) -> Shown {
    let mut named: Vec<(u64, &str)> =
        of.kind().symbols.iter().filter(|(_, bit)| number & bit != 0).map(|(word, bit)| (*bit, *word)).collect();
    named.sort_unstable();
    let all = named.iter().fold(0, |all, (bit, _)| all | bit);
    if number == 0 || all != number {
        return Shown::Number(number);
    }
    Shown::Bits(named.into_iter().map(|(_, word)| word).collect())
}

/// As the C library prints it: some addresses end in dotted IPv4 form.
fn ipv6(address: Ipv6Addr) -> String {
    let [a, b, c, d, e, f, g, h] = address.segments();
    if [a, b, c, d, e, f] == [0; 6] && g != 0 {
        let [o, p] = g.to_be_bytes();
        let [q, r] = h.to_be_bytes();
        return format!("::{o}.{p}.{q}.{r}");
    }
    address.to_string()
}

/// An unescaped star at the end would match all names with this beginning.
fn escaped(name: String) -> String {
    match name.strip_suffix('*') {
        Some(start) => format!("{start}\\*"),
        None => name,
    }
}

/// The text of a value.
pub fn name(value: &[u8]) -> String {
    crate::netlink::attribute::text(value)
}

fn hex(value: &[u8]) -> String {
    let digits: String = value.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("0x{digits}")
}

/// A number of a type, in words of the language.
pub fn number_text(of: Type, number: u64) -> String {
    match (of, of.kind().number) {
        (of, _) if of.is_bits() => format!("{number:#x}"),
        (_, Number::Decimal) => number.to_string(),
        (of, Number::Hexadecimal) => {
            let digits = of.kind().bytes * 2;
            format!("0x{number:0digits$x}")
        }
    }
}

/// A time: `1d2h3m4s5ms`.
pub fn duration(ms: u64) -> String {
    let units = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];
    let mut rest = ms;
    let mut text = String::new();
    for (unit, size) in units {
        let count = rest / size;
        rest %= size;
        if count > 0 {
            text.push_str(&format!("{count}{unit}"));
        }
    }
    if text.is_empty() {
        text.push_str("0s");
    }
    text
}
