//! Rulesets in the language in which they are written.

mod set;

use super::value::{duration, number_text, shown, Shown};
use super::{in_units, limit_unit, Style};
use crate::depend;
use crate::field::Field;
use crate::ruleset::{
    Family, Hook, Limit, Log, Nat, NatKind, Op, Operand, Pattern, Reject, Right, Rule, Ruleset, Statement, Table,
    Update, Verdict, Written, HOOKS, LOG_ALL, LOG_FLAGS, NAT_FLAGS, PRIORITIES,
};
use crate::types::Type;
use crate::words;

/// All tables.
pub fn ruleset(style: Style<'_>, ruleset: &Ruleset) -> String {
    let unknown = ruleset.unknown.iter().map(|name| format!("# unknown {name}\n"));
    ruleset.tables.iter().map(|of| table(style, of)).chain(unknown).collect()
}

fn table(style: Style<'_>, table: &Table) -> String {
    let mut head = String::new();
    if table.dormant {
        head.push_str("\tflags dormant\n");
    }
    let comment_alone = !table.dormant;
    if let Some(comment) = &table.comment {
        head.push_str(&format!("\tcomment \"{comment}\"\n"));
    }
    for unknown in &table.unknown {
        head.push_str(&format!("\t# unknown {unknown}\n"));
    }
    let mut blocks: Vec<String> = Vec::new();
    blocks.extend(table.sets.iter().map(|set| set::named(style, set)));
    blocks.extend(table.chains.iter().map(|chain| {
        let mut text = format!("\tchain {} {{\n", chain.name);
        if let Some(comment) = &chain.comment {
            text.push_str(&format!("\t\tcomment \"{comment}\"\n"));
        }
        if let Some(base) = &chain.base {
            text.push_str(&format!("\t\t{}\n", hook(base)));
        }
        text.extend(chain.rules.iter().map(|of| format!("\t\t{}\n", rule(style, table.family, of))));
        text.push_str("\t}\n");
        text
    }));
    // The original has an empty line behind flags only.
    let between = if head.is_empty() || comment_alone || blocks.is_empty() { "" } else { "\n" };
    format!("table {} {} {{\n{head}{between}{}}}\n", table.family.name(), table.name, blocks.join("\n"))
}

fn hook(base: &Hook) -> String {
    let hook = HOOKS.get(base.number as usize).copied().unwrap_or("?");
    let devices = match &base.devices[..] {
        [] => String::new(),
        devices => format!(" devices = {{ {} }}", devices.join(", ")),
    };
    let priority = priority(base.priority, hook);
    format!("type {} hook {hook}{devices} priority {priority}; policy {};", base.kind, base.policy())
}

/// A name, if one is near enough.
fn priority(priority: i32, hook: &str) -> String {
    let fits = |name: &str| match name {
        "dstnat" => hook == "prerouting",
        "srcnat" => hook == "postrouting",
        _ => true,
    };
    let near = PRIORITIES
        .iter()
        .filter(|(name, _)| fits(name))
        .find(|(_, of)| priority.saturating_sub(*of).unsigned_abs() <= 10);
    match near {
        None => priority.to_string(),
        Some((name, of)) => match priority - of {
            0 => (*name).to_owned(),
            offset if offset > 0 => format!("{name} + {offset}"),
            offset => format!("{name} - {}", -offset),
        },
    }
}

/// A rule. One with something unknown in it would be another rule without that, and is a comment therefore.
pub fn rule(style: Style<'_>, family: Family, rule: &Rule) -> String {
    let mut unknown = Vec::new();
    for statement in &rule.statements {
        collect_unknown(statement, &mut unknown);
    }
    let mut words: Vec<String> = Vec::new();
    for (at, of) in rule.statements.iter().enumerate() {
        // Alone, the word would mean the message of the network that is known by then.
        let either = *of == Statement::Reject(Reject::Icmpx(1)) && depend::says_network(family, &rule.statements[..at]);
        words.push(match either {
            true => "reject with icmpx port-unreachable".to_owned(),
            false => statement(style, family, of),
        });
    }
    if let Some(comment) = &rule.comment {
        words.push(format!("comment \"{comment}\""));
    }
    let text = words.join(" ");
    match unknown.first() {
        None => text,
        Some(_) => {
            unknown.dedup();
            let names: Vec<String> = unknown.iter().map(|name| format!("# unknown expression {name}")).collect();
            format!("{} in: {text}", names.join(" "))
        }
    }
}

