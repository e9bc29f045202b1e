//! Actions of rules, and limits.

use super::term::pattern;
use crate::ruleset::{Family, LOG_ALL, LOG_FLAGS, Limit, Log, NAT_FLAGS, Nat, NatKind, Reject};
use crate::show::{Style, in_units, limit_unit};
use crate::symbols;
use crate::types::Type;

pub(super) fn limit(limit: &Limit) -> String {
    let over = if limit.over { "over " } else { "" };
    let unit = limit_unit(limit.per);
    if limit.bytes {
        let (rate, rate_unit) = in_units(limit.rate);
        let burst = match in_units(u64::from(limit.burst)) {
            (0, _) => String::new(),
            (burst, unit) => format!(" burst {burst} {unit}"),
        };
        return format!("limit rate {over}{rate} {rate_unit}/{unit}{burst}");
    }
    let burst = match limit.burst {
        0 | 5 => String::new(),
        burst => format!(" burst {burst} packets"),
    };
    format!("limit rate {over}{}/{unit}{burst}", limit.rate)
}

pub(super) fn log(log: &Log) -> String {
    let mut text = "log".to_owned();
    if let Some(prefix) = &log.prefix {
        text.push_str(&format!(" prefix \"{}\"", prefix));
    }
    if let Some(group) = log.group {
        text.push_str(&format!(" group {group}"));
        if let Some(snaplen) = log.snaplen {
            text.push_str(&format!(" snaplen {snaplen}"));
        }
        if let Some(threshold) = log.queue_threshold {
            text.push_str(&format!(" queue-threshold {threshold}"));
        }
    }
    if let Some(level) = log.level.filter(|level| *level != 4) {
        let word = symbols::word(symbols::LOG_LEVEL, u64::from(level));
        text.push_str(&format!(" level {}", word.unwrap_or("?")));
    }
    if log.flags & LOG_ALL == LOG_ALL {
        text.push_str(" flags all");
    } else {
        let tcp: Vec<&str> = LOG_FLAGS
            .iter()
            .filter(|(name, _, bit)| *name == "tcp" && log.flags & bit != 0)
            .map(|(_, second, _)| *second)
            .collect();
        if !tcp.is_empty() {
            text.push_str(&format!(" flags tcp {}", tcp.join(",")));
        }
        for (name, second, bit) in LOG_FLAGS {
            if name != "tcp" && log.flags & bit != 0 {
                text.push_str(format!(" flags {name} {second}").trim_end());
            }
        }
    }
    text
}

pub(super) fn reject(family: Family, reject: Reject) -> String {
    let code = |kind: &str, of: Type, code: u8| {
        let word = symbols::word(of.kind().symbols, u64::from(code)).map_or(code.to_string(), str::to_owned);
        format!("reject with {kind} {word}")
    };
    match (reject, family) {
        (Reject::Icmpx(1), Family::Inet) | (Reject::Icmp(3), Family::Ip) | (Reject::Icmpv6(4), Family::Ip6) => {
            "reject".to_owned()
        }
        (Reject::Icmpx(number), _) => code("icmpx", Type::IcmpxCode, number),
        (Reject::Icmp(number), _) => code("icmp", Type::IcmpCode, number),
        (Reject::Icmpv6(number), _) => code("icmpv6", Type::Icmpv6Code, number),
        (Reject::TcpReset, _) => "reject with tcp reset".to_owned(),
    }
}

/// `(x & mask) ^ xor` as the operations that a person would write.
pub fn operations(mask: &[u8], xor: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    // A bit that is cleared and then flipped is set.
    let or: Vec<u8> = mask.iter().zip(xor).map(|(mask, xor)| !mask & xor).collect();
    let rest: Vec<u8> = mask.iter().zip(xor).map(|(mask, xor)| mask & xor).collect();
    let and: Vec<u8> = mask.iter().zip(&or).map(|(mask, or)| mask | or).collect();
    let mut all = Vec::new();
    if and.iter().any(|byte| *byte != 0xff) {
        all.push(("&", and));
    }
    if rest.iter().any(|byte| *byte != 0) {
        all.push(("^", rest));
    }
    if or.iter().any(|byte| *byte != 0) {
        all.push(("|", or));
    }
    all
}

pub(super) fn nat(style: Style<'_>, family: Family, nat: &Nat) -> String {
    let mut text = nat.kind.name().to_owned();
    if let (Some(of), Family::Inet) = (nat.family, family) {
        text.push_str(&format!(" {}", of.name()));
    }
    if nat.addresses.is_some() || nat.ports.is_some() {
        text.push_str(" to ");
    }
    if let Some(addresses) = &nat.addresses {
        let of = if nat.family == Some(Family::Ip6) { Type::Ipv6 } else { Type::Ipv4 };
        let addresses = pattern(style, of, addresses);
        match (of, &nat.ports) {
            (Type::Ipv6, Some(_)) => text.push_str(&format!("[{addresses}]")),
            _ => text.push_str(&addresses),
        }
    }
    if let Some(ports) = &nat.ports {
        text.push_str(&format!(":{}", pattern(style, Type::Service, ports)));
    }
    let flags = nat_flags(nat);
    if !flags.is_empty() {
        text.push_str(&format!(" {}", flags.join(",")));
    }
    text
}

/// Symbols of the flags.
pub fn nat_flags(nat: &Nat) -> Vec<&'static str> {
    NAT_FLAGS.iter().filter(|(_, bit)| nat.flags & bit != 0).map(|(word, _)| *word).collect()
}

/// Whether a kind of translation takes a new address.
pub fn has_address(kind: NatKind) -> bool {
    matches!(kind, NatKind::Source | NatKind::Destination)
}