fn collect_unknown(statement: &Statement, unknown: &mut Vec<String>) {
    match statement {
        Statement::Unknown(name) => unknown.push(name.clone()),
        Statement::Update(update) => update.statements.iter().for_each(|inner| collect_unknown(inner, unknown)),
        _ => {}
    }
}

/// A statement.
pub(super) fn statement(style: Style<'_>, family: Family, statement: &Statement) -> String {
    match statement {
        Statement::Match(operand, op, right) => comparison(style, operand, *op, right),
        Statement::Verdict(of) => verdict(of),
        Statement::VerdictMap(operand, set) => {
            format!("{} vmap {}", operand_text(style, operand), set::used(style, set))
        }
        Statement::Counter { .. } if style.stateless => "counter".to_owned(),
        Statement::Counter { packets, bytes } => format!("counter packets {packets} bytes {bytes}"),
        Statement::Limit(of) => limit(of),
        Statement::Log(of) => log(of),
        Statement::Reject(of) => reject(family, *of),
        Statement::Update(of) => update(style, family, of),
        Statement::Write(field, of) => format!("{} set {}", field.text(), written(style, *field, of)),
        Statement::Nat(of) => nat(style, family, of),
        Statement::NoTrack => "notrack".to_owned(),
        Statement::Unknown(name) => format!("({name})"),
    }
}

/// A verdict.
pub(super) fn verdict(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Accept => "accept".to_owned(),
        Verdict::Drop => "drop".to_owned(),
        Verdict::Continue => "continue".to_owned(),
        Verdict::Return => "return".to_owned(),
        Verdict::Jump(chain) => format!("jump {chain}"),
        Verdict::Goto(chain) => format!("goto {chain}"),
    }
}

/// A value, with `between` between bits.
fn value_with(style: Style<'_>, of: Type, value: &[u8], between: &str) -> String {
    match shown(style, of, value) {
        Shown::Word(word) if of.is_text() || (of == Type::IfIndex && word.parse::<u32>().is_err()) => {
            format!("\"{word}\"")
        }
        Shown::Word(word) => word,
        Shown::Bits(words) => words.join(between),
        Shown::Number(number) => number_text(of, number),
        Shown::Boolean(is) => if is { "exists" } else { "missing" }.to_owned(),
    }
}

/// A value of a set, or a single one.
pub(super) fn value(style: Style<'_>, of: Type, bytes: &[u8]) -> String {
    value_with(style, of, bytes, " | ")
}

/// A value, a prefix or a range.
pub(super) fn pattern(style: Style<'_>, of: Type, pattern: &Pattern) -> String {
    match pattern {
        Pattern::Value(bytes) => value(style, of, bytes),
        Pattern::Prefix(bytes, _) if of.is_text() => format!("\"{}*\"", super::value::name(bytes)),
        Pattern::Prefix(bytes, bits) => format!("{}/{bits}", value(style, of, bytes)),
        Pattern::Range(low, high) => format!("{}-{}", edge(style, of, low), edge(style, of, high)),
    }
}

/// The first or last value of a range: a number even where there is a word.
fn edge(style: Style<'_>, of: Type, bytes: &[u8]) -> String {
    match (of.kind().words.is_empty(), crate::types::number(bytes)) {
        (false, Some(number)) => number_text(of, number),
        _ => value(style, of, bytes),
    }
}

fn operand_text(style: Style<'_>, operand: &Operand) -> String {
    let fields: Vec<String> = operand.fields.iter().map(|field| field.text()).collect();
    let mut text = fields.join(" . ");
    if let (Some(mask), [field]) = (&operand.mask, &operand.fields[..]) {
        text.push_str(&format!(" & {}", value(style, field.of(), mask)));
    }
    text
}

fn comparison(style: Style<'_>, operand: &Operand, op: Op, right: &Right) -> String {
    let left = operand_text(style, operand);
    let sign = match op {
        Op::Equal | Op::Any => "",
        Op::Unequal => "!= ",
        Op::Less => "< ",
        Op::LessOrEqual => "<= ",
        Op::Greater => "> ",
        Op::GreaterOrEqual => ">= ",
        Op::None => "! ",
    };
    let pattern = match right {
        Right::Set(set) => return format!("{left} {sign}{}", set::used(style, set)),
        Right::One(pattern) => pattern,
    };
    let Some(field) = operand.fields.first() else { return left };
    let of = field.of();
    match (pattern, &operand.mask) {
        (Pattern::Value(bytes), Some(mask)) if of.is_bits() && several_bits(mask) => {
            let value = value_with(style, of, bytes, ",");
            format!("{} {sign}{value} / {}", field.text(), value_with(style, of, mask, ","))
        }
        (Pattern::Value(_), Some(_)) => {
            let sign = if op == Op::Equal { "== " } else { sign };
            format!("{left} {sign}{}", self::pattern(style, of, pattern))
        }
        (Pattern::Value(bytes), None) if matches!(op, Op::Any | Op::None) => {
            format!("{left} {sign}{}", value_with(style, of, bytes, ","))
        }
        // Bits of headers that are equal all together are a number to the original.
        (Pattern::Value(bytes), None) if of.is_bits() && (op == Op::Equal || is_part(*field)) => {
            let number = crate::types::number(bytes).unwrap_or(0);
            let text = match (several_bits(bytes), is_part(*field)) {
                (true, true) => number_text(of, number),
                _ => value(style, of, bytes),
            };
            // The original leaves `==` out before several bits, and takes its own text for another comparison then.
            let sign = if op == Op::Equal { "== " } else { sign };
            format!("{left} {sign}{text}")
        }
        _ => format!("{left} {sign}{}", self::pattern(style, of, pattern)),
    }
}

pub(super) fn is_part(field: Field) -> bool {
    matches!(field, Field::Part(_))
}

/// Whether more than one bit is set.
pub(super) fn several_bits(value: &[u8]) -> bool {
    value.iter().map(|byte| byte.count_ones()).sum::<u32>() > 1
}

fn limit(limit: &Limit) -> String {
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

fn log(log: &Log) -> String {
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
        let word = words::word(words::LOG_LEVEL, u64::from(level));
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

fn reject(family: Family, reject: Reject) -> String {
    let code = |kind: &str, of: Type, code: u8| {
        let word = words::word(of.kind().words, u64::from(code)).map_or(code.to_string(), str::to_owned);
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

fn update(style: Style<'_>, family: Family, update: &Update) -> String {
    let mut text = format!("{} @{} {{ {}", update.action.name(), update.set, operand_text(style, &update.key));
    if let Some(timeout) = update.timeout {
        text.push_str(&format!(" timeout {}", duration(timeout)));
    }
    // These are what each element begins with, and have counted nothing.
    let stateless = Style { stateless: true, ..style };
    for inner in &update.statements {
        text.push_str(&format!(" {}", statement(stateless, family, inner)));
    }
    text.push_str(" }");
    text
}

fn written(style: Style<'_>, field: Field, written: &Written) -> String {
    match written {
        Written::Value(bytes) => value(style, field.of(), bytes),
        Written::Map(operand, set) => format!("{} map {}", operand_text(style, operand), set::used(style, set)),
        Written::Field(from, None) => from.text(),
        Written::Field(from, Some((mask, xor))) => {
            let mut text = from.text();
            for (sign, bytes) in operations(mask, xor) {
                text.push_str(&format!(" {sign} {}", value(style, field.of(), &bytes)));
            }
            text
        }
    }
}

/// `(x & mask) ^ xor` in operations as they would be written.
pub(super) fn operations(mask: &[u8], xor: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    // What is cleared and then turned over is set.
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

fn nat(style: Style<'_>, family: Family, nat: &Nat) -> String {
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

/// Words of the flags.
pub(super) fn nat_flags(nat: &Nat) -> Vec<&'static str> {
    NAT_FLAGS.iter().filter(|(_, bit)| nat.flags & bit != 0).map(|(word, _)| *word).collect()
}

/// Whether a kind of translation gives a new address.
pub(super) fn has_address(kind: NatKind) -> bool {
    matches!(kind, NatKind::Source | NatKind::Destination)
}
